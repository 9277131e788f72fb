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
  }
  return *node;
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
}

void Cache::removeNode(const std::string& name) {
  const auto at = nodes_.find(name);
  if (at == nodes_.end() || !at->second->node) return;
  nodesChanged_ = true;
  countImages(*at->second, -1);
  at->second->setNode(nullptr);
  // Its pods may be told of later than the node.
  if (at->second->pods.empty()) nodes_.erase(at);
}

void Cache::place(Placed placed) {
  NodeInfo& node = nodeFor(placed.node);
  node.addPod(placed.pod);
  tallies_.changed(*placed.pod, node, 1);
  affinityChanged_ = affinityChanged_ || placed.pod->affinity;
  std::string key = placed.pod->key;
  pods_.insert_or_assign(std::move(key), std::move(placed));
}

void Cache::displace(const Placed& placed) {
  const auto at = nodes_.find(placed.node);
  if (at == nodes_.end()) return;
  if (at->second->removePod(placed.pod->key)) tallies_.changed(*placed.pod, *at->second, -1);
  affinityChanged_ = affinityChanged_ || placed.pod->affinity;
  if (at->second->pods.empty() && !at->second->node) nodes_.erase(at);
}

void Cache::setPod(PodInfoPtr pod) {
  unnominate(pod->key);
  const auto at = pods_.find(pod->key);
  if (at != pods_.end()) displace(at->second);
  std::string node = pod->pod->spec.nodeName;
  place({std::move(pod), std::move(node), false});
}

void Cache::removePod(const std::string& key) {
  unnominate(key);
  const auto at = pods_.find(key);
  if (at == pods_.end()) return;
  displace(at->second);
  pods_.erase(at);
}

void Cache::assume(PodInfoPtr pod, const std::string& node) {
  unnominate(pod->key);
  const auto at = pods_.find(pod->key);
  if (at != pods_.end()) displace(at->second);
  place({std::move(pod), node, true});
}

void Cache::forget(const std::string& key) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || !at->second.assumed) return;
  displace(at->second);
  pods_.erase(at);
}

bool Cache::isAssumed(const std::string& key) const {
  const auto at = pods_.find(key);
  return at != pods_.end() && at->second.assumed;
}

PodInfoPtr Cache::pod(const std::string& key) const {
  const auto at = pods_.find(key);
  return at == pods_.end() ? nullptr : at->second.pod;
}

void Cache::nominate(const PodInfoPtr& pod, const std::string& node) {
  unnominate(pod->key);
  nominatedNode_[pod->key] = node;
  snapshot_.nominated[node].push_back(pod);
}

void Cache::unnominate(const std::string& key) {
  const auto at = nominatedNode_.find(key);
  if (at == nominatedNode_.end()) return;
  auto& there = snapshot_.nominated[at->second];
  std::erase_if(there, [&](const PodInfoPtr& pod) { return pod->key == key; });
  if (there.empty()) snapshot_.nominated.erase(at->second);
  nominatedNode_.erase(at);
}

void Cache::setNamespace(const std::string& name, api::Map<std::string> labels) {
  snapshot_.namespaceLabels.insert_or_assign(name, std::move(labels));
}

void Cache::removeNamespace(const std::string& name) {
  snapshot_.namespaceLabels.erase(name);
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
  if (nodesChanged_ || affinityChanged_) {
    snapshot_.withAffinity.clear();
    for (const NodeInfo* node : snapshot_.nodes)
      if (!node->podsWithAffinity.empty()) snapshot_.withAffinity.push_back(node);
  }
  nodesChanged_ = affinityChanged_ = false;
  return snapshot_;
}

}  // namespace coxswain::scheduler
