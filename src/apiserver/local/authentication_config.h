#pragma once

#include <map>
#include <string>

#include "apiserver/authn/request_headers.h"
#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Keeps config map kube-system/extension-apiserver-authentication, by which aggregated servers
/// know whom this one trusts. What other API servers of the cluster wrote stays: certificates are
/// joined (without those that have ended), lists too. One executor.
/// Upstream: pkg/controlplane/controller/clusterauthenticationtrust.
class AuthenticationConfig {
 public:
  /// Both outlive it; `client` is of system:masters.
  AuthenticationConfig(client::Client& client, Executor& executor)
      : client_(client), executor_(executor) {}

  /// What this server trusts from now on; written by ensure, or at once while it is kept.
  void set(std::string clientCaPem, RequestHeaderOptions requestHeaders);
  Task<Status> ensure(std::stop_token stop);
  /// Mends it when somebody changes it, until stop().
  void keep();
  Task<void> stop();

 private:
  Task<Status> watchOnce(std::stop_token stop);
  Task<void> run(Gate::Pass pass);
  Task<void> ensureNow(Gate::Pass pass);

  client::Client& client_;
  Executor& executor_;
  std::string clientCaPem_;
  RequestHeaderOptions requestHeaders_;
  bool kept_ = false;
  std::stop_source stop_;
  Gate gate_;
};

using ConfigMapData = std::map<std::string, std::string>;
/// `present` with what is trusted added.
[[nodiscard]] ConfigMapData authenticationData(const ConfigMapData& present,
                                               std::string_view clientCaPem,
                                               const RequestHeaderOptions& requestHeaders,
                                               WallTime now);

}  // namespace coxswain::apiserver
