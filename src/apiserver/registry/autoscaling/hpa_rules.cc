#include "apiserver/registry/autoscaling/hpa_rules.h"

#include <algorithm>

#include "api/gen/autoscaling_v2.h"
#include "api/names/names.h"
#include "apiserver/registry/core/resource_names.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

using namespace api::autoscaling::v2;  // NOLINT
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr int32_t kWindowMax = 3600;
constexpr int32_t kPeriodMax = 1800;
constexpr std::string_view kPositive = "must be positive";
constexpr std::string_view kAboveZero = "must be greater than zero";

/// What an apiVersion may lack.
struct ReferenceLeniency {
  bool noGroup = false;
  bool unreadable = false;
};

bool isReadableVersion(std::string_view apiVersion) {
  return std::count(apiVersion.begin(), apiVersion.end(), '/') < 2;
}
bool hasGroup(std::string_view apiVersion) {
  return apiVersion.find('/') != std::string_view::npos && apiVersion.front() != '/';
}

void checkSegment(const std::string& text, const FieldPath& path, FieldErrors& errors) {
  if (!requireText(text, path, errors)) {
    errors.invalidEach(path, text, api::validatePathSegmentName(text));
  }
}

void checkReference(const CrossVersionObjectReference& reference, const FieldPath& path,
                    ReferenceLeniency lenient, FieldErrors& errors) {
  checkSegment(reference.kind, path.child("kind"), errors);
  checkSegment(reference.name, path.child("name"), errors);
  if (lenient.unreadable) return;
  const auto& version = reference.apiVersion;
  const auto versionPath = path.child("apiVersion");
  if (!isReadableVersion(version)) {
    errors.invalid(versionPath, version, "unexpected GroupVersion string: " + version);
  } else if (!lenient.noGroup && !hasGroup(version)) {
    errors.invalid(versionPath, version, "apiVersion must specify API group");
  }
}

void checkIdentifier(const MetricIdentifier& metric, const FieldPath& path, FieldErrors& errors) {
  const auto name = path.child("name");
  if (!requireText(metric.name, name, errors, "must specify a metric name")) {
    errors.invalidEach(name, metric.name, api::validatePathSegmentName(metric.name));
  }
}

void checkTarget(const MetricTarget& target, const FieldPath& path, FieldErrors& errors) {
  const auto type = path.child("type");
  requireText(target.type, type, errors, "must specify a metric target type");
  if (target.type != kUtilizationMetricType && target.type != kValueMetricType &&
      target.type != kAverageValueMetricType) {
    errors.invalid(type, target.type, "must be either Utilization, Value, or AverageValue");
  }
  if (target.value && target.value->sign() != 1) {
    errors.invalid(path.child("value"), *target.value, kPositive);
  }
  if (target.averageValue && target.averageValue->sign() != 1) {
    errors.invalid(path.child("averageValue"), *target.averageValue, kPositive);
  }
  if (target.averageUtilization && *target.averageUtilization < 1) {
    errors.invalid(path.child("averageUtilization"), *target.averageUtilization,
                   "must be greater than 0");
  }
}

void checkSource(const ObjectMetricSource& source, const FieldPath& path, FieldErrors& errors) {
  checkReference(source.describedObject, path.child("describedObject"), {.noGroup = true}, errors);
  checkIdentifier(source.metric, path.child("metric"), errors);
  const auto target = path.child("target");
  checkTarget(source.target, target, errors);
  if (!source.target.value && !source.target.averageValue) {
    errors.required(target.child("averageValue"), "must set either a target value or averageValue");
  }
}

void checkSource(const ExternalMetricSource& source, const FieldPath& path, FieldErrors& errors) {
  checkIdentifier(source.metric, path.child("metric"), errors);
  const auto target = path.child("target");
  checkTarget(source.target, target, errors);
  const bool value = source.target.value.has_value();
  const bool average = source.target.averageValue.has_value();
  if (!value && !average) {
    errors.required(target.child("averageValue"),
                    "must set either a target value for metric or a per-pod target");
  }
  if (value && average) {
    errors.forbidden(target.child("value"),
                     "may not set both a target value for metric and a per-pod target");
  }
}

