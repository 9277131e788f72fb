#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/codec/protobuf.h"
#include "base/assert.h"
#include "client/testing/forwarding_client.h"

namespace coxswain::scheduler::testing {

/// Lists and watches as over HTTP: each object is decoded for its reader alone, as the kind that
/// the reader's type says.
class DecodingClient : public client::testing::ForwardingClient {
 public:
  using ForwardingClient::ForwardingClient;

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
    CO_TRY(auto out,
           co_await ForwardingClient::list(type, std::move(ns), std::move(options), stop));
    for (auto& item : out.items) item = decoded(type, item);
    co_return out;
  }
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType& type,
                                                     std::string ns, client::WatchOptions options,
                                                     std::stop_token stop) override {
    CO_TRY(auto watch,
           co_await ForwardingClient::watch(type, std::move(ns), std::move(options), stop));
    co_return std::make_unique<DecodingWatch>(type, std::move(watch));
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
};

}  // namespace coxswain::scheduler::testing
