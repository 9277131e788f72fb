#include "controllers/podautoscaler/metrics_source.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"

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

namespace {

constexpr Duration kDefaultWindow = 1min;

/// Into `out`; a pod of which a container has no reading stays out.
Status add(const PodMetrics& pod, std::string_view resource, std::string_view container,
           Readings& out) {
  Reading reading;
  bool found = container.empty();
  for (const auto& one : pod.containers) {
    if (!container.empty() && one.name != container) continue;
    found = true;
    const auto usage = one.usage.find(resource);
    if (usage == one.usage.end()) return {};
    reading.milli += usage->second.milliValue();
  }
  if (!found) {
    return badRequest("container " + std::string(container) + " not present in metrics for pod " +
                      pod.metadata.namespace_ + "/" + pod.metadata.name);
  }
  reading.when = pod.timestamp.wall();
  reading.window = pod.window.nanos > 0 ? pod.window.duration() : kDefaultWindow;
  out.emplace(pod.metadata.name, reading);
  return {};
}

}  // namespace

Task<Result<Readings>> readResource(client::Client& client, std::string ns, std::string selector,
                                    std::string resource, std::string container,
                                    std::stop_token stop) {
  client::ListOptions options;
  options.labelSelector = std::move(selector);
  auto list = co_await client.list(client::resourceOf<PodMetrics>(), std::move(ns),
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

}  // namespace coxswain::controllers::podautoscaler
