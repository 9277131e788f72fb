#include "apiserver/registry/autoscaling/hpa_conversion.h"

#include <boost/json/value.hpp>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/names/quote.h"
#include "base/text.h"

namespace coxswain::apiserver {

namespace json = boost::json;
namespace v1 = api::autoscaling::v1;
namespace v2 = api::autoscaling::v2;
using api::Quantity;
using Annotations = decltype(api::meta::v1::ObjectMeta::annotations);

namespace {

constexpr std::string_view kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr std::string_view kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr std::string_view kBehavior = "autoscaling.alpha.kubernetes.io/behavior";
/// Of versions that are no longer served.
constexpr std::string_view kDownTolerance = "autoscaling.alpha.kubernetes.io/scale-down-tolerance";
constexpr std::string_view kUpTolerance = "autoscaling.alpha.kubernetes.io/scale-up-tolerance";

constexpr std::string_view kCpu = "cpu";
constexpr int32_t kDefaultUtilization = 80;

void dropOurs(Annotations& annotations) {
  for (auto key :
       {kMetrics, kCurrentMetrics, kConditions, kBehavior, kDownTolerance, kUpTolerance}) {
    annotations.erase(key);
  }
}

/// The list under an annotation; empty where there is none or something else.
template <typename T>
std::vector<T> readList(const Annotations& annotations, std::string_view key) {
  const auto* text = annotations.get(key);
  if (!text) return {};
  auto value = api::parseJsonValue(*text);
  if (!value.ok() || !value->is_array()) return {};
  std::vector<T> out;
  for (const auto& each : value->get_array()) {
    auto decoded = api::decodeValue<T>(each);
    if (!decoded.ok()) return {};
    out.push_back(std::move(*decoded));
  }
  return out;
}

template <typename T>
void writeList(Annotations& annotations, std::string_view key, const std::vector<T>& list) {
  if (list.empty()) return;
  std::string out = "[";
  for (const auto& each : list) {
    if (out.size() > 1) out.push_back(',');
    api::encodeJson(T::info(), &each, out, {.typeMeta = false});
  }
  annotations[key] = out + "]";
}

template <typename To, typename From>
To reference(const From& from) {
  To to;
  to.kind = from.kind;
  to.name = from.name;
  to.apiVersion = from.apiVersion;
  return to;
}
v1::CrossVersionObjectReference referenceV1(const v2::CrossVersionObjectReference& from) {
  return reference<v1::CrossVersionObjectReference>(from);
}
v2::CrossVersionObjectReference referenceV2(const v1::CrossVersionObjectReference& from) {
  return reference<v2::CrossVersionObjectReference>(from);
}

Quantity orZero(const std::optional<Quantity>& value) {
  return value.value_or(Quantity());
}

/// A metric without its amounts: MetricSpec or MetricStatus.
template <typename To, typename From>
To metricV1(const From& from) {
  To to;
  to.type = from.type;
  if (from.object) {
    auto& object = to.object.emplace();
    object.target = referenceV1(from.object->describedObject);
    object.metricName = from.object->metric.name;
    object.selector = from.object->metric.selector;
  }
  if (from.pods) {
    auto& pods = to.pods.emplace();
    pods.metricName = from.pods->metric.name;
    pods.selector = from.pods->metric.selector;
  }
  if (from.resource) to.resource.emplace().name = from.resource->name;
  if (from.containerResource) {
    auto& resource = to.containerResource.emplace();
    resource.name = from.containerResource->name;
    resource.container = from.containerResource->container;
  }
  if (from.external) {
    auto& external = to.external.emplace();
    external.metricName = from.external->metric.name;
    external.metricSelector = from.external->metric.selector;
  }
  return to;
}
template <typename To, typename From>
To metricV2(const From& from) {
  To to;
  to.type = from.type;
  if (from.object) {
    auto& object = to.object.emplace();
    object.describedObject = referenceV2(from.object->target);
    object.metric.name = from.object->metricName;
    object.metric.selector = from.object->selector;
  }
  if (from.pods) {
    auto& pods = to.pods.emplace();
    pods.metric.name = from.pods->metricName;
    pods.metric.selector = from.pods->selector;
  }
  if (from.resource) to.resource.emplace().name = from.resource->name;
  if (from.containerResource) {
    auto& resource = to.containerResource.emplace();
    resource.name = from.containerResource->name;
    resource.container = from.containerResource->container;
  }
  if (from.external) {
    auto& external = to.external.emplace();
    external.metric.name = from.external->metricName;
    external.metric.selector = from.external->metricSelector;
  }
  return to;
}

// Metrics that are wanted.

/// Of a resource, of pods or of one container in them.
template <typename To>
void setResourceTarget(To& to, const v2::MetricTarget& target) {
  to.targetAverageUtilization = target.averageUtilization;
  to.targetAverageValue = target.averageValue;
}

v1::MetricSpec specV1(const v2::MetricSpec& from) {
  auto to = metricV1<v1::MetricSpec>(from);
  if (to.object) {
    to.object->targetValue = orZero(from.object->target.value);
    to.object->averageValue = from.object->target.averageValue;
  }
  if (to.pods) to.pods->targetAverageValue = orZero(from.pods->target.averageValue);
  if (to.resource) setResourceTarget(*to.resource, from.resource->target);
  if (to.containerResource) {
    setResourceTarget(*to.containerResource, from.containerResource->target);
  }
  if (to.external) {
    to.external->targetValue = from.external->target.value;
    to.external->targetAverageValue = from.external->target.averageValue;
  }
  return to;
}

v2::MetricTarget target(std::string_view type, std::optional<Quantity> value,
                        std::optional<Quantity> average, std::optional<int32_t> utilization = {}) {
  v2::MetricTarget to;
  to.type = type;
  to.value = value;
  to.averageValue = average;
  to.averageUtilization = utilization;
  return to;
}

/// v1's metrics of a resource say by what is set which kind of target they have.
template <typename From>
v2::MetricTarget resourceTarget(const From& from) {
  return target(
      from.targetAverageUtilization ? v2::kUtilizationMetricType : v2::kAverageValueMetricType, {},
      from.targetAverageValue, from.targetAverageUtilization);
}

v2::MetricSpec specV2(const v1::MetricSpec& from) {
  auto to = metricV2<v2::MetricSpec>(from);
  if (to.object) {
    const auto& average = from.object->averageValue;
    // v1 always has the value.
    std::optional<Quantity> value = from.object->targetValue;
    if (average && value->isZero()) value.reset();
    to.object->target =
        target(average ? v2::kAverageValueMetricType : v2::kValueMetricType, value, average);
  }
  if (to.pods) {
    to.pods->target = target(v2::kAverageValueMetricType, {}, from.pods->targetAverageValue);
  }
  if (to.resource) to.resource->target = resourceTarget(*from.resource);
  if (to.containerResource) to.containerResource->target = resourceTarget(*from.containerResource);
  if (to.external) {
    const auto& value = from.external->targetValue;
    to.external->target = target(value ? v2::kValueMetricType : v2::kAverageValueMetricType, value,
                                 from.external->targetAverageValue);
  }
  return to;
}

// What was measured.

template <typename To>
void setResourceCurrent(To& to, const v2::MetricValueStatus& current) {
  to.currentAverageUtilization = current.averageUtilization;
  to.currentAverageValue = orZero(current.averageValue);
}

v1::MetricStatus statusV1(const v2::MetricStatus& from) {
  auto to = metricV1<v1::MetricStatus>(from);
  if (to.object) {
    to.object->currentValue = orZero(from.object->current.value);
    to.object->averageValue = from.object->current.averageValue;
  }
  if (to.pods) to.pods->currentAverageValue = orZero(from.pods->current.averageValue);
  if (to.resource) setResourceCurrent(*to.resource, from.resource->current);
  if (to.containerResource) {
    setResourceCurrent(*to.containerResource, from.containerResource->current);
  }
  if (to.external) {
    to.external->currentValue = orZero(from.external->current.value);
    to.external->currentAverageValue = from.external->current.averageValue;
  }
  return to;
}

template <typename From>
void readResourceCurrent(v2::MetricValueStatus& current, const From& from) {
  current.averageUtilization = from.currentAverageUtilization;
  current.averageValue = from.currentAverageValue;
}

v2::MetricStatus statusV2(const v1::MetricStatus& from) {
  auto to = metricV2<v2::MetricStatus>(from);
  if (to.object) {
    to.object->current.value = from.object->currentValue;
    to.object->current.averageValue = from.object->averageValue;
  }
  if (to.pods) to.pods->current.averageValue = from.pods->currentAverageValue;
  if (to.resource) readResourceCurrent(to.resource->current, *from.resource);
  if (to.containerResource) {
    readResourceCurrent(to.containerResource->current, *from.containerResource);
  }
  if (to.external) {
    to.external->current.value = from.external->currentValue;
    to.external->current.averageValue = from.external->currentAverageValue;
  }
  return to;
}

template <typename To, typename From>
To condition(const From& from) {
  To to;
  to.type = from.type;
  to.status = from.status;
  to.lastTransitionTime = from.lastTransitionTime;
  to.reason = from.reason;
  to.message = from.message;
  return to;
}

// Behavior: an annotation in the spelling of upstream's own structs, whose members are capital.

void appendRules(const v2::HPAScalingRules* rules, std::string& out) {
  if (!rules) {
    out += "null";
    return;
  }
  out += "{\"StabilizationWindowSeconds\":";
  out += rules->stabilizationWindowSeconds ? std::to_string(*rules->stabilizationWindowSeconds)
                                           : "null";
  out += ",\"SelectPolicy\":";
  if (rules->selectPolicy) {
    api::appendJsonQuoted(out, *rules->selectPolicy);
  } else {
    out += "null";
  }
  out += ",\"Policies\":[";
  for (size_t i = 0; i < rules->policies.size(); ++i) {
    const auto& policy = rules->policies[i];
    out += i == 0 ? "{\"Type\":" : ",{\"Type\":";
    api::appendJsonQuoted(out, policy.type);
    out += ",\"Value\":" + std::to_string(policy.value);
    out += ",\"PeriodSeconds\":" + std::to_string(policy.periodSeconds) + "}";
  }
  out += "],\"Tolerance\":";
  out += rules->tolerance ? "\"" + rules->tolerance->str() + "\"" : "null";
  out += "}";
}

/// Members as the schema spells them. The value was parsed within limits of depth.
json::value withSmallInitials(const json::value& value) {
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const auto& each : *list) out.push_back(withSmallInitials(each));
    return out;
  }
  const auto* object = value.if_object();
  if (!object) return value;
  json::object out;
  for (const auto& member : *object) {
    std::string key(member.key());
    if (!key.empty()) key[0] = lowerCase(key[0]);
    out[key] = withSmallInitials(member.value());
  }
  return out;
}

