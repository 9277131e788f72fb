#pragma once

#include "api/gen/core_v1.h"
#include "apiserver/generic/generic_registry.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Asks the PodDisruptionBudget of a pod whether it may be evicted, and books the disruption in the
/// budget's status. TooManyRequests: not now; 500 where several budgets select the pod; Forbidden
/// where a budget is out of order. `budgets` outlives the task.
Task<Status> bookDisruption(GenericRegistry& budgets, api::core::v1::Pod pod, bool dryRun);

}  // namespace coxswain::apiserver
