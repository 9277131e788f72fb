#pragma once

#include <string>

#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Name of the lease of the API server of a host: "apiserver-" and a hash of the host's name.
std::string identityLeaseName(std::string_view hostName);

/// Keeps the lease in kube-system by which one sees which API servers a cluster has. It holds for
/// an hour and is renewed each five minutes (upstream: each 10 s; a write that nobody waits for).
/// One executor. Upstream: pkg/controlplane, identity lease controller.
class IdentityLease {
 public:
  /// `client` (of system:masters) and `executor` outlive it.
  IdentityLease(client::Client& client, Executor& executor, Random& random, std::string hostName);

  Task<Status> ensure(std::stop_token stop);
  /// Renews it until stop().
  void keep();
  Task<void> stop();

 private:
  Task<void> run(Gate::Pass pass);

  client::Client& client_;
  Executor& executor_;
  std::string hostName_;
  std::string holder_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
