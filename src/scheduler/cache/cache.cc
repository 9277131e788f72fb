#include "scheduler/cache/cache.h"

#include <algorithm>
#include <map>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

namespace {

/// Region and zone; nodes without labels share one zone.
std::string zoneOf(const api::core::v1::Node& node) {
  const auto label = [&](std::string_view key) {
    const std::string* value = node.metadata.labels.get(key);
    return value ? *value : std::string();
  };
  return label("topology.kubernetes.io/region") + '\0' + label("topology.kubernetes.io/zone");
}

}  // namespace

NodeInfo& Cache::nodeFor(const std::string& name) {
  auto& node = nodes_[name];
  if (!node) {
    node = std::make_unique<NodeInfo>();
    node->name = name;
    if (freeSlots_.empty()) {
      node->slot = slotsEnd_++;
    } else {
      node->slot = freeSlots_.back();
      freeSlots_.pop_back();
    }
    index_.addNode(*node);
  }
  return *node;
}

/// Pods may be told of before their node, and later than its end.
void Cache::dropIfUnused(NodeInfo& node) {
  if (node.node || !node.pods.empty() || !node.nominated.empty()) return;
  index_.removeNode(node);
  freeSlots_.push_back(node.slot);
  nodes_.erase(nodes_.find(node.name));
}

void Cache::countImages(const NodeInfo& node, int32_t by) {
  for (const auto& image : node.images) {
    int32_t& count = snapshot_.imageNodes[image.name];
    count += by;
    if (count <= 0) snapshot_.imageNodes.erase(image.name);
  }
}

void Cache::setNode(std::shared_ptr<const api::core::v1::Node> node) {
  NodeInfo& info = nodeFor(node->metadata.name);
  if (!info.node || zoneOf(*info.node) != zoneOf(*node)) nodesChanged_ = true;
  countImages(info, -1);
  info.setNode(std::move(node));
  countImages(info, 1);
  index_.nodeChanged(info);
}

void Cache::removeNode(const std::string& name) {
  const auto at = nodes_.find(name);
  if (at == nodes_.end() || !at->second->node) return;
  nodesChanged_ = true;
  countImages(*at->second, -1);
  at->second->setNode(nullptr);
  index_.nodeChanged(*at->second);
  dropIfUnused(*at->second);
}

void Cache::place(PodInfoPtr pod, const std::string& node, bool assumed) {
  unnominate(pod->key);
  const auto at = pods_.find(pod->key);
  if (at != pods_.end()) {
    const Placed had = std::move(at->second);
    pods_.erase(at);
    displace(had);
  }
  NodeInfo& info = nodeFor(node);
  info.addPod(pod);
  index_.addPod(*pod, info.slot);
  const std::string_view key = pod->key;
  pods_.emplace(key, Placed{std::move(pod), &info, assumed});
}

void Cache::displace(const Placed& placed) {
  placed.node->removePod(*placed.pod);
  index_.removePod(*placed.pod, placed.node->slot);
  dropIfUnused(*placed.node);
}

void Cache::setPod(PodInfoPtr pod, const std::string& node) {
  place(std::move(pod), node, false);
}

void Cache::removePod(const std::string& key) {
  unnominate(key);
  const auto at = pods_.find(key);
  if (at == pods_.end()) return;
  const Placed had = std::move(at->second);
  pods_.erase(at);
  displace(had);
}

void Cache::assume(PodInfoPtr pod, const std::string& node) {
  place(std::move(pod), node, true);
}

void Cache::forget(const std::string& key) {
  if (isAssumed(key)) removePod(key);
}

bool Cache::isAssumed(const std::string& key) const {
  const auto at = pods_.find(key);
  return at != pods_.end() && at->second.assumed;
}

std::string Cache::nodeOf(const std::string& key) const {
  const auto at = pods_.find(key);
  return at == pods_.end() ? std::string() : at->second.node->name;
}

PodInfoPtr Cache::pod(const std::string& key) const {
  const auto at = pods_.find(key);
  return at == pods_.end() ? nullptr : at->second.pod;
}

void Cache::nominate(const PodInfoPtr& pod, const std::string& node) {
  unnominate(pod->key);
  NodeInfo& info = nodeFor(node);
  ++info.version;
  info.nominated.push_back(pod);
  snapshot_.nominated[pod->key] = {pod, &info};
}

void Cache::unnominate(const std::string& key) {
  const auto at = snapshot_.nominated.find(key);
  if (at == snapshot_.nominated.end()) return;
  const auto [pod, node] = at->second;
  snapshot_.nominated.erase(at);
  ++node->version;
  std::erase(node->nominated, pod);
  dropIfUnused(*node);
}

std::string Cache::nominatedNode(const std::string& key) const {
  const auto at = snapshot_.nominated.find(key);
  return at == snapshot_.nominated.end() ? std::string() : at->second.second->name;
}

void Cache::setNamespace(const std::string& name, api::Map<std::string> labels) {
  snapshot_.namespaceLabels.insert_or_assign(name, std::move(labels));
  index_.namespaceChanged();
}

void Cache::removeNamespace(const std::string& name) {
  snapshot_.namespaceLabels.erase(name);
  index_.namespaceChanged();
}

void Cache::rebuild() {
  std::map<std::string, std::vector<const NodeInfo*>> zones;
  size_t count = 0;
  snapshot_.byName.clear();
  for (const auto& [name, node] : nodes_) {
    if (!node->node) continue;
    zones[zoneOf(*node->node)].push_back(node.get());
    snapshot_.byName.emplace(name, node.get());
    ++count;
  }
  for (auto& [zone, nodes] : zones)
    std::sort(nodes.begin(), nodes.end(),
              [](const NodeInfo* a, const NodeInfo* b) { return a->name < b->name; });
  // One of each zone in turn, so that the first nodes looked at are spread.
  snapshot_.nodes.clear();
  snapshot_.nodes.reserve(count);
  for (size_t round = 0; snapshot_.nodes.size() < count; ++round)
    for (const auto& [zone, nodes] : zones)
      if (round < nodes.size()) snapshot_.nodes.push_back(nodes[round]);
}

const Snapshot& Cache::snapshot() {
  if (nodesChanged_) rebuild();
  nodesChanged_ = false;
  return snapshot_;
}

}  // namespace coxswain::scheduler
