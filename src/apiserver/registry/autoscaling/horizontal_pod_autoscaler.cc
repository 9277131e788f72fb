#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "apiserver/registry/autoscaling/hpa_conversion.h"
#include "apiserver/registry/autoscaling/hpa_rules.h"
#include "apiserver/registry/hub_strategy.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using namespace api::autoscaling::v2;  // NOLINT
using api::FieldErrors;
using api::FieldPath;
using AutoscalerV1 = api::autoscaling::v1::HorizontalPodAutoscaler;

namespace {

constexpr int32_t kPeriodSeconds = 15;

HPAScalingPolicy policy(std::string_view type, int32_t value) {
  HPAScalingPolicy out;
  out.type = type;
  out.value = value;
  out.periodSeconds = kPeriodSeconds;
  return out;
}

void fillRules(api::Box<HPAScalingRules>& rules, bool up) {
  if (!rules) rules.emplace();
  if (up && !rules->stabilizationWindowSeconds) rules->stabilizationWindowSeconds = 0;
  if (!rules->selectPolicy) rules->selectPolicy = kMaxChangePolicySelect;
  if (!rules->policies.empty()) return;
  if (up) rules->policies.push_back(policy(kPodsScalingPolicy, 4));
  rules->policies.push_back(policy(kPercentScalingPolicy, 100));
}

class AutoscalerStrategy final : public TypedStrategy<HorizontalPodAutoscaler> {
 public:
  AutoscalerStrategy() : TypedStrategy(StrategyTraits{}) {}

 protected:
  void defaults(HorizontalPodAutoscaler& object) const override {
    auto& spec = object.spec;
    if (!spec.minReplicas) spec.minReplicas = 1;
    if (spec.metrics.empty()) {
      auto& metric = spec.metrics.emplace_back();
      metric.type = kResourceMetricSourceType;
      auto& resource = metric.resource.emplace();
      resource.name = "cpu";
      resource.target.type = kUtilizationMetricType;
      resource.target.averageUtilization = 80;
    }
    if (!spec.behavior) return;
    fillRules(spec.behavior->scaleUp, true);
    fillRules(spec.behavior->scaleDown, false);
  }
  void check(const HorizontalPodAutoscaler& object, FieldErrors& errors) const override {
    validateAutoscaler(object, nullptr, errors);
  }
  void checkUpdate(const HorizontalPodAutoscaler& next, const HorizontalPodAutoscaler& current,
                   FieldErrors& errors) const override {
    validateAutoscaler(next, &current, errors);
  }
  void checkStatusUpdate(const HorizontalPodAutoscaler& next, const HorizontalPodAutoscaler&,
                         FieldErrors& errors) const override {
    const FieldPath path("status");
    checkNonNegative(next.status.currentReplicas, path.child("currentReplicas"), errors);
    checkNonNegative(next.status.desiredReplicas, path.child("desiredReplicas"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeHorizontalPodAutoscalerStrategy() {
  return std::make_unique<AutoscalerStrategy>();
}
std::unique_ptr<Strategy> makeHorizontalPodAutoscalerV1Strategy() {
  return std::make_unique<HubStrategy<AutoscalerV1, HorizontalPodAutoscaler>>(
      makeHorizontalPodAutoscalerStrategy(), toAutoscalerV2, toAutoscalerV1);
}

}  // namespace coxswain::apiserver
