#include "metrics_api/usage.h"

#include <algorithm>
#include <limits>

namespace coxswain::metrics_api {
namespace {

/// Measured over less, the figure would say little.
constexpr Duration kFreshAtLeast = 10s;

std::string keyOf(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + name.size() + 1);
  key.append(ns).append("/").append(name);
  return key;
}

const UsagePoint* find(const std::vector<ContainerPoint>* containers, std::string_view name) {
  if (!containers) return nullptr;
  const auto found = std::ranges::find(*containers, name, &ContainerPoint::name);
  return found == containers->end() ? nullptr : &found->point;
}

template <typename Map>
const typename Map::mapped_type* get(const Map& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

int64_t held(double value) {
  constexpr double kMost = 9e18;
  return static_cast<int64_t>(std::clamp(value, 0.0, kMost));
}

std::optional<Usage> usageOf(const UsagePoint& last, const UsagePoint& previous) {
  if (last.cpuNanos < previous.cpuNanos || last.when <= previous.when) return std::nullopt;
  Usage out;
  out.when = last.when;
  out.window = last.when - previous.when;
  const double seconds = std::chrono::duration<double>(out.window).count();
  out.cpuNanos = held(static_cast<double>(last.cpuNanos - previous.cpuNanos) / seconds);
  out.memoryBytes = held(static_cast<double>(last.memoryBytes));
  return out;
}

}  // namespace

/// The reading that `next` is compared with.
std::optional<UsagePoint> UsageStore::before(const UsagePoint& next, const UsagePoint* last,
                                             const UsagePoint* previous) const {
  const Duration age = next.when - next.startedAt;
  const bool known = next.startedAt != WallTime();
  if (known && age >= kFreshAtLeast && age < resolution_) {
    UsagePoint start;
    start.when = start.startedAt = next.startedAt;
    return start;
  }
  if (!last || next.startedAt >= last->when) return std::nullopt;
  if (next.when > last->when) return *last;
  // Read again before anything new was there.
  if (previous && previous->when < next.when) return *previous;
  return std::nullopt;
}

void UsageStore::store(const Batch& batch) {
  Nodes nodes;
  Nodes nodesBefore;
  Pods pods;
  Pods podsBefore;
  for (const auto& [name, point] : batch) {
    if (point.node) {
      nodes.emplace(name, *point.node);
      if (auto earlier = before(*point.node, get(lastNodes_, name), get(previousNodes_, name))) {
        nodesBefore.emplace(name, *earlier);
      }
    }
    for (const auto& pod : point.pods) {
      const auto key = keyOf(pod.ns, pod.name);
      if (!pods.emplace(key, pod.containers).second) continue;
      const auto* last = get(lastPods_, key);
      const auto* previous = get(previousPods_, key);
      Containers earlier;
      for (const auto& one : pod.containers) {
        auto found = before(one.point, find(last, one.name), find(previous, one.name));
        if (found) earlier.push_back({one.name, *found});
      }
      if (!earlier.empty()) podsBefore.emplace(key, std::move(earlier));
    }
  }
  lastNodes_ = std::move(nodes);
  previousNodes_ = std::move(nodesBefore);
  lastPods_ = std::move(pods);
  previousPods_ = std::move(podsBefore);
}

void UsageStore::clear() {
  lastNodes_.clear();
  previousNodes_.clear();
  lastPods_.clear();
  previousPods_.clear();
}

std::optional<Usage> UsageStore::node(std::string_view name) const {
  const auto* last = get(lastNodes_, name);
  const auto* previous = get(previousNodes_, name);
  if (!last || !previous) return std::nullopt;
  return usageOf(*last, *previous);
}

std::optional<PodUsage> UsageStore::pod(std::string_view ns, std::string_view name) const {
  const auto key = keyOf(ns, name);
  const auto* last = get(lastPods_, key);
  const auto* previous = get(previousPods_, key);
  if (!last || !previous) return std::nullopt;
  PodUsage out;
  for (const auto& one : *last) {
    const auto* earlier = find(previous, one.name);
    if (!earlier) return std::nullopt;
    const auto usage = usageOf(one.point, *earlier);
    if (!usage) continue;
    if (out.containers.empty() || usage->when < out.when) {
      out.when = usage->when;
      out.window = usage->window;
    }
    out.containers.push_back({one.name, *usage});
  }
  if (out.containers.empty()) return std::nullopt;
  return out;
}

}  // namespace coxswain::metrics_api
