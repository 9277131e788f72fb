#pragma once

#include <stop_token>
#include <string>

#include "base/time.h"
#include "client/client.h"
#include "runtime/task.h"
#include "scheduler/volumes/pod_volumes.h"

namespace coxswain::scheduler {

/// Remembers the plan for a pod in `state`: its volumes are taken and its claims go to the node.
void reservePlan(VolumeState& state, VolumePlan& plan, const std::string& node);
/// Takes it back. May be called twice.
void releasePlan(VolumeState& state, VolumePlan& plan);

/// Carries a plan out: names the claim in each volume it took (spec.claimRef) and the node in each
/// claim whose volume is to be made (annotation selected-node); then waits until the binder and the
/// provisioners have bound all claims, `timeout` at most. Fails early where somebody undid it: a
/// provisioner that gives up takes the annotation away. References outlive the task.
/// Upstream: pkg/scheduler/framework/plugins/volumebinding.
Task<Status> carryOut(client::Client& client, VolumeState& state, const VolumePlan& plan,
                      std::string node, Duration timeout, std::stop_token stop);

}  // namespace coxswain::scheduler
