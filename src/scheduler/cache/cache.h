#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/reflect/map.h"
#include "scheduler/cache/node_info.h"
#include "scheduler/cache/selector_tallies.h"

namespace coxswain::scheduler {

/// What a scheduling decision sees: every known node, zones in turns. A view of the cache, not a
/// copy: a decision never suspends, and nothing else runs on its executor meanwhile.
struct Snapshot {
  std::vector<const NodeInfo*> nodes;
  /// Of `nodes`, those with pods that have affinity or anti-affinity.
  std::vector<const NodeInfo*> withAffinity;
  /// On how many nodes an image lies.
  std::unordered_map<std::string, int32_t> imageNodes;
  /// Labels of namespaces; absent: unknown.
  std::unordered_map<std::string, api::Map<std::string>> namespaceLabels;
  std::unordered_map<std::string, const NodeInfo*> byName;
  /// Pods for which room is being made, by the node: others of lower priority must leave it.
  std::unordered_map<std::string, std::vector<PodInfoPtr>> nominated;
  /// Pods on nodes by selector, on demand. Null: nobody keeps any.
  SelectorTallies* tallies = nullptr;

  [[nodiscard]] const NodeInfo* find(const std::string& name) const {
    const auto at = byName.find(name);
    return at == byName.end() ? nullptr : at->second;
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
  Cache() { snapshot_.tallies = &tallies_; }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Adds or replaces.
  void setNode(std::shared_ptr<const api::core::v1::Node> node);
  void removeNode(const std::string& name);

  /// A pod with spec.nodeName, as the server has it: adds, replaces, or confirms an assumed one.
  void setPod(PodInfoPtr pod);
  void removePod(const std::string& key);

  /// From now on `pod` counts on `node`.
  void assume(PodInfoPtr pod, const std::string& node);
  /// Takes an assumed pod back; nothing happens if the server has confirmed it meanwhile.
  void forget(const std::string& key);
  [[nodiscard]] bool isAssumed(const std::string& key) const;

  /// Room is made for the pod on `node`, until unnominate.
  void nominate(const PodInfoPtr& pod, const std::string& node);
  void unnominate(const std::string& key);

  void setNamespace(const std::string& name, api::Map<std::string> labels);
  void removeNamespace(const std::string& name);

  /// Valid until the next change.
  const Snapshot& snapshot();
  /// Empty: no such pod.
  [[nodiscard]] PodInfoPtr pod(const std::string& key) const;
  [[nodiscard]] size_t podCount() const { return pods_.size(); }

 private:
  struct Placed {
    PodInfoPtr pod;
    std::string node;
    bool assumed = false;
  };
  NodeInfo& nodeFor(const std::string& name);
  void place(Placed placed);
  void displace(const Placed& placed);
  void countImages(const NodeInfo& node, int32_t by);
  void rebuild();

  std::unordered_map<std::string, std::unique_ptr<NodeInfo>> nodes_;
  std::unordered_map<std::string, Placed> pods_;
  std::unordered_map<std::string, std::string> nominatedNode_;  ///< by pod
  SelectorTallies tallies_;
  Snapshot snapshot_;
  bool nodesChanged_ = false;
  bool affinityChanged_ = false;
};

}  // namespace coxswain::scheduler
