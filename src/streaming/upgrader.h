#pragma once

#include <memory>
#include <stop_token>

#include "net/http_client.h"

namespace coxswain::streaming {

/// How a request for an upgrade gets to the server: each over a connection of its own. One
/// executor.
class Upgrader {
 public:
  virtual ~Upgrader() = default;
  /// The answer, 101 or not (or a failure that stands for the latter).
  virtual Task<Result<std::unique_ptr<net::ClientResponse>>> send(net::ClientRequest request,
                                                                  std::stop_token stop) = 0;
};

/// By an HttpClient, as it is: without identity for one.
class HttpUpgrader final : public Upgrader {
 public:
  explicit HttpUpgrader(net::HttpClient& client) : client_(client) {}
  Task<Result<std::unique_ptr<net::ClientResponse>>> send(net::ClientRequest request,
                                                          std::stop_token stop) override {
    return client_.sendForUpgrade(std::move(request), std::move(stop));
  }

 private:
  net::HttpClient& client_;
};

}  // namespace coxswain::streaming
