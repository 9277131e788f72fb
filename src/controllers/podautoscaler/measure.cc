#include "controllers/podautoscaler/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/select/labels.h"

namespace coxswain::controllers::podautoscaler {

using api::autoscaling::v2::MetricIdentifier;
using api::autoscaling::v2::MetricSpec;
using api::autoscaling::v2::MetricTarget;
using api::autoscaling::v2::MetricValueStatus;

namespace {

api::Quantity milliQuantity(int64_t milli) {
  return api::Quantity::fromMilli(milli);
}

Measured failed(Status failure, const std::string& prefix) {
  Measured out;
  out.whole = prefix + ": " + failure.message();
  out.failure = std::move(failure);
  return out;
}

/// The metric's own selector as the API takes it.
Result<std::string> selectorOf(const MetricIdentifier& metric) {
  TRY(const auto selector, api::LabelSelector::from(metric.selector.get()));
  return selector.str();
}

Result<int64_t> positiveTarget(const api::Quantity& target) {
  const auto milli = target.milliValue();
  if (milli <= 0) return badRequest("the target is not greater than zero");
  return milli;
}

struct ResourceAsked {
  std::string resource;
  std::string container;  ///< empty: all
  const MetricTarget& target;
};

struct ResourceMeasured {
  Proposal proposal;
  MetricValueStatus current;
};

Task<Result<ResourceMeasured>> measureUsage(ResourceAsked asked, Measuring with,
                                            MetricsSource& source, std::stop_token stop) {
  const bool average = asked.target.averageValue.has_value();
  if (!average && !asked.target.averageUtilization) {
    co_return badRequest(
        "invalid resource metric source: neither an average utilization target nor an average "
        "value (usage) target was set");
  }
  const auto context =
      fmt::format("failed to get {} {}", asked.resource, average ? "usage" : "utilization");
  auto readings =
      co_await source.resource(with.ns, with.selector, asked.resource, asked.container, stop);
  if (!readings.ok()) {
    co_return readings.status().withContext(context + ": unable to get metrics for resource " +
                                            asked.resource);
  }
  auto made = average
                  ? forAverage(with.counting, asked.target.averageValue->milliValue(),
                               asked.resource, with.pods, std::move(*readings))
                  : forUtilization(with.counting, *asked.target.averageUtilization, asked.resource,
                                   asked.container, with.pods, std::move(*readings));
  if (!made.ok()) co_return made.status().withContext(context);
  ResourceMeasured out{*made, {}};
  if (!average) out.current.averageUtilization = made->utilization;
  out.current.averageValue = milliQuantity(made->averageMilli);
  co_return out;
}

Task<Measured> measureResource(const MetricSpec& metric, Measuring with, MetricsSource& source,
                               std::stop_token stop) {
  const bool whole = static_cast<bool>(metric.resource);
  const ResourceAsked asked{whole ? metric.resource->name : metric.containerResource->name,
                            whole ? "" : metric.containerResource->container,
                            whole ? metric.resource->target : metric.containerResource->target};
  auto made = co_await measureUsage(asked, std::move(with), source, stop);
  if (!made.ok()) {
    co_return failed(made.status(),
                     whole ? "failed to get " + asked.resource + " resource metric value"
                           : "failed to get " + asked.container + " container metric value");
  }
  Measured out;
  out.replicas = made->proposal.replicas;
  const char* what = whole ? "resource" : "container resource";
  out.name = asked.target.averageValue
                 ? asked.resource + " resource"
                 : fmt::format("{} {} utilization (percentage of request)", asked.resource, what);
  out.reading.type = metric.type;
  if (whole) {
    auto& status = out.reading.resource.emplace();
    status.name = asked.resource;
    status.current = std::move(made->current);
  } else {
    auto& status = out.reading.containerResource.emplace();
    status.name = asked.resource;
    status.container = asked.container;
    status.current = std::move(made->current);
  }
  co_return out;
}

Task<Result<Proposal>> measurePodsValue(const MetricSpec& metric, Measuring with,
                                        MetricsSource& source, std::stop_token stop) {
  const auto& pods = *metric.pods;
  if (!pods.target.averageValue) {
    co_return badRequest("invalid pods metric source: no average value target was set");
  }
  CO_TRY(const auto target, positiveTarget(*pods.target.averageValue));
  CO_TRY(auto selector, selectorOf(pods.metric));
  auto readings =
      co_await source.pods(with.ns, with.selector, pods.metric.name, std::move(selector), stop);
  if (!readings.ok()) {
    co_return readings.status().withContext("unable to get metric " + pods.metric.name);
  }
  co_return forAverage(with.counting, target, "", with.pods, std::move(*readings));
}

Task<Measured> measurePods(const MetricSpec& metric, Measuring with, MetricsSource& source,
                           std::stop_token stop) {
  auto made = co_await measurePodsValue(metric, std::move(with), source, stop);
  if (!made.ok()) co_return failed(made.status(), "failed to get pods metric value");
  Measured out;
  out.replicas = made->replicas;
  out.name = "pods metric " + metric.pods->metric.name;
  out.reading.type = metric.type;
  auto& status = out.reading.pods.emplace();
  status.metric = metric.pods->metric;
  status.current.averageValue = milliQuantity(made->averageMilli);
  co_return out;
}

/// By a value, or by an average a pod: `value` is of the whole.
Result<Proposal> weigh(const MetricTarget& target, const Measuring& with, int64_t value) {
  if (target.averageValue) {
    TRY(const auto wanted, positiveTarget(*target.averageValue));
    return forValuePerPod(with.counting, value, wanted, with.running);
  }
  TRY(const auto wanted, positiveTarget(*target.value));
  return forValue(with.counting, value, wanted, with.pods);
}

void tell(const MetricTarget& target, const Proposal& proposal, MetricValueStatus& into) {
  auto& current = target.averageValue ? into.averageValue : into.value;
  current = milliQuantity(proposal.averageMilli);
}

Task<Result<Proposal>> measureObjectValue(const MetricSpec& metric, Measuring with,
                                          MetricsSource& source, std::stop_token stop) {
  const auto& object = *metric.object;
  if (!object.target.value && !object.target.averageValue) {
    co_return badRequest(
        "invalid object metric source: neither a value target nor an average value target was set");
  }
  CO_TRY(auto selector, selectorOf(object.metric));
  const auto& of = object.describedObject;
  MetricsSource::Object described{of.apiVersion, of.kind, of.name};
  auto value = co_await source.object(with.ns, std::move(described), object.metric.name,
                                      std::move(selector), stop);
  if (!value.ok()) {
    // Upstream's text, slash and all.
    co_return badRequest(fmt::format("unable to get metric {}: {} on {} {}/{}", object.metric.name,
                                     of.kind, with.ns, of.name, value.status().message()));
  }
  co_return weigh(object.target, with, *value);
}

Task<Measured> measureObject(const MetricSpec& metric, Measuring with, MetricsSource& source,
                             std::stop_token stop) {
  const auto& object = *metric.object;
  auto made = co_await measureObjectValue(metric, std::move(with), source, stop);
  if (!made.ok()) co_return failed(made.status(), "failed to get object metric value");
  Measured out;
  out.replicas = made->replicas;
  out.name = object.target.averageValue
                 ? fmt::format("external metric {}({})", object.metric.name,
                               selectorText(object.metric.selector.get()))
                 : object.describedObject.kind + " metric " + object.metric.name;
  out.reading.type = metric.type;
  auto& status = out.reading.object.emplace();
  status.metric = object.metric;
  status.describedObject = object.describedObject;
  tell(object.target, *made, status.current);
  co_return out;
}

Task<Result<Proposal>> measureExternalValue(const MetricSpec& metric, Measuring with,
                                            MetricsSource& source, std::stop_token stop) {
  const auto& external = *metric.external;
  CO_TRY(auto selector, selectorOf(external.metric));
  auto values = co_await source.external(with.ns, external.metric.name, std::move(selector), stop);
  if (!values.ok()) {
    co_return badRequest(
        fmt::format("unable to get external metric {}/{}/{}: {}", with.ns, external.metric.name,
                    selectorText(external.metric.selector.get()), values.status().message()));
  }
  int64_t sum = 0;
  for (const auto each : *values) {
    if (__builtin_add_overflow(sum, each, &sum)) {
      co_return badRequest("the values of the metric are too large");
    }
  }
  co_return weigh(external.target, with, sum);
}

Task<Measured> measureExternal(const MetricSpec& metric, Measuring with, MetricsSource& source,
                               std::stop_token stop) {
  const auto& external = *metric.external;
  const auto& name = external.metric.name;
  const auto prefix = "failed to get " + name + " external metric value";
  if (!external.target.value && !external.target.averageValue) {
    co_return failed(badRequest("invalid external metric source: neither a value target nor an "
                                "average value target was set"),
                     prefix);
  }
  auto made = co_await measureExternalValue(metric, std::move(with), source, stop);
  if (!made.ok()) {
    const auto inner = external.target.averageValue ? "failed to get " + name + " external metric"
                                                    : "failed to get external metric " + name;
    co_return failed(made.status(), prefix + ": " + inner);
  }
  Measured out;
  out.replicas = made->replicas;
  out.name =
      fmt::format("external metric {}({})", name, selectorText(external.metric.selector.get()));
  out.reading.type = metric.type;
  auto& status = out.reading.external.emplace();
  status.metric = external.metric;
  tell(external.target, *made, status.current);
  co_return out;
}

}  // namespace

Task<Measured> measure(const MetricSpec& metric, Measuring with, MetricsSource& source,
                       std::stop_token stop) {
  if (metric.type == "Resource" && metric.resource) {
    return measureResource(metric, std::move(with), source, stop);
  }
  if (metric.type == "ContainerResource" && metric.containerResource) {
    return measureResource(metric, std::move(with), source, stop);
  }
  if (metric.type == "Pods" && metric.pods) {
    return measurePods(metric, std::move(with), source, stop);
  }
  if (metric.type == "Object" && metric.object) {
    return measureObject(metric, std::move(with), source, stop);
  }
  if (metric.type == "External" && metric.external) {
    return measureExternal(metric, std::move(with), source, stop);
  }
  return [](std::string type) -> Task<Measured> {
    Measured out;
    out.failure = badRequest("unknown metric source type \"" + type + "\"");
    out.whole = out.failure.message();
    co_return out;
  }(metric.type);
}

std::string failureReason(const MetricSpec& metric) {
  static constexpr std::string_view kTypes[] = {"Object", "Pods", "Resource", "ContainerResource",
                                                "External"};
  const bool known = std::ranges::find(kTypes, metric.type) != std::end(kTypes);
  return known ? "FailedGet" + metric.type + "Metric" : "InvalidMetricSourceType";
}

std::string selectorText(const api::meta::v1::LabelSelector* selector) {
  if (!selector) return "nil";
  std::string out = "&LabelSelector{MatchLabels:map[string]string{";
  std::map<std::string, std::string> sorted;
  for (const auto& [key, value] : selector->matchLabels) sorted[key] = value;
  for (const auto& [key, value] : sorted) out += key + ": " + value + ",";
  out += "},MatchExpressions:[]LabelSelectorRequirement{";
  for (const auto& each : selector->matchExpressions) {
    out += "LabelSelectorRequirement{Key:" + each.key + ",Operator:" + each.operator_ + ",Values:[";
    for (size_t i = 0; i < each.values.size(); ++i) out += (i > 0 ? " " : "") + each.values[i];
    out += "],},";
  }
  return out + "},}";
}

}  // namespace coxswain::controllers::podautoscaler