void readBehavior(const Annotations& annotations, v2::HorizontalPodAutoscaler& to) {
  const auto* text = annotations.get(kBehavior);
  if (!text) return;
  auto value = api::parseJsonValue(*text);
  if (!value.ok() || !value->is_object()) return;
  auto behavior = api::decodeValue<v2::HorizontalPodAutoscalerBehavior>(withSmallInitials(*value));
  if (!behavior.ok() || *behavior == v2::HorizontalPodAutoscalerBehavior()) return;
  to.spec.behavior = std::move(*behavior);
}

bool isCpu(const v2::MetricSpec& metric) {
  return metric.type == v2::kResourceMetricSourceType && metric.resource &&
         metric.resource->name == kCpu;
}

v2::MetricSpec cpuMetric(int32_t utilization) {
  v2::MetricSpec metric;
  metric.type = v2::kResourceMetricSourceType;
  auto& resource = metric.resource.emplace();
  resource.name = kCpu;
  resource.target = target(v2::kUtilizationMetricType, {}, {}, utilization);
  return metric;
}

void fillMetrics(const v1::HorizontalPodAutoscaler& from, v2::HorizontalPodAutoscaler& to) {
  for (const auto& each : readList<v1::MetricSpec>(from.metadata.annotations, kMetrics)) {
    to.spec.metrics.push_back(specV2(each));
  }
  if (auto utilization = from.spec.targetCPUUtilizationPercentage) {
    to.spec.metrics.push_back(cpuMetric(*utilization));
  }
  if (to.spec.metrics.empty()) to.spec.metrics.push_back(cpuMetric(kDefaultUtilization));
}

