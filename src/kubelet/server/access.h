#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::net {
struct Request;
}

namespace coxswain::kubelet::server {

/// Who asks.
struct Caller {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  [[nodiscard]] bool inGroup(std::string_view group) const;
};

/// Vouches for bearer tokens (by TokenReview at the API server). Upstream: webhook authentication.
class TokenAuthenticator {
 public:
  virtual ~TokenAuthenticator() = default;
  /// Unauthorized: not a token it knows.
  virtual Task<Result<Caller>> authenticate(std::string token, std::stop_token stop) = 0;
};

/// What a caller wants to do to this node: verb "get" or "create", resource "nodes", and the
/// subresources any of which suffices ("pods", "proxy"). For everything else "proxy" only.
struct AccessQuestion {
  Caller caller;
  std::string verb;
  std::string nodeName;
  std::vector<std::string> subresources;
  std::string path;
};

/// Decides what a caller may do (by SubjectAccessReview, or by groups).
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// Success, or Forbidden with upstream's text.
  virtual Task<Status> authorize(AccessQuestion question, std::stop_token stop) = 0;
};

/// Forbidden, in upstream's words.
Status refusal(const AccessQuestion& question);

/// Who sent the request: a client certificate that the server's CA vouches for (its common name and
/// organizations), else a bearer token that `tokens` (null: none) knows. Unauthorized: nobody.
Task<Result<Caller>> authenticate(const net::Request& request, TokenAuthenticator* tokens,
                                  std::stop_token stop);

/// Allows system:masters, and the members of groups given (the API server's client identity:
/// "kubeadm:cluster-admins" or what src/cmd passes). Anonymous callers are refused.
class GroupAuthorizer final : public Authorizer {
 public:
  explicit GroupAuthorizer(std::vector<std::string> groups = {"system:masters"},
                           std::vector<std::string> users = {})
      : groups_(std::move(groups)), users_(std::move(users)) {}
  Task<Status> authorize(AccessQuestion question, std::stop_token stop) override;

 private:
  std::vector<std::string> groups_;
  std::vector<std::string> users_;
};

/// The subresources of nodes that guard a path of this port, and the verb of an HTTP method.
std::vector<std::string> subresourcesOf(std::string_view path);
std::string_view verbOf(std::string_view method);

}  // namespace coxswain::kubelet::server
