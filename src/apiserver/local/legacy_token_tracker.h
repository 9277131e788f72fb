#pragma once

#include <string>

#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Notes which tokens that are kept in secrets are still used: label
/// kubernetes.io/legacy-token-last-used of the secret, and since when that is noted, in config map
/// kube-system/kube-apiserver-legacy-service-account-token-tracking. One executor.
/// Upstream: pkg/controlplane/controller/legacytokentracking.
class LegacyTokenTracker {
 public:
  /// Both outlive it; `client` is of system:masters.
  LegacyTokenTracker(client::Client& client, Executor& executor)
      : client_(client), executor_(executor) {}

  Task<Status> ensure(std::stop_token stop);
  /// `day` is "2024-01-31". Writes beside the request; a failure is logged, the next use tries
  /// again.
  void used(std::string ns, std::string secret, std::string day);
  Task<void> stop();

 private:
  Task<void> write(Gate::Pass pass, std::string ns, std::string secret, std::string day);

  client::Client& client_;
  Executor& executor_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
