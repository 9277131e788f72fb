#pragma once

#include <string>

#include "client/client.h"
#include "client/http/http_client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::client {

/// Tokens of a service account, asked of the server by another client, which may create them; so
/// the holder of one identity acts as many lesser ones. The account is made where it is missing. A
/// token lasts an hour and is replaced when a fifth of that is left. One executor. Upstream:
/// controller-manager's DynamicControllerClientBuilder.
class AccountTokens final : public TokenSource {
 public:
  /// `issuer` and `executor` outlive it.
  AccountTokens(Client& issuer, Executor& executor, std::string ns, std::string account);
  Task<Result<std::string>> token(std::stop_token stop) override;
  void refused() override { renewAt_ = {}; }

 private:
  Task<Status> renew(std::stop_token stop);
  Task<Status> requestOrMake(std::stop_token stop);
  Task<Status> request(std::stop_token stop);

  Client& issuer_;
  Executor& executor_;
  const std::string ns_;
  const std::string account_;
  std::string token_;
  MonotonicTime renewAt_{};  ///< the past: now
  Semaphore one_{1};
};

}  // namespace coxswain::client
