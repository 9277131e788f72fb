#pragma once

#include <map>
#include <string>
#include <utility>

#include "client/client.h"
#include "client/path_reader.h"

namespace coxswain::client::testing {

/// Another client with something of its own: subclasses override what is different.
class ForwardingClient : public Client {
 public:
  explicit ForwardingClient(Client& to) : to_(to) {}

  Task<Result<api::ConstObject>> get(const ResourceType& type, std::string ns, std::string name,
                                     std::stop_token stop) override {
    return to_.get(type, std::move(ns), std::move(name), std::move(stop));
  }
  Task<Result<api::ConstObject>> getSubresource(const ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override {
    return to_.getSubresource(type, std::move(ns), std::move(name), std::move(subresource),
                              std::move(stop));
  }
  Task<Result<ObjectList>> list(const ResourceType& type, std::string ns, ListOptions options,
                                std::stop_token stop) override {
    return to_.list(type, std::move(ns), std::move(options), std::move(stop));
  }
  Task<Result<std::unique_ptr<Watch>>> watch(const ResourceType& type, std::string ns,
                                             WatchOptions options, std::stop_token stop) override {
    return to_.watch(type, std::move(ns), std::move(options), std::move(stop));
  }
  Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns, std::string name,
                                        std::string subresource, api::ConstObject object,
                                        std::stop_token stop) override {
    return to_.create(type, std::move(ns), std::move(name), std::move(subresource),
                      std::move(object), std::move(stop));
  }
  Task<Result<api::ConstObject>> update(const ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override {
    return to_.update(type, std::move(subresource), std::move(object), std::move(stop));
  }
  Task<Result<api::ConstObject>> patch(const ResourceType& type, std::string ns, std::string name,
                                       std::string subresource, PatchType patchType,
                                       std::string body, std::stop_token stop) override {
    return to_.patch(type, std::move(ns), std::move(name), std::move(subresource), patchType,
                     std::move(body), std::move(stop));
  }
  Task<Status> remove(const ResourceType& type, std::string ns, std::string name,
                      DeleteOptions options, std::stop_token stop) override {
    return to_.remove(type, std::move(ns), std::move(name), std::move(options), std::move(stop));
  }

 private:
  Client& to_;
};

/// Reads paths as well: those that `answers` has.
class PathsClient final : public ForwardingClient, public PathReader {
 public:
  using ForwardingClient::ForwardingClient;

  std::map<std::string, Result<std::string>> answers;
  int reads = 0;

  Task<Result<std::string>> readPath(std::string path, PathQuery /*query*/,
                                     std::stop_token /*stop*/) override {
    ++reads;
    auto at = answers.find(path);
    if (at == answers.end()) {
      co_return Status(Reason::NotFound, 404, "the server could not find the requested resource");
    }
    co_return at->second;
  }
};

}  // namespace coxswain::client::testing
