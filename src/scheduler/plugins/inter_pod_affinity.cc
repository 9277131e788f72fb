#include <algorithm>

#include "api/gen/core_v1.h"
#include "scheduler/cache/pod_affinity.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/plugins/topology_counts.h"

namespace coxswain::scheduler::plugins {

namespace {

using Terms = std::vector<AffinityTerm>;

const std::string* topologyOf(const NodeInfo& node, const std::string& key) {
  return node.node->metadata.labels.get(key);
}

struct State final : PluginState {
  /// Pods whose required anti-affinity the new pod would break, by their topology.
  TopologyCounts existingAnti;
  /// Pods that match all required affinity terms of the new one.
  TopologyCounts affinity;
  /// Pods that match a required anti-affinity term of it.
  TopologyCounts anti;
  [[nodiscard]] std::unique_ptr<PluginState> clone() const override {
    return std::make_unique<State>(*this);
  }
};

struct Scores final : PluginState {
  TopologyCounts byTopology;
};

bool matchesAll(const Terms& terms, const PodInfo& other, const api::Labels* labels) {
  return !terms.empty() && std::all_of(terms.begin(), terms.end(), [&](const AffinityTerm& term) {
    return term.matches(*other.pod, labels);
  });
}

void count(State& state, const PodInfo& pod, const PodInfo& other, const NodeInfo& node,
           const Snapshot& snapshot, int64_t by) {
  if (other.affinity) {
    const auto* labels = snapshot.labelsOf(pod.pod->metadata.namespace_);
    for (const auto& term : other.affinity->requiredAntiAffinity) {
      const auto* value = topologyOf(node, term.topologyKey);
      if (value && term.matches(*pod.pod, labels))
        state.existingAnti.add(term.topologyKey, *value, by);
    }
  }
  if (!pod.affinity) return;
  const auto* labels = snapshot.labelsOf(other.pod->metadata.namespace_);
  if (matchesAll(pod.affinity->requiredAffinity, other, labels)) {
    for (const auto& term : pod.affinity->requiredAffinity)
      if (const auto* value = topologyOf(node, term.topologyKey))
        state.affinity.add(term.topologyKey, *value, by);
  }
  for (const auto& term : pod.affinity->requiredAntiAffinity) {
    const auto* value = topologyOf(node, term.topologyKey);
    if (value && term.matches(*other.pod, labels)) state.anti.add(term.topologyKey, *value, by);
  }
}

/// Pods near to, or far from, other pods: required and preferred, of the new pod and of those that
/// run already.
class InterPodAffinity final : public Plugin,
                               public PreFilterPlugin,
                               public FilterPlugin,
                               public PreScorePlugin,
                               public ScorePlugin {
 public:
  explicit InterPodAffinity(const InterPodAffinityArgs& args) : args_(args) {}
  [[nodiscard]] std::string_view name() const override { return "InterPodAffinity"; }
  [[nodiscard]] EventInterest events() const override {
    return kNodeAdd | kNodeLabel | kAssignedPodAdd | kAssignedPodDelete | kAssignedPodLabel |
           kNamespaceLabel | kPodSpec;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot& snapshot) const override {
    PreFilterResult result;
    if (pod.affinity && pod.affinity->invalid) {
      result.code = Code::UnschedulableAndUnresolvable;
      result.message = "invalid label selector in pod affinity";
      return result;
    }
    const bool own = pod.affinity && (!pod.affinity->requiredAffinity.empty() ||
                                      !pod.affinity->requiredAntiAffinity.empty());
    auto counts = std::make_shared<State>();
    if (own) {
      for (const NodeInfo* node : snapshot.nodes)
        for (const auto& other : node->pods) count(*counts, pod, *other, *node, snapshot, 1);
    } else {
      for (const NodeInfo* node : snapshot.withAffinity)
        for (const auto& other : node->podsWithAffinity)
          count(*counts, pod, *other, *node, snapshot, 1);
    }
    if (!own && counts->existingAnti.empty()) {
      result.code = Code::Skip;
      return result;
    }
    state.setFilterState(index, std::move(counts));
    return result;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot& snapshot) const override {
    if (auto* own = state.filterState<State>(index))
      count(*own, pod, other, node, snapshot, added ? 1 : -1);
  }
  [[nodiscard]] Code filter(const CycleState& cycle, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto& state = *cycle.filterState<State>(index);
    if (pod.affinity) {
      if (!nearOthers(state, pod, node)) {
        reasons.push_back("node(s) didn't match pod affinity rules");
        return Code::UnschedulableAndUnresolvable;
      }
      for (const auto& term : pod.affinity->requiredAntiAffinity) {
        const auto* value = topologyOf(node, term.topologyKey);
        if (!value || state.anti.get(term.topologyKey, *value) == 0) continue;
        reasons.push_back("node(s) didn't match pod anti-affinity rules");
        return Code::Unschedulable;
      }
    }
    if (!state.existingAnti.empty()) {
      for (const auto& [key, value] : node.node->metadata.labels) {
        if (state.existingAnti.get(key, value) == 0) continue;
        reasons.push_back("node(s) didn't satisfy existing pods anti-affinity rules");
        return Code::Unschedulable;
      }
    }
    return Code::Success;
  }

  [[nodiscard]] Code preScore(CycleState& state, const PodInfo& pod,
                              std::span<const NodeInfo* const>,
                              const Snapshot& snapshot) const override {
    const bool own = pod.affinity && (!pod.affinity->preferredAffinity.empty() ||
                                      !pod.affinity->preferredAntiAffinity.empty());
    if (!own && (snapshot.withAffinity.empty() || args_.ignorePreferredTermsOfExistingPods))
      return Code::Skip;
    auto scores = std::make_shared<Scores>();
    const auto& nodes = own ? snapshot.nodes : snapshot.withAffinity;
    for (const NodeInfo* node : nodes)
      for (const auto& other : own ? node->pods : node->podsWithAffinity)
        weigh(scores->byTopology, pod, *other, *node, snapshot, own);
    if (scores->byTopology.empty()) return Code::Skip;
    state.setScoreState(index, std::move(scores));
    return Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState& state, const PodInfo&, const NodeInfo& node,
                              const Snapshot&) const override {
    const auto& scores = state.scoreState<Scores>(index)->byTopology;
    int64_t sum = 0;
    for (const auto& [key, value] : node.node->metadata.labels) sum += scores.get(key, value);
    return sum;
  }
  void normalize(const CycleState&, const PodInfo&, std::span<const NodeInfo* const>,
                 std::span<int64_t> scores) const override {
    const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
    if (low == scores.end()) return;
    const int64_t least = *low;
    const int64_t span = *high - *low;
    for (int64_t& score : scores) score = span == 0 ? 0 : kScoreMax * (score - least) / span;
  }
  [[nodiscard]] int64_t weight() const override { return 2; }

 private:
  static bool nearOthers(const State& state, const PodInfo& pod, const NodeInfo& node) {
    const auto& terms = pod.affinity->requiredAffinity;
    bool near = true;
    for (const auto& term : terms) {
      const auto* value = topologyOf(node, term.topologyKey);
      if (!value) return false;
      near = near && state.affinity.get(term.topologyKey, *value) > 0;
    }
    if (near) return true;
    // The first of a group that wants to be together: it may go anywhere.
    return state.affinity.empty() &&
           std::all_of(terms.begin(), terms.end(),
                       [&](const AffinityTerm& term) { return term.matches(*pod.pod, nullptr); });
  }
  void weigh(TopologyCounts& scores, const PodInfo& pod, const PodInfo& other, const NodeInfo& node,
             const Snapshot& snapshot, bool own) const {
    const auto add = [&](const Terms& terms, const PodInfo& matched, int64_t sign, int64_t fixed) {
      const auto* labels = snapshot.labelsOf(matched.pod->metadata.namespace_);
      for (const auto& term : terms) {
        const auto* value = topologyOf(node, term.topologyKey);
        if (value && term.matches(*matched.pod, labels))
          scores.add(term.topologyKey, *value, sign * (fixed ? fixed : term.weight));
      }
    };
    if (own) {
      add(pod.affinity->preferredAffinity, other, 1, 0);
      add(pod.affinity->preferredAntiAffinity, other, -1, 0);
    }
    if (!other.affinity) return;
    if (args_.hardPodAffinityWeight > 0)
      add(other.affinity->requiredAffinity, pod, 1, args_.hardPodAffinityWeight);
    add(other.affinity->preferredAffinity, pod, 1, 0);
    add(other.affinity->preferredAntiAffinity, pod, -1, 0);
  }

  InterPodAffinityArgs args_;
};

}  // namespace

std::unique_ptr<Plugin> interPodAffinity(const InterPodAffinityArgs& args) {
  return std::make_unique<InterPodAffinity>(args);
}

}  // namespace coxswain::scheduler::plugins
