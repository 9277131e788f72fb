#include "controllers/podautoscaler/metrics_source.h"

#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "client/resources.h"
#include "net/url.h"

namespace coxswain::client {

template <>
const ResourceType& resourceOf<api::metrics::v1beta1::PodMetrics>() {
  static const ResourceType kType{"metrics.k8s.io", "v1beta1", "pods", true,
                                  &api::metrics::v1beta1::PodMetrics::kInfo};
  return kType;
}

}  // namespace coxswain::client

namespace coxswain::controllers::podautoscaler {

using api::metrics::v1beta1::PodMetrics;
using api::metrics::v1beta1::PodMetricsList;
using client::PathQuery;

namespace {

constexpr Duration kDefaultWindow = 1min;  // of metrics that do not say theirs
constexpr const char* kAllObjects = "*";
constexpr const char* kCustomGroup = "custom.metrics.k8s.io";
/// Those that are read here, the best first.
constexpr const char* kCustomVersions[] = {"v1beta2", "v1beta1"};

void addUnlessEmpty(PathQuery& query, const char* name, std::string value) {
  if (!value.empty()) query.emplace_back(name, std::move(value));
}

/// Into `out`; a pod of which a container has no reading stays out.
Status add(const PodMetrics& pod, std::string_view resource, std::string_view container,
           Readings& out) {
  Reading reading;
  bool found = false;
  for (const auto& one : pod.containers) {
    if (!container.empty() && one.name != container) continue;
    found = true;
    const auto* usage = one.usage.get(resource);
    if (!usage) return {};
    if (__builtin_add_overflow(reading.milli, usage->milliValue(), &reading.milli)) {
      reading.milli = std::numeric_limits<int64_t>::max();
    }
    if (!container.empty()) break;
  }
  if (!found && container.empty()) return {};
  if (!found) {
    return badRequest("failed to get container metrics: container " + std::string(container) +
                      " not present in metrics for pod " + pod.metadata.namespace_ + "/" +
                      pod.metadata.name);
  }
  reading.when = pod.timestamp.wall();
  reading.window = pod.window.duration();
  out.insert_or_assign(pod.metadata.name, reading);
  return {};
}

std::string segment(std::string_view text) {
  return net::percentEncode(text);
}

const boost::json::value* member(const boost::json::value& from, const char* name) {
  return from.is_object() ? from.get_object().if_contains(name) : nullptr;
}

std::string textOf(const boost::json::value* value) {
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<MetricValue> metricValueOf(const boost::json::value& item) {
  MetricValue out;
  if (const auto* described = member(item, "describedObject")) {
    out.object = textOf(member(*described, "name"));
  }
  TRY(const auto amount, api::Quantity::parse(textOf(member(item, "value"))));
  out.reading.milli = amount.milliValue();
  if (const auto when = api::Time::parse(textOf(member(item, "timestamp"))); when.ok()) {
    out.reading.when = when->wall();
  }
  out.reading.window = kDefaultWindow;
  const auto* window = member(item, "windowSeconds");
  if (!window) window = member(item, "window");
  constexpr int64_t kLongest = int64_t(365) * 24 * 3600;
  if (window && window->is_int64() && window->get_int64() >= 0 && window->get_int64() <= kLongest) {
    out.reading.window = std::chrono::seconds(window->get_int64());
  }
  return out;
}

/// Which of an APIGroup's versions to read; empty: none that is known here.
std::string versionOf(std::string_view json) {
  const auto group = api::decodeJson<api::meta::v1::APIGroup>(json);
  if (!group.ok()) return {};
  const auto known = [](const std::string& version) {
    return std::ranges::find(kCustomVersions, version) != std::end(kCustomVersions);
  };
  if (known(group->preferredVersion.version)) return group->preferredVersion.version;
  for (const auto& each : group->versions) {
    if (known(each.version)) return each.version;
  }
  return {};
}

}  // namespace

Result<Readings> readingsOf(std::string_view json, std::string_view resource,
                            std::string_view container) {
  TRY(const auto list, api::decodeJson<PodMetricsList>(json));
  if (list.items.empty()) return badRequest("no metrics returned from resource metrics API");
  Readings out;
  for (const auto& item : list.items) TRY_STATUS(add(item, resource, container, out));
  return out;
}

Result<std::vector<MetricValue>> metricValuesOf(std::string_view json) {
  TRY(const auto parsed, api::parseJsonValue(json));
  const auto* items = member(parsed, "items");
  std::vector<MetricValue> out;
  if (!items || items->is_null()) return out;
  if (!items->is_array()) return badRequest("no list of metrics");
  for (const auto& item : items->get_array()) {
    TRY(auto value, metricValueOf(item));
    out.push_back(std::move(value));
  }
  return out;
}

/// `what` is "pods.metrics.k8s.io", as texts name it where nobody serves it.
Task<Result<std::string>> MetricsSource::read(std::string path, PathQuery query, std::string what,
                                              std::stop_token stop) {
  if (!reader_) co_return badRequest("this client reads no metrics");
  auto answer = co_await reader_->readPath(std::move(path), std::move(query), stop);
  if (answer.ok() || !isNotFound(answer.status())) co_return answer;
  constexpr std::string_view kNobody = "the server could not find the requested resource";
  if (answer.status().message() != kNobody) co_return answer;
  co_return Status(Reason::NotFound, 404, std::string(kNobody) + " (get " + what + ")");
}

Task<Result<Readings>> MetricsSource::resource(std::string ns, std::string selector,
                                               std::string resource, std::string container,
                                               std::stop_token stop) {
  if (!reader_) {
    co_return co_await listed(std::move(ns), std::move(selector), std::move(resource),
                              std::move(container), stop);
  }
  PathQuery query;
  addUnlessEmpty(query, "labelSelector", std::move(selector));
  auto answer = co_await read("/apis/metrics.k8s.io/v1beta1/namespaces/" + segment(ns) + "/pods",
                              std::move(query), "pods.metrics.k8s.io", stop);
  if (!answer.ok()) {
    co_return answer.status().withContext("unable to fetch metrics from resource metrics API");
  }
  co_return readingsOf(*answer, resource, container);
}

Task<Result<Readings>> MetricsSource::listed(std::string ns, std::string selector,
                                             std::string resource, std::string container,
                                             std::stop_token stop) {
  client::ListOptions options;
  options.labelSelector = std::move(selector);
  auto list = co_await client_.list(client::resourceOf<PodMetrics>(), std::move(ns),
                                    std::move(options), stop);
  if (!list.ok()) {
    co_return list.status().withContext("unable to fetch metrics from resource metrics API");
  }
  if (list->items.empty()) co_return badRequest("no metrics returned from resource metrics API");
  Readings out;
  for (const auto& item : list->items) {
    CO_TRY_STATUS(add(*item.as<PodMetrics>(), resource, container, out));
  }
  co_return out;
}

Task<Result<std::string>> MetricsSource::customVersion(std::stop_token stop) {
  if (!version_.empty() && executor_.now() - versionAt_ < versionsKept_) co_return version_;
  version_.clear();
  auto answer = co_await read("/apis/" + std::string(kCustomGroup), {}, kCustomGroup, stop);
  if (!answer.ok() && !isNotFound(answer.status())) co_return answer.status();
  if (answer.ok()) version_ = versionOf(*answer);
  if (version_.empty()) {
    co_return badRequest("no custom metrics API (custom.metrics.k8s.io) registered");
  }
  versionAt_ = executor_.now();
  co_return version_;
}

Task<Result<std::string>> MetricsSource::custom(CustomPath path, std::string selector,
                                                std::string metricSelector, std::stop_token stop) {
  constexpr const char* kUnable = "unable to fetch metrics from custom metrics API";
  auto version = co_await customVersion(stop);
  if (!version.ok()) co_return version.status().withContext(kUnable);
  PathQuery query;
  addUnlessEmpty(query, "labelSelector", std::move(selector));
  addUnlessEmpty(query, "metricLabelSelector", std::move(metricSelector));
  const auto what = path.resource + "." + kCustomGroup + " " + path.name;
  auto full = "/apis/" + std::string(kCustomGroup) + "/" + *version + "/namespaces/" +
              segment(path.ns) + "/" + path.resource + "/" +
              (path.name == kAllObjects ? path.name : segment(path.name));
  if (!path.metric.empty()) full += "/" + segment(path.metric);
  auto answer = co_await read(std::move(full), std::move(query), what, stop);
  if (!answer.ok()) co_return answer.status().withContext(kUnable);
  co_return answer;
}

Task<Result<Readings>> MetricsSource::pods(std::string ns, std::string selector, std::string metric,
                                           std::string metricSelector, std::stop_token stop) {
  CustomPath path{std::move(ns), "pods", kAllObjects, std::move(metric)};
  CO_TRY(const auto answer,
         co_await custom(std::move(path), std::move(selector), std::move(metricSelector), stop));
  CO_TRY(const auto values, metricValuesOf(answer));
  if (values.empty()) co_return badRequest("no metrics returned from custom metrics API");
  Readings out;
  for (const auto& each : values) out.insert_or_assign(each.object, each.reading);
  co_return out;
}

Task<Result<int64_t>> MetricsSource::object(std::string ns, Object object, std::string metric,
                                            std::string metricSelector, std::stop_token stop) {
  const auto slash = object.apiVersion.find('/');
  const auto group = slash == std::string::npos ? "" : object.apiVersion.substr(0, slash);
  CustomPath path{std::move(ns), "metrics", metric, ""};
  if (object.kind != "Namespace" || !group.empty()) {
    const auto* type = client::findResource(group, "", object.kind);
    if (!type) {
      const auto kind = group.empty() ? object.kind : object.kind + "." + group;
      co_return badRequest("unable to fetch metrics from custom metrics API: unable to map kind " +
                           kind + " to resource: no matches for kind \"" + object.kind +
                           "\" in group \"" + group + "\"");
    }
    path.resource = client::qualifiedName(*type);
    path.name = std::move(object.name);
    path.metric = std::move(metric);
  }
  CO_TRY(const auto answer, co_await custom(std::move(path), "", std::move(metricSelector), stop));
  CO_TRY(const auto values, metricValuesOf(answer));
  if (values.size() != 1) {
    co_return badRequest(
        "unable to fetch metrics from custom metrics API: the custom metrics API server returned " +
        std::to_string(values.size()) + " results when we asked for exactly one");
  }
  co_return values.front().reading.milli;
}

Task<Result<std::vector<int64_t>>> MetricsSource::external(std::string ns, std::string metric,
                                                           std::string selector,
                                                           std::stop_token stop) {
  PathQuery query;
  addUnlessEmpty(query, "labelSelector", std::move(selector));
  auto answer = co_await read(
      "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + segment(ns) + "/" + segment(metric),
      std::move(query), metric + ".external.metrics.k8s.io", stop);
  if (!answer.ok()) {
    co_return answer.status().withContext("unable to fetch metrics from external metrics API");
  }
  CO_TRY(const auto values, metricValuesOf(*answer));
  if (values.empty()) co_return badRequest("no metrics returned from external metrics API");
  std::vector<int64_t> out;
  for (const auto& each : values) out.push_back(each.reading.milli);
  co_return out;
}

}  // namespace coxswain::controllers::podautoscaler
