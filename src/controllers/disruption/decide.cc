#include "controllers/disruption/decide.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::disruption {

using api::core::v1::Pod;
using api::meta::v1::Condition;
using api::policy::v1::PodDisruptionBudget;
using api::policy::v1::PodDisruptionBudgetStatus;

namespace {

void setAllowed(PodDisruptionBudgetStatus& status, std::string_view reason,
                const std::string& message, int64_t generation, WallTime now) {
  Condition condition;
  condition.type = "DisruptionAllowed";
  condition.status = status.disruptionsAllowed > 0 ? "True" : "False";
  condition.reason = reason;
  condition.message = message;
  condition.observedGeneration = generation;
  condition.lastTransitionTime = api::Time(now);
  api::setCondition(status.conditions, condition);
}

}  // namespace

bool needsScale(const PodDisruptionBudget& budget) {
  if (budget.spec.maxUnavailable) return true;
  return budget.spec.minAvailable && budget.spec.minAvailable->isString();
}

Result<Expectation> expected(const PodDisruptionBudget& budget, size_t pods, int32_t scale) {
  const auto& spec = budget.spec;
  Expectation expectation;
  if (spec.maxUnavailable) {
    TRY(int most, api::getScaledValueFromIntOrPercent(*spec.maxUnavailable, scale, true));
    expectation.pods = scale;
    expectation.healthy = std::max(0, scale - most);
  } else if (spec.minAvailable) {
    expectation.pods = spec.minAvailable->isString() ? scale : static_cast<int32_t>(pods);
    TRY(expectation.healthy, api::getScaledValueFromIntOrPercent(*spec.minAvailable, scale, true));
  }
  return expectation;
}

Counted count(const PodDisruptionBudget& budget, const std::vector<PodPointer>& pods,
              const Expectation& expectation, WallTime now) {
  Counted counted;
  auto& status = counted.status;
  status = budget.status;
  status.disruptedPods.clear();
  status.currentHealthy = 0;
  for (const auto& pod : pods) {
    if (pod->metadata.deletionTimestamp) continue;
    const auto* since = budget.status.disruptedPods.get(pod->metadata.name);
    if (since != nullptr) {
      const Duration left = since->wall() + kDisruptionTimeout - now;
      if (left > Duration(0)) {
        status.disruptedPods[pod->metadata.name] = *since;
        counted.again = counted.again == Duration(0) ? left : std::min(counted.again, left);
        continue;
      }
      counted.overdue.push_back(pod);
    }
    if (api::isPodReady(*pod)) ++status.currentHealthy;
  }
  status.desiredHealthy = expectation.healthy;
  status.expectedPods = expectation.pods;
  status.disruptionsAllowed = status.currentHealthy - expectation.healthy;
  if (expectation.pods <= 0) status.disruptionsAllowed = 0;
  status.disruptionsAllowed = std::max(0, status.disruptionsAllowed);
  status.observedGeneration = budget.metadata.generation;
  setAllowed(status, status.disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods", "",
             budget.metadata.generation, now);
  return counted;
}

PodDisruptionBudgetStatus failed(const PodDisruptionBudget& budget, const std::string& why,
                                 WallTime now) {
  auto status = budget.status;
  status.disruptionsAllowed = 0;
  setAllowed(status, "SyncFailed", why, budget.metadata.generation, now);
  return status;
}

std::optional<Duration> disruptionLeft(const Pod& pod, WallTime now) {
  if (pod.metadata.deletionTimestamp || api::isPodTerminal(pod)) return std::nullopt;
  const auto* condition = api::findPodCondition(pod.status, "DisruptionTarget");
  if (condition == nullptr || condition->status != "True") return std::nullopt;
  // The kubelet may take as long as it wants.
  if (condition->reason == "TerminationByKubelet") return std::nullopt;
  return condition->lastTransitionTime.wall() + kDisruptionTimeout - now;
}

}  // namespace coxswain::controllers::disruption