void fillStatus(const v1::HorizontalPodAutoscaler& from, v2::HorizontalPodAutoscaler& to) {
  const auto& annotations = from.metadata.annotations;
  to.status.observedGeneration = from.status.observedGeneration;
  to.status.lastScaleTime = from.status.lastScaleTime;
  to.status.currentReplicas = from.status.currentReplicas;
  to.status.desiredReplicas = from.status.desiredReplicas;
  for (const auto& each : readList<v1::MetricStatus>(annotations, kCurrentMetrics)) {
    to.status.currentMetrics.push_back(statusV2(each));
  }
  if (to.status.currentMetrics.empty() && from.status.currentCPUUtilizationPercentage) {
    auto& metric = to.status.currentMetrics.emplace_back();
    metric.type = v2::kResourceMetricSourceType;
    auto& resource = metric.resource.emplace();
    resource.name = kCpu;
    resource.current.averageUtilization = from.status.currentCPUUtilizationPercentage;
  }
  for (const auto& each :
       readList<v1::HorizontalPodAutoscalerCondition>(annotations, kConditions)) {
    to.status.conditions.push_back(condition<v2::HorizontalPodAutoscalerCondition>(each));
  }
}

}  // namespace

v2::HorizontalPodAutoscaler toAutoscalerV2(const v1::HorizontalPodAutoscaler& from) {
  v2::HorizontalPodAutoscaler to;
  to.metadata = from.metadata;
  dropOurs(to.metadata.annotations);
  to.spec.scaleTargetRef = referenceV2(from.spec.scaleTargetRef);
  to.spec.minReplicas = from.spec.minReplicas;
  to.spec.maxReplicas = from.spec.maxReplicas;
  fillMetrics(from, to);
  readBehavior(from.metadata.annotations, to);
  fillStatus(from, to);
  return to;
}