void checkSource(const PodsMetricSource& source, const FieldPath& path, FieldErrors& errors) {
  checkIdentifier(source.metric, path.child("metric"), errors);
  const auto target = path.child("target");
  checkTarget(source.target, target, errors);
  if (!source.target.averageValue) {
    errors.required(target.child("averageValue"), "must specify a positive target averageValue");
  }
}

void checkResourceTarget(const MetricTarget& wanted, const FieldPath& target, FieldErrors& errors) {
  checkTarget(wanted, target, errors);
  const bool utilization = wanted.averageUtilization.has_value();
  const bool average = wanted.averageValue.has_value();
  if (!utilization && !average) {
    errors.required(target.child("averageUtilization"),
                    "must set either a target raw value or a target utilization");
  }
  if (utilization && average) {
    errors.forbidden(target.child("averageValue"),
                     "may not set both a target raw value and a target utilization");
  }
}

void checkSource(const ResourceMetricSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.name, path.child("name"), errors, "must specify a resource name");
  checkResourceTarget(source.target, path.child("target"), errors);
}

void checkSource(const ContainerResourceMetricSource& source, const FieldPath& path,
                 FieldErrors& errors) {
  if (!requireText(source.name, path.child("name"), errors, "must specify a resource name"))
    checkContainerResourceName(source.name, path.child("name"), errors);
  const auto container = path.child("container");
  if (!requireText(source.container, container, errors, "must specify a container"))
    checkDns1123Label(source.container, container, errors);
  checkResourceTarget(source.target, path.child("target"), errors);
}

/// Where a metric keeps what it measures, and by which type it says so.
struct SourceField {
  std::string_view field;
  std::string_view type;
};
constexpr SourceField kObject = {"object", kObjectMetricSourceType};
constexpr SourceField kExternal = {"external", kExternalMetricSourceType};
constexpr SourceField kPods = {"pods", kPodsMetricSourceType};
constexpr SourceField kResource = {"resource", kResourceMetricSourceType};
constexpr SourceField kContainerResource = {"containerResource",
                                            kContainerResourceMetricSourceType};

void notSupportedType(const MetricSpec& spec, const FieldPath& path, FieldErrors& errors) {
  errors.notSupported(path.child("type"), spec.type,
                      {"ContainerResource", "External", "Object", "Pods", "Resource"});
}

void checkMetric(const MetricSpec& spec, const FieldPath& path, FieldErrors& errors) {
  requireText(spec.type, path.child("type"), errors, "must specify a metric source type");
  bool known = false;
  for (const auto& each : {kObject, kExternal, kPods, kResource, kContainerResource}) {
    known = known || each.type == spec.type;
  }
  if (!known) notSupportedType(spec, path, errors);
  // Of several the first alone is looked into.
  std::vector<std::string_view> present;
  auto look = [&](const SourceField& at, const auto& source) {
    if (!source) return;
    present.push_back(at.field);
    if (present.size() == 1) checkSource(*source, path.child(at.field), errors);
  };
  look(kObject, spec.object);
  look(kExternal, spec.external);
  look(kPods, spec.pods);
  look(kResource, spec.resource);
  look(kContainerResource, spec.containerResource);

  std::string_view expected;
  for (const auto& each : {kObject, kExternal, kPods, kResource, kContainerResource}) {
    if (each.type != spec.type) continue;
    expected = each.field;
    if (std::find(present.begin(), present.end(), expected) == present.end()) {
      errors.required(path.child(expected),
                      "must populate information for the given metric source");
    }
  }
  if (!known) notSupportedType(spec, path, errors);  // told twice, as upstream does
  if (present.size() == 1) return;
  for (auto field : present) {
    if (field == expected) continue;
    errors.forbidden(path.child(field), "must populate the given metric source only");
  }
}

