#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"
#include "base/result.h"

namespace coxswain::controllers::disruption {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// An eviction that was allowed counts as done for so long.
inline constexpr Duration kDisruptionTimeout = 2min;

/// What the budget is measured against. `scale`: the sum of the replicas wanted by the pods'
/// owners; needed by budgets with maxUnavailable or a percentage.
struct Expectation {
  int32_t pods = 0;
  int32_t healthy = 0;
};
Result<Expectation> expected(const api::policy::v1::PodDisruptionBudget& budget, size_t pods,
                             int32_t scale);
/// The budget asks for `scale`.
bool needsScale(const api::policy::v1::PodDisruptionBudget& budget);

struct Counted {
  api::policy::v1::PodDisruptionBudgetStatus status;
  Duration again{};                 ///< when an entry of disruptedPods is too old; 0: there is none
  std::vector<PodPointer> overdue;  ///< should have been deleted by now, and were not
};
/// The status of the budget over its pods.
Counted count(const api::policy::v1::PodDisruptionBudget& budget,
              const std::vector<PodPointer>& pods, const Expectation& expectation, WallTime now);
/// What it is when the pods' owners cannot be found: nothing may be disrupted.
api::policy::v1::PodDisruptionBudgetStatus failed(
    const api::policy::v1::PodDisruptionBudget& budget, const std::string& why, WallTime now);

/// How long condition DisruptionTarget of a pod that still lives may stay; zero or less: it is
/// stale. Nothing: it has none, or one that stays.
std::optional<Duration> disruptionLeft(const api::core::v1::Pod& pod, WallTime now);

}  // namespace coxswain::controllers::disruption
