#include "apiserver/subresources/disruption_budget.h"

#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "api/helpers/pods.h"
#include "api/select/labels.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::policy::v1::PodDisruptionBudget;

constexpr size_t kDisruptedPodsMax = 2000;
constexpr int32_t kRetrySeconds = 10;
constexpr std::string_view kAllowed = "DisruptionAllowed";

/// Not running, or ending already: nobody is disturbed.
bool needsNoBudget(const Pod& pod) {
  const auto& phase = pod.status.phase;
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" ||
         pod.metadata.deletionTimestamp.has_value();
}

Status refused(std::string why, int32_t retryAfterSeconds) {
  StatusDetails details;
  details.causes.push_back({"DisruptionBudget", std::move(why), ""});
  details.retryAfterSeconds = retryAfterSeconds;
  return Status(Reason::TooManyRequests, 429,
                "Cannot evict pod as it would violate the pod's disruption budget.")
      .withDetails(std::move(details));
}

/// A pod that is not ready may go by the budget's policy without being counted.
bool goesUncounted(const Pod& pod, const PodDisruptionBudget& budget) {
  if (api::isPodReady(pod)) return false;
  if (budget.spec.unhealthyPodEvictionPolicy.value_or("") == "AlwaysAllow") return true;
  const auto& status = budget.status;
  return status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
}

void setAllowed(PodDisruptionBudget& budget, bool allowed) {
  for (auto& condition : budget.status.conditions) {
    if (condition.type != kAllowed) continue;
    if (condition.status != (allowed ? "True" : "False")) {
      condition.lastTransitionTime = registryNow();
    }
    condition.status = allowed ? "True" : "False";
    condition.reason = allowed ? "SufficientPods" : "InsufficientPods";
    return;
  }
  auto& condition = budget.status.conditions.emplace_back();
  condition.type = kAllowed;
  condition.status = allowed ? "True" : "False";
  condition.reason = allowed ? "SufficientPods" : "InsufficientPods";
  condition.lastTransitionTime = registryNow();
  condition.observedGeneration = budget.status.observedGeneration;
}

Status bookIn(PodDisruptionBudget& budget, const std::string& pod) {
  auto& status = budget.status;
  const auto& name = budget.metadata.name;
  if (status.observedGeneration < budget.metadata.generation) {
    return refused("The disruption budget " + name + " is still being processed by the server.",
                   kRetrySeconds);
  }
  if (status.disruptionsAllowed < 0) {
    return forbidden("poddisruptionbudgets.policy", name, "pdb disruptions allowed is negative");
  }
  if (status.disruptedPods.size() > kDisruptedPodsMax) {
    return forbidden(
        "poddisruptionbudgets.policy", name,
        "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (status.disruptionsAllowed == 0) {
    return refused("The disruption budget " + name + " needs " +
                       std::to_string(status.desiredHealthy) + " healthy pods and has " +
                       std::to_string(status.currentHealthy) + " currently",
                   0);
  }
  --status.disruptionsAllowed;
  if (status.disruptionsAllowed == 0) setAllowed(budget, false);
  status.disruptedPods.insert_or_assign(pod, registryNow());
  return {};
}

}  // namespace

Task<Status> bookDisruption(GenericRegistry& budgets, Pod pod, bool dryRun) {
  if (needsNoBudget(pod)) co_return Status();
  ListRequest request;
  request.ns = pod.metadata.namespace_;
  CO_TRY(auto all, budgets.list(request));
  std::vector<api::ConstObject> mine;
  for (const auto& item : all.items) {
    CO_TRY(auto object, item.object());
    CO_TRY(auto selector,
           api::LabelSelector::from(object.as<PodDisruptionBudget>()->spec.selector.get()));
    if (selector.matches(pod.metadata.labels)) mine.push_back(std::move(object));
  }
  if (mine.empty()) co_return Status();
  if (mine.size() > 1) {
    co_return Status(Reason::Unknown, 500,
                     "This pod has more than one PodDisruptionBudget, which the eviction "
                     "subresource does not support.");
  }
  const auto& budget = *mine.front().as<PodDisruptionBudget>();
  if (goesUncounted(pod, budget)) co_return Status();
  GenericRegistry::UpdateRequest update;
  update.ns = pod.metadata.namespace_;
  update.name = budget.metadata.name;
  update.status = true;
  update.dryRun = dryRun;
  GenericRegistry::Transform book = [&pod](const api::Object* current) -> Result<api::Object> {
    auto next = current->clone();
    TRY_STATUS(bookIn(*next.as<PodDisruptionBudget>(), pod.metadata.name));
    return next;
  };
  auto booked = co_await budgets.update(std::move(update), book);
  // A budget that was deleted meanwhile holds nothing up.
  if (!booked.ok() && !isNotFound(booked.status())) co_return booked.status();
  co_return Status();
}

}  // namespace coxswain::apiserver