void checkMetrics(const HorizontalPodAutoscalerSpec& spec, const FieldPath& path,
                  FieldErrors& errors) {
  bool countsOthers = false;
  for (size_t i = 0; i < spec.metrics.size(); ++i) {
    checkMetric(spec.metrics[i], path.index(i), errors);
    const auto& type = spec.metrics[i].type;
    countsOthers =
        countsOthers || type == kObjectMetricSourceType || type == kExternalMetricSourceType;
  }
  if (spec.minReplicas == 0 && !countsOthers) {
    errors.forbidden(path,
                     "must specify at least one Object or External metric to support scaling to "
                     "zero replicas");
  }
}

void checkPolicy(const HPAScalingPolicy& policy, const FieldPath& path, FieldErrors& errors) {
  if (policy.type != kPodsScalingPolicy && policy.type != kPercentScalingPolicy) {
    errors.notSupported(path.child("type"), policy.type, {"Percent", "Pods"});
  }
  if (policy.value <= 0) errors.invalid(path.child("value"), policy.value, kAboveZero);
  const auto period = path.child("periodSeconds");
  if (policy.periodSeconds <= 0) errors.invalid(period, policy.periodSeconds, kAboveZero);
  if (policy.periodSeconds > kPeriodMax) {
    errors.invalid(period, policy.periodSeconds,
                   "must be less than or equal to " + std::to_string(kPeriodMax));
  }
}

void checkScaling(const HPAScalingRules& rules, const FieldPath& path, FieldErrors& errors) {
  const auto window = path.child("stabilizationWindowSeconds");
  if (const auto& seconds = rules.stabilizationWindowSeconds) {
    if (*seconds < 0) {
      errors.invalid(window, *seconds, "must be greater than or equal to zero");
    }
    if (*seconds > kWindowMax) {
      errors.invalid(window, *seconds,
                     "must be less than or equal to " + std::to_string(kWindowMax));
    }
  }
  if (const auto& policy = rules.selectPolicy) {
    if (*policy != kMaxChangePolicySelect && *policy != kMinChangePolicySelect &&
        *policy != kDisabledPolicySelect) {
      errors.notSupported(path.child("selectPolicy"), *policy, {"Disabled", "Max", "Min"});
    }
  }
  const auto policies = path.child("policies");
  if (rules.policies.empty()) errors.required(policies, "must specify at least one Policy");
  for (size_t i = 0; i < rules.policies.size(); ++i) {
    checkPolicy(rules.policies[i], policies.index(i), errors);
  }
  if (rules.tolerance) checkNonNegative(*rules.tolerance, path.child("tolerance"), errors);
}

}  // namespace

void validateAutoscaler(const HorizontalPodAutoscaler& object,
                        const HorizontalPodAutoscaler* current, FieldErrors& errors) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  const bool wasZero = current && current->spec.minReplicas == 0;
  const int32_t lowest = wasZero ? 0 : 1;
  if (spec.minReplicas && *spec.minReplicas < lowest) {
    errors.invalid(path.child("minReplicas"), *spec.minReplicas,
                   "must be greater than or equal to " + std::to_string(lowest));
  }
  const auto max = path.child("maxReplicas");
  if (spec.maxReplicas < 1) errors.required(max, "must be set and greater than 0");
  if (spec.minReplicas && spec.maxReplicas < *spec.minReplicas) {
    errors.invalid(max, spec.maxReplicas, "must be greater than or equal to `minReplicas`");
  }
  ReferenceLeniency lenient;
  if (current) {
    const auto& before = current->spec.scaleTargetRef.apiVersion;
    lenient.unreadable = !isReadableVersion(before);
    lenient.noGroup = !hasGroup(before);
  }
  // Replication controllers have no group.
  lenient.noGroup = lenient.noGroup || spec.scaleTargetRef.kind == "ReplicationController";
  checkReference(spec.scaleTargetRef, path.child("scaleTargetRef"), lenient, errors);
  checkMetrics(spec, path.child("metrics"), errors);
  if (!spec.behavior) return;
  const auto behavior = path.child("behavior");
  if (const auto& up = spec.behavior->scaleUp) checkScaling(*up, behavior.child("scaleUp"), errors);
  if (const auto& down = spec.behavior->scaleDown) {
    checkScaling(*down, behavior.child("scaleDown"), errors);
  }
}

}  // namespace coxswain::apiserver
