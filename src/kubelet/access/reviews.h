#pragma once

#include <map>
#include <string>
#include <tuple>

#include "client/client.h"
#include "kubelet/server/access.h"
#include "runtime/executor.h"

namespace coxswain::kubelet {

/// Asks the API server who a bearer token belongs to (TokenReview); answers are kept for 2 minutes.
/// One executor. Upstream: webhook token authentication.
class ReviewAuthenticator final : public server::TokenAuthenticator {
 public:
  ReviewAuthenticator(client::Client& client, Executor& executor)
      : client_(client), executor_(executor) {}
  Task<Result<server::Caller>> authenticate(std::string token, std::stop_token stop) override;

 private:
  struct Known {
    server::Caller caller;
    MonotonicTime until{};
  };
  client::Client& client_;
  Executor& executor_;
  std::map<std::string, Known> known_;
};

/// Asks the API server what a caller may do to this node (SubjectAccessReview); yes is kept for 5
/// minutes, no for 30 seconds. One executor. Upstream: webhook authorization.
class ReviewAuthorizer final : public server::Authorizer {
 public:
  ReviewAuthorizer(client::Client& client, Executor& executor)
      : client_(client), executor_(executor) {}
  Task<Status> authorize(server::AccessQuestion question, std::stop_token stop) override;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // user, verb, subresource
  struct Known {
    bool allowed = false;
    std::vector<std::string> groups;
    MonotonicTime until{};
  };
  Task<Result<bool>> ask(const server::AccessQuestion& question, std::string subresource,
                         std::stop_token stop);
  client::Client& client_;
  Executor& executor_;
  std::map<Key, Known> known_;
};

/// For authorization mode AlwaysAllow: whoever was vouched for.
class AllowAll final : public server::Authorizer {
 public:
  Task<Status> authorize(server::AccessQuestion, std::stop_token) override { co_return Status(); }
};

}  // namespace coxswain::kubelet