v1::HorizontalPodAutoscaler toAutoscalerV1(const v2::HorizontalPodAutoscaler& from) {
  v1::HorizontalPodAutoscaler to;
  to.metadata = from.metadata;
  auto& annotations = to.metadata.annotations;
  dropOurs(annotations);
  to.spec.scaleTargetRef = referenceV1(from.spec.scaleTargetRef);
  to.spec.minReplicas = from.spec.minReplicas;
  to.spec.maxReplicas = from.spec.maxReplicas;
  std::vector<v1::MetricSpec> others;
  bool sawCpu = false;
  for (const auto& metric : from.spec.metrics) {
    const bool utilization = isCpu(metric) && metric.resource->target.averageUtilization;
    if (!utilization) others.push_back(specV1(metric));
    if (utilization && !sawCpu) {
      to.spec.targetCPUUtilizationPercentage = metric.resource->target.averageUtilization;
    }
    sawCpu = sawCpu || isCpu(metric);
  }
  writeList(annotations, kMetrics, others);
  if (from.spec.behavior) {
    std::string text = "{\"ScaleUp\":";
    appendRules(from.spec.behavior->scaleUp.get(), text);
    text += ",\"ScaleDown\":";
    appendRules(from.spec.behavior->scaleDown.get(), text);
    annotations[kBehavior] = text + "}";
  }
  to.status.observedGeneration = from.status.observedGeneration;
  to.status.lastScaleTime = from.status.lastScaleTime;
  to.status.currentReplicas = from.status.currentReplicas;
  to.status.desiredReplicas = from.status.desiredReplicas;
  std::vector<v1::MetricStatus> measured;
  for (const auto& metric : from.status.currentMetrics) {
    // The processor's, too: its value is nowhere else.
    measured.push_back(statusV1(metric));
    if (metric.type == v2::kResourceMetricSourceType && metric.resource &&
        metric.resource->name == kCpu && metric.resource->current.averageUtilization) {
      to.status.currentCPUUtilizationPercentage = metric.resource->current.averageUtilization;
    }
  }
  writeList(annotations, kCurrentMetrics, measured);
  std::vector<v1::HorizontalPodAutoscalerCondition> conditions;
  for (const auto& each : from.status.conditions) {
    conditions.push_back(condition<v1::HorizontalPodAutoscalerCondition>(each));
  }
  writeList(annotations, kConditions, conditions);
  return to;
}

}  // namespace coxswain::apiserver
