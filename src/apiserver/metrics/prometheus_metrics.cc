#include "apiserver/metrics/prometheus_metrics.h"

#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/custom_metrics_v1beta1.h"
#include "api/gen/custom_metrics_v1beta2.h"
#include "api/gen/external_metrics_v1beta1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/refusals.h"

namespace coxswain::apiserver {

namespace v1beta1 = api::custom_metrics::v1beta1;
namespace v1beta2 = api::custom_metrics::v1beta2;
using api::external_metrics::v1beta1::ExternalMetricValueList;
using metrics_api::Catalog;
using metrics_api::KnownResource;
using metrics_api::NamedResource;
using metrics_api::QueryWanted;
using metrics_api::Sample;

namespace {

constexpr const char* kCustom = "custom.metrics.k8s.io";
constexpr const char* kExternal = "external.metrics.k8s.io";
constexpr const char* kAllObjects = "*";
constexpr int kPriority = 100;

/// Names of objects, as far as there are metrics of them: whatever a rule's query makes of a name,
/// it stays one.
bool isPlainName(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == ':';
  });
}

Status noMetric(const std::string& text) {
  return Status(Reason::NotFound, 404, text);
}

ServedResource servedGroup(const OwnGroup& group, const char* kind) {
  ServedResource out;
  out.group = group.group();
  out.version = group.version();
  out.kind = kind;
  out.verbs = {"get"};
  out.groupPriority = kPriority;
  out.versionPriority = group.version() == "v1beta2" ? 2 * kPriority : kPriority;
  return out;
}

/// Where there is no metric the group version is told of alone.
void appendAll(const ServedResource& pattern, std::vector<std::pair<std::string, bool>> names,
               std::vector<ServedResource>& to) {
  if (names.empty()) to.push_back(pattern);
  for (auto& [name, namespaced] : names) {
    auto& out = to.emplace_back(pattern);
    out.plural = std::move(name);
    out.namespaced = namespaced;
  }
}

/// The metric's own labels that were asked for; null: none were.
void tellSelector(const api::LabelSelector& selector,
                  api::Box<api::meta::v1::LabelSelector>& into) {
  using Op = api::LabelRequirement::Op;
  if (selector.isEverything()) return;
  auto& out = into.emplace();
  for (const auto& each : selector.requirements()) {
    const auto op = each.op();
    if (op == Op::Equals || op == Op::DoubleEquals) {
      out.matchLabels[each.key()] = each.values().front();
      continue;
    }
    auto& expression = out.matchExpressions.emplace_back();
    expression.key = each.key();
    expression.values = each.values();
    expression.operator_ = op == Op::In                             ? "In"
                           : op == Op::NotIn || op == Op::NotEquals ? "NotIn"
                           : op == Op::Exists                       ? "Exists"
                                                                    : "DoesNotExist";
  }
}

}  // namespace

std::optional<KnownResource> findKnownResource(const NamedResource& named) {
  const auto groupWord = [](std::string group) {
    std::ranges::replace(group, '.', '_');
    return group;
  };
  for (const auto& each : resources()) {
    if (each.plural != named.resource && each.singular != named.resource) continue;
    const std::string group(each.group);
    if (!named.group.empty() && named.group != group && named.group != groupWord(group)) continue;
    return KnownResource{group,
                         std::string(each.version),
                         std::string(each.plural),
                         std::string(each.singular),
                         std::string(each.kind),
                         each.namespaced};
  }
  return std::nullopt;
}

/// Of a path.
struct CustomMetrics::Asked {
  std::string resource;  ///< "pods", "deployments.apps"
  std::string ns;        ///< empty: of objects without
  std::string name;      ///< "*": those that the label selector matches
  std::string metric;
  api::LabelSelector selector;  ///< of the metric
};

CustomMetrics::CustomMetrics(std::string version, Catalog& catalog, const ApiServer& server)
    : OwnGroup(kCustom, std::move(version)), catalog_(catalog), server_(server) {}

void CustomMetrics::appendServed(std::vector<ServedResource>& to) const {
  std::vector<std::pair<std::string, bool>> names;
  for (const auto& each : catalog_.custom()) {
    names.emplace_back(qualifiedName(each.resource) + "/" + each.metric, each.namespaced);
  }
  appendAll(servedGroup(*this, "MetricValueList"), std::move(names), to);
}

Task<Status> CustomMetrics::serve(Exchange& exchange) {
  const auto& info = exchange.info;
  Asked asked;
  asked.ns = info.ns;
  if (!info.ns.empty() && info.resource == "metrics" && info.subresource.empty()) {
    // A metric of the namespace itself.
    asked.resource = "namespaces";
    asked.name = info.ns;
    asked.metric = info.name;
    asked.ns.clear();
  } else {
    asked.resource = info.resource;
    asked.name = info.name;
    asked.metric = info.subresource;
  }
  const bool deeper = !info.rest.empty() && info.rest != "/";
  if (asked.name.empty() || asked.metric.empty() || deeper) co_return nothingThere();
  CO_TRY_STATUS(checkReads(info));
  if (!isPlainName(asked.ns) || (asked.name != kAllObjects && !isPlainName(asked.name))) {
    co_return noMetric("the server could not find the metric " + asked.metric + " for " +
                       asked.resource + " " + asked.name);
  }
  CO_TRY(asked.selector, api::LabelSelector::parse(exchange.query.get("metricLabelSelector")));
  co_return co_await answer(exchange, std::move(asked));
}

