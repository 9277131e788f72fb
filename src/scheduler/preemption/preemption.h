#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/framework/picker.h"
#include "scheduler/preemption/budgets.h"

namespace coxswain::scheduler {

/// What preemption makes of a pod that fits nowhere.
struct PreemptionPlan {
  /// Empty: nothing can be done, and `message` ("preemption: ...") says why.
  std::string node;
  std::vector<PodInfoPtr> victims;  ///< the most important first
  std::string message;
  /// The node that the pod was nominated for is of no use to it any more.
  bool unnominate = false;
};

/// Looks for a node where the pod fits once pods of lower priority have gone, and the fewest and
/// least important of those. Considers as many of the nodes that `decision` found Unschedulable as
/// the options say, from `offset` on. Budgets are respected where that is possible: pods whose
/// eviction would break one stay if they can, and nodes with fewer such victims are preferred. The
/// decision's state is as it was afterwards. A pure function but for that.
/// Upstream: plugins/defaultpreemption, framework/preemption.
PreemptionPlan planPreemption(const Framework& framework, const PreemptionOptions& options,
                              const PodInfo& pod, const Snapshot& snapshot, Decision& decision,
                              const Budgets& budgets, uint64_t offset);

}  // namespace coxswain::scheduler
