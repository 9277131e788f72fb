#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/reflect/map.h"
#include "scheduler/cache/node_info.h"
#include "scheduler/cache/pod_index.h"

namespace coxswain::scheduler {

/// What a scheduling decision sees: every known node, zones in turns. A view of the cache, not a
/// copy: a decision never suspends, and nothing else runs on its executor meanwhile.
struct Snapshot {
  std::vector<const NodeInfo*> nodes;
  /// Counts of pods by topology. Never null in a snapshot of a Cache.
  PodIndex* index = nullptr;
  /// On how many nodes an image lies.
  std::unordered_map<std::string, int32_t> imageNodes;
  /// Labels of namespaces; absent: unknown.
  std::unordered_map<std::string, api::Map<std::string>> namespaceLabels;
  std::unordered_map<std::string, const NodeInfo*> byName;
  /// By pod.
  std::unordered_map<std::string, std::pair<PodInfoPtr, NodeInfo*>> nominated;

  [[nodiscard]] const NodeInfo* find(const std::string& name) const {
    const auto at = byName.find(name);
    return at == byName.end() ? nullptr : at->second;
  }
  /// Where room is made for a pod; null: nowhere.
  [[nodiscard]] const NodeInfo* nominatedNode(const std::string& podKey) const {
    const auto at = nominated.find(podKey);
    return at == nominated.end() ? nullptr : at->second.second;
  }
  [[nodiscard]] const api::Map<std::string>* labelsOf(const std::string& ns) const {
    const auto at = namespaceLabels.find(ns);
    return at == namespaceLabels.end() ? nullptr : &at->second;
  }
};

/// Nodes with the pods on them. A pod whose binding is under way is assumed: it counts from the
/// decision on, until the informer shows it bound or the binding fails (forget). One executor.
class Cache {
 public:
  Cache() : index_(snapshot_) { snapshot_.index = &index_; }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Adds or replaces.
  void setNode(std::shared_ptr<const api::core::v1::Node> node);
  void removeNode(const std::string& name);

  /// A pod with spec.nodeName `node`, as the server has it: adds, replaces, or confirms an assumed
  /// one.
  void setPod(PodInfoPtr pod, const std::string& node);
  void removePod(const std::string& key);

  /// From now on `pod` counts on `node`.
  void assume(PodInfoPtr pod, const std::string& node);
  /// Takes an assumed pod back; nothing happens if the server has confirmed it meanwhile.
  void forget(const std::string& key);
  [[nodiscard]] bool isAssumed(const std::string& key) const;

  /// Room is made for the pod on `node`, until unnominate.
  void nominate(const PodInfoPtr& pod, const std::string& node);
  void unnominate(const std::string& key);
  /// Empty: no room is made for the pod.
  [[nodiscard]] std::string nominatedNode(const std::string& key) const;

  void setNamespace(const std::string& name, api::Map<std::string> labels);
  void removeNamespace(const std::string& name);

  /// Valid until the next change.
  const Snapshot& snapshot();
  /// Empty: no such pod.
  [[nodiscard]] PodInfoPtr pod(const std::string& key) const;
  [[nodiscard]] std::string nodeOf(const std::string& key) const;
  /// Null: not known, and no pod says that it is on it.
  [[nodiscard]] const NodeInfo* node(const std::string& name) const {
    const auto at = nodes_.find(name);
    return at == nodes_.end() ? nullptr : at->second.get();
  }
  [[nodiscard]] size_t podCount() const { return pods_.size(); }
  [[nodiscard]] const PodIndex& index() const { return index_; }

 private:
  struct Placed {
    PodInfoPtr pod;
    NodeInfo* node = nullptr;
    bool assumed = false;
  };
  NodeInfo& nodeFor(const std::string& name);
  void place(PodInfoPtr pod, const std::string& node, bool assumed);
  void dropIfUnused(NodeInfo& node);
  void displace(const Placed& placed);
  void countImages(const NodeInfo& node, int32_t by);
  void rebuild();

  std::unordered_map<std::string, std::unique_ptr<NodeInfo>> nodes_;
  std::unordered_map<std::string_view, Placed> pods_;  ///< by the pod's own key
  std::vector<uint32_t> freeSlots_;
  uint32_t slotsEnd_ = 0;
  Snapshot snapshot_;
  PodIndex index_;
  bool nodesChanged_ = false;
};

}  // namespace coxswain::scheduler