Result<std::vector<std::string>> CustomMetrics::names(const Asked& asked,
                                                      const Exchange& exchange) const {
  if (asked.name != kAllObjects) return std::vector<std::string>{asked.name};
  const auto dot = asked.resource.find('.');
  const auto plural = asked.resource.substr(0, dot);
  const auto group = dot == std::string::npos ? std::string() : asked.resource.substr(dot + 1);
  const auto known = findKnownResource({group, plural});
  const auto* registry =
      known ? server_.registry(known->group, known->version, known->plural) : nullptr;
  if (!registry) return nothingThere();
  ListRequest request;
  request.ns = asked.ns;
  TRY(request.labels, api::LabelSelector::parse(exchange.query.get("labelSelector")));
  TRY(auto found, registry->list(request));
  std::vector<std::string> out;
  out.reserve(found.items.size());
  for (const auto& item : found.items) {
    TRY(auto object, item.object());
    out.push_back(api::objectMeta(object)->name);
  }
  return out;
}

Task<Status> CustomMetrics::answer(Exchange& exchange, Asked asked) {
  const auto stop = exchange.request.stop;
  CO_TRY(const auto* metric,
         co_await catalog_.findCustom(asked.resource, asked.metric, !asked.ns.empty(), stop));
  if (!metric) {
    co_return noMetric("the server could not find the metric " + asked.metric + " for " +
                       asked.resource);
  }
  const KnownResource resource = metric->resource;
  QueryWanted wanted{metric->from.series, asked.ns, resource, {}, asked.selector};
  CO_TRY(wanted.names, names(asked, exchange));
  CO_TRY(const auto label, metric->from.rule->labelOf(resource));
  std::map<std::string, Sample, std::less<>> values;
  if (!wanted.names.empty()) {
    CO_TRY(auto text, metric->from.rule->query(wanted));
    auto samples =
        co_await catalog_.prometheus().query(std::move(text), exchange.clock->wallNow(), stop);
    if (!samples.ok()) co_return serviceUnavailable(samples.status().message());
    for (auto& sample : *samples) {
      const auto name = sample.labels.find(label);
      if (name != sample.labels.end()) values.try_emplace(name->second, sample);
    }
  }
  if (asked.name != kAllObjects && !values.contains(asked.name)) {
    co_return noMetric("the server could not find the metric " + asked.metric + " for " +
                       asked.resource + " " + asked.name);
  }
  v1beta2::MetricValueList list;
  for (const auto& name : wanted.names) {
    const auto value = values.find(name);
    if (value == values.end()) continue;
    auto& out = list.items.emplace_back();
    out.describedObject.kind = resource.kind;
    out.describedObject.apiVersion = groupVersionText(resource.group, resource.version);
    out.describedObject.namespace_ = asked.ns;
    out.describedObject.name = name;
    out.metric.name = asked.metric;
    tellSelector(asked.selector, out.metric.selector);
    out.timestamp = api::Time(value->second.when);
    out.value = api::Quantity::fromMilli(value->second.milli);
  }
  const auto apiVersion = groupVersionText(group(), version());
  if (version() == "v1beta2") {
    api::ConstObject object{api::Object(std::move(list))};
    co_return co_await answerOwn(exchange, std::move(object), apiVersion, "MetricValueList");
  }
  v1beta1::MetricValueList older;
  for (auto& each : list.items) {
    auto& out = older.items.emplace_back();
    out.describedObject = std::move(each.describedObject);
    out.metricName = std::move(each.metric.name);
    out.selector = std::move(each.metric.selector);
    out.timestamp = each.timestamp;
    out.value = each.value;
  }
  api::ConstObject object{api::Object(std::move(older))};
  co_return co_await answerOwn(exchange, std::move(object), apiVersion, "MetricValueList");
}

ExternalMetrics::ExternalMetrics(Catalog& catalog)
    : OwnGroup(kExternal, "v1beta1"), catalog_(catalog) {}

void ExternalMetrics::appendServed(std::vector<ServedResource>& to) const {
  std::vector<std::pair<std::string, bool>> names;
  for (const auto& each : catalog_.external()) names.emplace_back(each.metric, true);
  appendAll(servedGroup(*this, "ExternalMetricValueList"), std::move(names), to);
}

Task<Status> ExternalMetrics::serve(Exchange& exchange) {
  const auto& info = exchange.info;
  if (info.ns.empty() || !info.name.empty() || info.resource.empty() || !isPlainName(info.ns)) {
    co_return nothingThere();
  }
  CO_TRY_STATUS(checkReads(info));
  const auto stop = exchange.request.stop;
  CO_TRY(const auto* metric, co_await catalog_.findExternal(info.resource, stop));
  if (!metric) {
    co_return noMetric("the server could not find the metric " + info.resource + " for namespaces");
  }
  QueryWanted wanted;
  wanted.series = metric->from.series;
  if (metric->from.rule->namespaced) wanted.ns = info.ns;
  CO_TRY(wanted.selector, api::LabelSelector::parse(exchange.query.get("labelSelector")));
  CO_TRY(auto text, metric->from.rule->query(wanted));
  auto samples =
      co_await catalog_.prometheus().query(std::move(text), exchange.clock->wallNow(), stop);
  if (!samples.ok()) co_return serviceUnavailable(samples.status().message());
  ExternalMetricValueList list;
  for (const auto& sample : *samples) {
    auto& out = list.items.emplace_back();
    out.metricName = info.resource;
    for (const auto& [label, value] : sample.labels) out.metricLabels[label] = value;
    out.timestamp = api::Time(sample.when);
    out.value = api::Quantity::fromMilli(sample.milli);
  }
  api::ConstObject object{api::Object(std::move(list))};
  co_return co_await answerOwn(exchange, std::move(object), "external.metrics.k8s.io/v1beta1",
                               "ExternalMetricValueList");
}

}  // namespace coxswain::apiserver
