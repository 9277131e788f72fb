#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/cache/node_info.h"
#include "scheduler/cache/pod_affinity.h"
#include "scheduler/cache/topology.h"

namespace coxswain::scheduler {

struct Snapshot;

/// What a pod's term is for.
enum class TermKind : uint8_t { RequiredAffinity, RequiredAntiAffinity, Preferred };

/// One term of (anti-)affinity that pods on nodes have, the same for all of them, and how many:
/// sums of weights (negative for anti-affinity) where it is a preferred one.
struct TermGroup {
  AffinityTerm term;
  TermKind kind = TermKind::RequiredAffinity;
  size_t pods = 0;
  NodeCounts counts;
  std::shared_ptr<const TopologyKey> key;
};

/// Things found by a label that a selector demands, where it demands one.
template <typename T>
class LabelBuckets {
 public:
  void add(const api::LabelSelector& selector, T* item) { bucketOf(selector).push_back(item); }
  void remove(const api::LabelSelector& selector, T* item) {
    std::erase(bucketOf(selector), item);
    if (buckets_.size() > 2 * ++removed_) return;
    std::erase_if(buckets_, [](const auto& bucket) { return bucket.second.empty(); });
    removed_ = 0;
  }
  /// Of each that may match such labels; some do not.
  template <typename F>
  void visit(const api::Labels& labels, F&& visitor) const {
    for (T* item : any_) visitor(*item);
    if (buckets_.empty()) return;
    for (const auto& [key, value] : labels) {
      const auto at = buckets_.find(hashOf(key, value));
      if (at == buckets_.end()) continue;
      for (T* item : at->second) visitor(*item);
    }
  }
  void clear() {
    any_.clear();
    buckets_.clear();
  }

 private:
  static size_t hashOf(const std::string& key, const std::string& value) {
    return std::hash<std::string>()(key) * 31 + std::hash<std::string>()(value);
  }
  std::vector<T*>& bucketOf(const api::LabelSelector& selector) {
    for (const auto& requirement : selector.requirements()) {
      using Op = api::LabelRequirement::Op;
      const bool one = requirement.op() == Op::In || requirement.op() == Op::Equals ||
                       requirement.op() == Op::DoubleEquals;
      if (one && requirement.values().size() == 1)
        return buckets_[hashOf(requirement.key(), requirement.values().front())];
    }
    return any_;
  }
  std::vector<T*> any_;
  std::unordered_map<size_t, std::vector<T*>> buckets_;
  size_t removed_ = 0;  ///< since empty buckets were taken away
};

/// Answers "how many pods that match this are in each domain" and "which terms of pods that run
/// are about this pod" without looking at pods: counts are kept from the first question on and
/// changed with each pod that comes or goes. Questions not asked for long are forgotten. Part of
/// the Cache. One executor.
class PodIndex {
 public:
  explicit PodIndex(const Snapshot& snapshot);
  ~PodIndex();
  PodIndex(const PodIndex&) = delete;
  PodIndex& operator=(const PodIndex&) = delete;

  // The cache tells.
  void addNode(const NodeInfo& node);
  /// It has no pods any more.
  void removeNode(const NodeInfo& node);
  /// node.node is another one, or null.
  void nodeChanged(const NodeInfo& node);
  void addPod(const PodInfo& pod, uint32_t slot) { change(pod, slot, 1); }
  void removePod(const PodInfo& pod, uint32_t slot) { change(pod, slot, -1); }
  void namespaceChanged();

  // Decisions ask. What is returned may be kept for the decision.
  std::shared_ptr<const TopologyKey> key(const std::string& label);
  /// Pods that match every one of `terms` (their topology keys do not matter). `leaving`: also
  /// those that are being deleted.
  std::shared_ptr<NodeCounts> count(std::span<const AffinityTerm> terms, bool leaving);
  /// Visits TermGroup& of each term of pods on nodes that matches `pod`.
  template <typename F>
  void visitTermsAbout(const PodInfo& pod, F&& visitor) {
    if (groups_.empty()) return;
    visitGroups(
        pod, [](void* context, TermGroup& group) { (*static_cast<F*>(context))(group); }, &visitor);
  }
  /// For tests and figures.
  [[nodiscard]] size_t questions() const { return questionCount_; }

 private:
  struct Question;
  void change(const PodInfo& pod, uint32_t slot, int32_t by);
  void changeTerm(const AffinityTerm& term, TermKind kind, int32_t weight, uint32_t slot,
                  int32_t by);
  void visitGroups(const PodInfo& pod, void (*visitor)(void*, TermGroup&), void* context);
  void forgetOldest();
  void forget(Question& question);

  const Snapshot& snapshot_;
  std::vector<const NodeInfo*> bySlot_;
  std::unordered_map<std::string, std::shared_ptr<TopologyKey>> keys_;
  std::unordered_map<size_t, std::vector<std::unique_ptr<Question>>> questions_;
  LabelBuckets<Question> questionsByLabel_;
  size_t questionCount_ = 0;
  uint64_t clock_ = 0;
  std::unordered_map<size_t, std::vector<std::unique_ptr<TermGroup>>> groups_;
  LabelBuckets<TermGroup> groupsByLabel_;
};

}  // namespace coxswain::scheduler
