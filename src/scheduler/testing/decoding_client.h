#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/codec/protobuf.h"
#include "base/assert.h"
#include "client/client.h"

namespace coxswain::scheduler::testing {

/// Lists and watches as over HTTP: each object is decoded for its reader alone, as the kind that
/// the reader's type says. All else goes to `under`.
class DecodingClient : public client::Client {
 public:
  explicit DecodingClient(client::Client& under) : under_(under) {}

  static api::ConstObject decoded(const client::ResourceType& type,
                                  const api::ConstObject& object) {
    std::string bytes;
    api::encodeProtobuf(object.info(), object.data(), bytes);
    api::Object out(*type.kind);
    const Status read = api::decodeProtobuf(*type.kind, bytes, out.data());
    COXSWAIN_ASSERT(read.ok());
    return out;
  }

  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string ns,
                                        client::ListOptions options,
                                        std::stop_token stop) override {
    CO_TRY(auto out, co_await under_.list(type, std::move(ns), std::move(options), stop));
    for (auto& item : out.items) item = decoded(type, item);
    co_return out;
  }
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType& type,
                                                     std::string ns, client::WatchOptions options,
                                                     std::stop_token stop) override {
    CO_TRY(auto watch, co_await under_.watch(type, std::move(ns), std::move(options), stop));
    co_return std::make_unique<DecodingWatch>(type, std::move(watch));
  }

  Task<Result<api::ConstObject>> get(const client::ResourceType& type, std::string ns,
                                     std::string name, std::stop_token stop) override {
    return under_.get(type, std::move(ns), std::move(name), std::move(stop));
  }
  Task<Result<api::ConstObject>> getSubresource(const client::ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override {
    return under_.getSubresource(type, std::move(ns), std::move(name), std::move(subresource),
                                 std::move(stop));
  }
  Task<Result<api::ConstObject>> create(const client::ResourceType& type, std::string ns,
                                        std::string name, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override {
    return under_.create(type, std::move(ns), std::move(name), std::move(subresource),
                         std::move(object), std::move(stop));
  }
  Task<Result<api::ConstObject>> update(const client::ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override {
    return under_.update(type, std::move(subresource), std::move(object), std::move(stop));
  }
  Task<Result<api::ConstObject>> patch(const client::ResourceType& type, std::string ns,
                                       std::string name, std::string subresource,
                                       client::PatchType patchType, std::string body,
                                       std::stop_token stop) override {
    return under_.patch(type, std::move(ns), std::move(name), std::move(subresource), patchType,
                        std::move(body), std::move(stop));
  }
  Task<Status> remove(const client::ResourceType& type, std::string ns, std::string name,
                      client::DeleteOptions options, std::stop_token stop) override {
    return under_.remove(type, std::move(ns), std::move(name), std::move(options), std::move(stop));
  }

 private:
  class DecodingWatch final : public client::Watch {
   public:
    DecodingWatch(const client::ResourceType& type, std::unique_ptr<client::Watch> under)
        : type_(type), under_(std::move(under)) {}
    Task<Result<client::WatchEvent>> next(std::stop_token stop) override {
      CO_TRY(auto event, co_await under_->next(std::move(stop)));
      event.object = decoded(type_, event.object);
      co_return event;
    }

   private:
    const client::ResourceType& type_;
    std::unique_ptr<client::Watch> under_;
  };

  client::Client& under_;
};

}  // namespace coxswain::scheduler::testing
