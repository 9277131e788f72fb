#include "controllers/nodelifecycle/zones.h"

#include <algorithm>

#include "api/gen/meta_v1.h"

namespace coxswain::controllers::nodelifecycle {

std::string zoneOf(const api::core::v1::Node& node) {
  const auto& labels = node.metadata.labels;
  auto label = [&labels](std::string_view key, std::string_view old) {
    const auto* value = labels.get(key);
    if (value == nullptr) value = labels.get(old);
    return value == nullptr ? std::string() : *value;
  };
  const auto region =
      label("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
  const auto zone = label("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  return region.empty() && zone.empty() ? "" : region + "/" + zone;
}

ZoneState Zones::compute(const ZoneCount& count) const {
  if (count.ready == 0 && count.notReady > 0) return ZoneState::FullDisruption;
  const auto all = static_cast<double>(count.ready + count.notReady);
  const bool many = static_cast<double>(count.notReady) >= limits_.unhealthyThreshold * all;
  return count.notReady > 2 && many ? ZoneState::PartialDisruption : ZoneState::Normal;
}

double Zones::rateOf(ZoneState state, size_t nodes) const {
  if (state != ZoneState::PartialDisruption) return limits_.evictionsPerSecond;
  return nodes > limits_.largeClusterThreshold ? limits_.secondaryEvictionsPerSecond : 0;
}

Zones::Shift Zones::update(const std::map<std::string, ZoneCount>& counts, MonotonicTime now) {
  for (auto at = zones_.begin(); at != zones_.end();) {
    at = counts.contains(at->first) ? std::next(at) : zones_.erase(at);
  }
  bool allLost = !counts.empty();
  bool fresh = false;
  for (const auto& [name, count] : counts) {
    if (compute(count) != ZoneState::FullDisruption) allLost = false;
    auto [at, added] = zones_.try_emplace(name);
    if (added) {
      fresh = true;
      at->second.tokensAt = now;
    }
  }
  const bool wasLost = allLost_ && !fresh;
  allLost_ = allLost;
  for (auto& [name, zone] : zones_) {
    const auto& count = counts.at(name);
    zone.state = compute(count);
    zone.rate = allLost ? 0 : rateOf(zone.state, count.ready + count.notReady);
  }
  if (allLost && !wasLost) return Shift::AllLost;
  return wasLost && !allLost ? Shift::AllNoLonger : Shift::None;
}

void Zones::add(const std::string& name, const std::string& node) {
  auto& zone = zones_[name];
  if (zone.queued.insert(node).second) zone.queue.push_back(node);
}

void Zones::remove(const std::string& name, const std::string& node) {
  auto zone = zones_.find(name);
  if (zone == zones_.end() || zone->second.queued.erase(node) == 0) return;
  std::erase(zone->second.queue, node);
}

std::vector<std::string> Zones::take(MonotonicTime now) {
  std::vector<std::string> nodes;
  for (auto& [name, zone] : zones_) {
    const std::chrono::duration<double> passed = now - zone.tokensAt;
    zone.tokensAt = now;
    zone.tokens = std::min(1.0, zone.tokens + passed.count() * zone.rate);
    if (zone.queue.empty() || zone.rate <= 0 || zone.tokens < 1) continue;
    zone.tokens -= 1;
    zone.queued.erase(zone.queue.front());
    nodes.push_back(std::move(zone.queue.front()));
    zone.queue.pop_front();
  }
  return nodes;
}

ZoneState Zones::state(const std::string& name) const {
  auto zone = zones_.find(name);
  return zone == zones_.end() ? ZoneState::Initial : zone->second.state;
}

}  // namespace coxswain::controllers::nodelifecycle
