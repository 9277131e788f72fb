#pragma once

#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Who writes the builtin objects, for managedFields.
inline constexpr const char* kFlowControlProducer = "api-priority-and-fairness-config-producer-v1";

/// Keeps the flow schemas and priority levels that every cluster has (registry/flowcontrol/
/// builtin_objects.h). Mandatory ones always have their fixed spec. Suggested ones are made where
/// they are missing, and follow ours while annotation apf.kubernetes.io/autoupdate-spec is "true",
/// or, where it is absent, while nobody changed their spec (generation 1); the annotation then says
/// which. Objects with the annotation "true" that are none of ours any more are removed.
///
/// One executor. Upstream: pkg/registry/flowcontrol/rest and ensurer.
class FlowControlBootstrap {
 public:
  /// `client` (of system:masters, writing as kFlowControlProducer) outlives it.
  explicit FlowControlBootstrap(client::Client& client) : client_(client) {}

  /// One round. Unfinished work is left to the next; the first failure is told.
  Task<Status> ensure(std::stop_token stop);
  /// A round a minute from now on, on this executor.
  void keep(Executor& executor);
  /// Ends it; always, once `keep` was called.
  Task<void> stop();

 private:
  Task<void> keepOn(Gate::Pass pass);

  client::Client& client_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
