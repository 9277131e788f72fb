#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/framework/picker.h"

namespace coxswain::scheduler {

/// What preemption makes of a pod that fits nowhere.
struct PreemptionPlan {
  /// Empty: nothing can be done, and `message` ("preemption: ...") says why.
  std::string node;
  std::vector<PodInfoPtr> victims;
  std::string message;
};

/// Looks for a node where the pod fits once pods of lower priority have gone, and the fewest and
/// least important of those. Considers max(10 %, 100) of the nodes that `decision` found
/// Unschedulable, from `offset` on. A pure function. PodDisruptionBudgets are not looked at.
/// Upstream: plugins/defaultpreemption.
PreemptionPlan planPreemption(const Framework& framework, const PodInfo& pod,
                              const Snapshot& snapshot, const Decision& decision, uint64_t offset);

}  // namespace coxswain::scheduler
