#include "apiserver/metrics/resource_metrics.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/refusals.h"

namespace coxswain::apiserver {

using api::core::v1::Node;
using api::core::v1::Pod;
using api::metrics::v1beta1::NodeMetrics;
using api::metrics::v1beta1::NodeMetricsList;
using api::metrics::v1beta1::PodMetrics;
using api::metrics::v1beta1::PodMetricsList;
using metrics_api::Usage;

namespace {

constexpr const char* kGroup = "metrics.k8s.io";
constexpr const char* kVersion = "v1beta1";
constexpr const char* kApiVersion = "metrics.k8s.io/v1beta1";
constexpr int kPriority = 100;  // as metrics-server's APIService
constexpr std::string_view kFields[] = {"metadata.name", "metadata.namespace"};
/// Many nodes are read at once, and none is to be trusted with all memory.
constexpr size_t kAnswerBytesMax = 16U << 20;

Result<ListRequest> selectionOf(const Exchange& exchange) {
  ListRequest out;
  out.ns = exchange.info.ns;
  TRY(out.labels, api::LabelSelector::parse(exchange.query.get("labelSelector")));
  TRY(out.fields, api::FieldSelector::parse(exchange.query.get("fieldSelector")));
  TRY_STATUS(out.fields.checkKnown(kFields));
  return out;
}

void tell(const Usage& usage, api::Map<api::Quantity>& into) {
  into["cpu"] = api::Quantity::fromScaled(usage.cpuNanos, api::Quantity::Nano);
  into["memory"] = api::Quantity::fromInt(usage.memoryBytes, api::Quantity::Format::BinarySI);
}

void tellMetadata(const api::meta::v1::ObjectMeta& of, WallTime now,
                  api::meta::v1::ObjectMeta& into) {
  into.name = of.name;
  into.namespace_ = of.namespace_;
  into.creationTimestamp = api::Time(now);
  into.labels = of.labels;
}

ServedResource served(const char* plural, const char* kind, bool namespaced) {
  ServedResource out;
  out.group = kGroup;
  out.version = kVersion;
  out.plural = plural;
  out.kind = kind;
  out.namespaced = namespaced;
  out.verbs = {"get", "list"};
  out.groupPriority = kPriority;
  out.versionPriority = kPriority;
  return out;
}

bool add(const metrics_api::UsageStore& store, const Node& node, WallTime now,
         std::vector<NodeMetrics>& to) {
  const auto usage = store.node(node.metadata.name);
  if (!usage) return false;
  auto& out = to.emplace_back();
  tellMetadata(node.metadata, now, out.metadata);
  out.timestamp = api::Time(usage->when);
  out.window = api::GoDuration(usage->window);
  tell(*usage, out.usage);
  return true;
}

bool add(const metrics_api::UsageStore& store, const Pod& pod, WallTime now,
         std::vector<PodMetrics>& to) {
  if (pod.status.phase != "Running") return false;
  const auto usage = store.pod(pod.metadata.namespace_, pod.metadata.name);
  if (!usage) return false;
  auto& out = to.emplace_back();
  tellMetadata(pod.metadata, now, out.metadata);
  out.timestamp = api::Time(usage->when);
  out.window = api::GoDuration(usage->window);
  for (const auto& one : usage->containers) {
    auto& container = out.containers.emplace_back();
    container.name = one.name;
    tell(one.usage, container.usage);
  }
  return true;
}

/// One object by name, or those that the request selects. `one` and `many` name the kinds.
template <typename Object, typename Metrics, typename List>
Task<Status> serveAll(Exchange& exchange, const GenericRegistry& registry,
                      const metrics_api::UsageStore& store, const char* kind,
                      const char* resource) {
  const auto now = exchange.clock->wallNow();
  const auto& info = exchange.info;
  List list;
  if (!info.name.empty()) {
    CO_TRY(auto object, registry.get(info.ns, info.name));
    if (!add(store, *object.template as<Object>(), now, list.items)) {
      const auto name = info.ns.empty() ? info.name : info.ns + "/" + info.name;
      co_return notFound(resource, name);
    }
    api::ConstObject answer{api::Object(std::move(list.items.front()))};
    co_return co_await answerOwn(exchange, std::move(answer), kApiVersion, kind);
  }
  CO_TRY(const auto request, selectionOf(exchange));
  CO_TRY(auto found, registry.list(request));
  for (const auto& item : found.items) {
    CO_TRY(auto object, item.object());
    add(store, *object.template as<Object>(), now, list.items);
  }
  api::ConstObject answer{api::Object(std::move(list))};
  co_return co_await answerOwn(exchange, std::move(answer), kApiVersion,
                               std::string(kind) + "List");
}

}  // namespace

ResourceMetrics::ResourceMetrics(Sources sources, metrics_api::Scraper::Options options)
    : OwnGroup(kGroup, kVersion),
      sources_(sources),
      scraper_(sources.executor, sources.kubelets, options) {}

void ResourceMetrics::appendServed(std::vector<ServedResource>& to) const {
  to.push_back(served("nodes", "NodeMetrics", false));
  to.push_back(served("pods", "PodMetrics", true));
}

Task<Status> ResourceMetrics::serve(Exchange& exchange) {
  const auto& info = exchange.info;
  const bool nodes = info.resource == "nodes" && info.ns.empty();
  const bool pods = info.resource == "pods" && (!info.ns.empty() || info.name.empty());
  if ((!nodes && !pods) || !info.subresource.empty()) co_return nothingThere();
  CO_TRY_STATUS(checkReads(info));
  co_await scraper_.ready(exchange.request.stop);
  if (nodes) co_return co_await serveNodes(exchange);
  co_return co_await servePods(exchange);
}

Task<Status> ResourceMetrics::serveNodes(Exchange& exchange) {
  return serveAll<Node, NodeMetrics, NodeMetricsList>(exchange, sources_.nodes, scraper_.usage(),
                                                      "NodeMetrics", "nodemetrics.metrics.k8s.io");
}

Task<Status> ResourceMetrics::servePods(Exchange& exchange) {
  return serveAll<Pod, PodMetrics, PodMetricsList>(exchange, sources_.pods, scraper_.usage(),
                                                   "PodMetrics", "podmetrics.metrics.k8s.io");
}

Result<std::vector<std::string>> ConnectedKubelets::nodes() {
  TRY(auto all, nodes_.list({}));
  std::vector<std::string> names;
  names.reserve(all.items.size());
  for (const auto& item : all.items) {
    TRY(auto object, item.object());
    names.push_back(object.as<Node>()->metadata.name);
  }
  return names;
}

Task<Result<std::string>> ConnectedKubelets::resourceMetrics(std::string node,
                                                             std::stop_token stop) {
  CO_TRY(auto object, nodes_.get("", node));
  CO_TRY(auto client, connections_.of(*object.as<Node>()));
  net::ClientRequest request;
  request.target = "/metrics/resource";
  CO_TRY(auto response, co_await client->send(std::move(request), stop));
  CO_TRY(auto body, co_await response->body().readAll(kAnswerBytesMax, stop));
  if (response->status != 200) {
    co_return serviceUnavailable("the kubelet answered " + std::to_string(response->status));
  }
  co_return std::move(body);
}

}  // namespace coxswain::apiserver
