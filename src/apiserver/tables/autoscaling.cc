#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::autoscaling::v2;  // NOLINT

constexpr Column kScaleColumns[] = {{"Name"}, integer("Desired"), integer("Available"), kAge};
void printScale(const api::autoscaling::v1::Scale& scale, Row& row) {
  row.text(scale.metadata.name)
      .number(scale.spec.replicas)
      .number(scale.status.replicas)
      .age(scale.metadata);
}

constexpr Column kAutoscalerColumns[] = {kName,       {"Reference"}, {"Targets"}, {"MinPods"},
                                         {"MaxPods"}, {"Replicas"},  kAge};

std::string quantityText(const std::optional<api::Quantity>& quantity) {
  return quantity ? quantity->str() : "<unknown>";
}

/// "cpu: 20%/80%" or "cpu: 100m/500m". `current` is null where nothing was measured.
std::string resourceText(const std::string& name, const MetricTarget& target,
                         const MetricValueStatus* current) {
  if (target.averageValue) {
    return cat(name, ": ", quantityText(current ? current->averageValue : std::nullopt), "/",
               target.averageValue->str());
  }
  std::string now = "<unknown>";
  if (current && current->averageUtilization) now = cat(*current->averageUtilization, "%");
  std::string wanted = "<auto>";
  if (target.averageUtilization) wanted = cat(*target.averageUtilization, "%");
  return cat(name, ": ", now, "/", wanted);
}

/// External and object metrics: "5/10" or, for averages, "5/10 (avg)".
std::string valueText(const MetricTarget& target, const MetricValueStatus* current) {
  if (target.averageValue) {
    return cat(quantityText(current ? current->averageValue : std::nullopt), "/",
               target.averageValue->str(), " (avg)");
  }
  return cat(quantityText(current ? current->value : std::nullopt), "/",
             target.value ? target.value->str() : "<auto>");
}

std::string metricText(const MetricSpec& spec, const MetricStatus* status) {
  if (spec.external) {
    return valueText(spec.external->target,
                     status && status->external ? &status->external->current : nullptr);
  }
  if (spec.object) {
    return valueText(spec.object->target,
                     status && status->object ? &status->object->current : nullptr);
  }
  if (spec.pods) {
    const MetricValueStatus* current = status && status->pods ? &status->pods->current : nullptr;
    return cat(quantityText(current ? current->averageValue : std::nullopt), "/",
               quantityText(spec.pods->target.averageValue));
  }
  if (spec.resource) {
    return resourceText(spec.resource->name, spec.resource->target,
                        status && status->resource ? &status->resource->current : nullptr);
  }
  if (spec.containerResource) {
    return resourceText(
        spec.containerResource->name, spec.containerResource->target,
        status && status->containerResource ? &status->containerResource->current : nullptr);
  }
  return "<unknown type>";
}

std::string targetsText(const HorizontalPodAutoscaler& object) {
  constexpr size_t kMax = 2;
  const auto& specs = object.spec.metrics;
  const auto& statuses = object.status.currentMetrics;
  if (specs.empty()) return "<none>";
  std::vector<std::string> parts;
  for (size_t i = 0; i < specs.size() && i < kMax; ++i) {
    parts.push_back(metricText(specs[i], i < statuses.size() ? &statuses[i] : nullptr));
  }
  std::string out = join(parts, ", ");
  if (specs.size() > kMax) out += cat(" + ", specs.size() - kMax, " more...");
  return out;
}

void printAutoscaler(const HorizontalPodAutoscaler& object, Row& row) {
  const auto& target = object.spec.scaleTargetRef;
  row.text(object.metadata.name)
      .text(target.kind + "/" + target.name)
      .text(targetsText(object))
      .text(object.spec.minReplicas ? std::to_string(*object.spec.minReplicas) : "<unset>")
      .number(object.spec.maxReplicas)
      .number(object.status.currentReplicas)
      .age(object.metadata);
}

std::string percent(const std::optional<int32_t>& value, std::string_view absent) {
  return value ? cat(*value, "%") : std::string(absent);
}

/// v1 knows one metric, the processor's.
void printAutoscalerV1(const api::autoscaling::v1::HorizontalPodAutoscaler& object, Row& row) {
  const auto& spec = object.spec;
  std::string targets = "<none>";
  if (spec.targetCPUUtilizationPercentage) {
    targets = cat("cpu: ", percent(object.status.currentCPUUtilizationPercentage, "<unknown>"), "/",
                  percent(spec.targetCPUUtilizationPercentage, "<auto>"));
  }
  row.text(object.metadata.name)
      .text(spec.scaleTargetRef.kind + "/" + spec.scaleTargetRef.name)
      .text(targets)
      .text(spec.minReplicas ? std::to_string(*spec.minReplicas) : "<unset>")
      .number(spec.maxReplicas)
      .number(object.status.currentReplicas)
      .age(object.metadata);
}

}  // namespace

std::span<const Printer> autoscalingPrinters() {
  static const Printer all[] = {
      printer<api::autoscaling::v1::Scale, printScale>(kScaleColumns),
      printer<HorizontalPodAutoscaler, printAutoscaler>(kAutoscalerColumns),
      printer<api::autoscaling::v1::HorizontalPodAutoscaler, printAutoscalerV1>(kAutoscalerColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
