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

/// A node where preemption would help, with its victims, the most important first.
struct PreemptionCandidate {
  std::string node;
  std::vector<PodInfoPtr> victims;
  int violations = 0;  ///< of budgets
};

/// What the victims of a candidate are worth.
VictimCost costOf(const std::vector<PodInfoPtr>& victims, int violations);

/// Is the first the more important one: by priority, then by who runs longer?
bool moreImportant(const PodInfoPtr& a, const PodInfoPtr& b);

/// Looks for a node where the pod fits once pods of lower priority have gone, and the fewest and
/// least important of those. Considers as many of the nodes that `decision` found Unschedulable as
/// the options say, from `offset` on. Budgets are respected where that is possible: pods whose
/// eviction would break one stay if they can, and nodes with fewer such victims are preferred. The
/// decision's state is as it was afterwards. A pure function but for that. `all` gets every
/// candidate that it chose from. Upstream: plugins/defaultpreemption, framework/preemption.
PreemptionPlan planPreemption(const Framework& framework, const PreemptionOptions& options,
                              const PodInfo& pod, const Snapshot& snapshot, Decision& decision,
                              const Budgets& budgets, uint64_t offset,
                              std::vector<PreemptionCandidate>* all = nullptr);

}  // namespace coxswain::scheduler
