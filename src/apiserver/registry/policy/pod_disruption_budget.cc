#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::policy::v1::PodDisruptionBudget;
using api::policy::v1::PodDisruptionBudgetSpec;

namespace {

/// The spec as upstream's internal type prints it.
api::FieldValue shownSpec(const PodDisruptionBudgetSpec& spec) {
  auto number = [](const std::optional<api::IntOrString>& value) -> std::string {
    return value ? api::FieldValue(*value).text() : "null";
  };
  std::string text = "{\"MinAvailable\":" + number(spec.minAvailable) + ",\"Selector\":";
  text += spec.selector ? asJson(*spec.selector).text() : "null";
  text += ",\"MaxUnavailable\":" + number(spec.maxUnavailable);
  text += ",\"UnhealthyPodEvictionPolicy\":";
  text += spec.unhealthyPodEvictionPolicy ? api::FieldValue(*spec.unhealthyPodEvictionPolicy).text()
                                          : "null";
  return api::FieldValue::json(text + "}");
}

void checkAmount(const std::optional<api::IntOrString>& amount, const FieldPath& path,
                 FieldErrors& errors) {
  if (!amount) return;
  checkPositiveIntOrPercent(*amount, path, errors);
  checkAtMostHundredPercent(*amount, path, errors);
}

class PodDisruptionBudgetStrategy final : public TypedStrategy<PodDisruptionBudget> {
 public:
  PodDisruptionBudgetStrategy()
      : TypedStrategy(StrategyTraits{.allowUnconditionalUpdate = false, .generation = true}) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }

 protected:
  void check(const PodDisruptionBudget& budget, FieldErrors& errors) const override {
    const FieldPath path("spec");
    const auto& spec = budget.spec;
    if (spec.minAvailable && spec.maxUnavailable) {
      errors.invalid(path, shownSpec(spec), "minAvailable and maxUnavailable cannot be both set");
    }
    checkAmount(spec.minAvailable, path.child("minAvailable"), errors);
    checkAmount(spec.maxUnavailable, path.child("maxUnavailable"), errors);
    if (spec.selector) validateLabelSelector(*spec.selector, path.child("selector"), errors);
    const auto policy = spec.unhealthyPodEvictionPolicy.value_or("IfHealthyBudget");
    if (policy != "IfHealthyBudget" && policy != "AlwaysAllow") {
      errors.notSupported(path.child("unhealthyPodEvictionPolicy"), policy,
                          {"AlwaysAllow", "IfHealthyBudget"});
    }
  }
  void checkStatusUpdate(const PodDisruptionBudget& next, const PodDisruptionBudget&,
                         FieldErrors& errors) const override {
    const FieldPath path("status");
    const auto& status = next.status;
    validateConditions(status.conditions, path.child("conditions"), errors);
    checkNonNegative(status.disruptionsAllowed, path.child("disruptionsAllowed"), errors);
    checkNonNegative(status.currentHealthy, path.child("currentHealthy"), errors);
    checkNonNegative(status.desiredHealthy, path.child("desiredHealthy"), errors);
    checkNonNegative(status.expectedPods, path.child("expectedPods"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makePodDisruptionBudgetStrategy() {
  return std::make_unique<PodDisruptionBudgetStrategy>();
}

}  // namespace coxswain::apiserver
