#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/cache/pod_affinity.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/plugins/topology_deltas.h"

namespace coxswain::scheduler::plugins {

namespace {

using Terms = std::vector<AffinityTerm>;

/// Counts of pods by the domains of one key, as the cache keeps them.
struct Counted {
  std::shared_ptr<const TopologyKey> key;
  std::shared_ptr<NodeCounts> owner;  ///< null: a group of terms, which outlives the decision
  const NodeCounts::Domains* domains = nullptr;
  int64_t weight = 1;

  [[nodiscard]] int32_t domainOf(const NodeInfo& node) const { return key->domainOf(node.slot); }
};

struct State final : PluginState {
  /// Pods whose required anti-affinity the new pod would break.
  std::vector<Counted> existingAnti;
  /// Of each required affinity term: pods that match all of them.
  std::vector<Counted> affinity;
  bool self = false;  ///< the pod matches its own affinity terms
  /// Of each required anti-affinity term: pods that match it.
  std::vector<Counted> anti;
  // What a trial changes of these.
  TopologyDeltas existingDeltas;
  TopologyDeltas affinityDeltas;
  TopologyDeltas antiDeltas;

  /// No pod anywhere matches the affinity terms.
  [[nodiscard]] bool alone() const {
    int64_t total = 0;
    for (const auto& counted : affinity) total += counted.domains->total;
    for (const auto& entry : affinityDeltas.entries()) total += entry.by;
    return total == 0;
  }
};

struct Scores final : PluginState {
  std::vector<Counted> sums;
};

/// Could be a match: labels of namespaces are not at hand.
bool mayMatch(const AffinityTerm& term, const PodInfo& other) {
  const auto& in = term.namespaces;
  return term.selector.matches(other.meta->labels) &&
         (!term.namespaceSelector.isNothing() ||
          std::find(in.begin(), in.end(), other.meta->namespace_) != in.end());
}
bool mayMatchAll(const Terms& terms, const PodInfo& other) {
  return !terms.empty() && std::all_of(terms.begin(), terms.end(), [&](const AffinityTerm& term) {
    return mayMatch(term, other);
  });
}
bool mayMatchAny(const Terms& terms, const PodInfo& other) {
  return std::any_of(terms.begin(), terms.end(),
                     [&](const AffinityTerm& term) { return mayMatch(term, other); });
}

bool matchesAll(const Terms& terms, const PodInfo& other, const api::Labels* labels) {
  return !terms.empty() && std::all_of(terms.begin(), terms.end(), [&](const AffinityTerm& term) {
    return term.matches(*other.meta, labels);
  });
}

Counted count(PodIndex& index, std::span<const AffinityTerm> which, const std::string& topologyKey,
              int64_t weight = 1) {
  Counted out;
  out.key = index.key(topologyKey);
  out.owner = index.count(which, true);
  out.domains = &out.owner->by(out.key);
  out.weight = weight;
  return out;
}

Counted ofGroup(TermGroup& group, int64_t weight) {
  return {group.key, nullptr, &group.counts.by(group.key), weight};
}

/// Pods of a domain over all that are counted by one key, with what a trial changes.
int64_t countAt(const std::vector<Counted>& list, const TopologyDeltas& deltas,
                const TopologyKey& key, int32_t domain) {
  int64_t sum = deltas.at(key, domain);
  for (const auto& counted : list)
    if (counted.key.get() == &key) sum += counted.domains->at(domain);
  return sum;
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
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    const auto* own = pod.affinity.get();
    if (event.newNode) {
      // Pods that want company go only where all their keys are.
      const auto& labels = event.newNode->metadata.labels;
      const bool possible =
          !own ||
          std::all_of(own->requiredAffinity.begin(), own->requiredAffinity.end(),
                      [&](const AffinityTerm& term) { return labels.contains(term.topologyKey); });
      return possible ? QueueingHint::Queue : QueueingHint::Skip;
    }
    bool helps = (event.events & (kPodSpec | kNamespaceLabel)) != 0;
    if (event.events & (kAssignedPodAdd | kAssignedPodLabel))
      helps = helps || (own && mayMatchAll(own->requiredAffinity, *event.newPod));
    if (event.events & kAssignedPodLabel)
      helps = helps || (own && mayMatchAny(own->requiredAntiAffinity, *event.oldPod));
    if (event.events & kAssignedPodDelete) {
      const auto* gone = event.oldPod->affinity.get();
      helps = helps ||
              (own && (mayMatchAny(own->requiredAntiAffinity, *event.oldPod) ||
                       // The last of its group: this one may be the first of another.
                       mayMatchAll(own->requiredAffinity, *event.oldPod))) ||
              (gone && mayMatchAny(gone->requiredAntiAffinity, pod));
    }
    return helps ? QueueingHint::Queue : QueueingHint::Skip;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot& snapshot) const override {
    PreFilterResult result;
    if (pod.affinity && pod.affinity->invalid) {
      result.code = Code::UnschedulableAndUnresolvable;
      result.message = "invalid label selector in pod affinity";
      return result;
    }
    auto own = std::make_shared<State>();
    PodIndex& podIndex = *snapshot.index;
    podIndex.visitTermsAbout(pod, [&](TermGroup& group) {
      if (group.kind == TermKind::RequiredAntiAffinity)
        own->existingAnti.push_back(ofGroup(group, 1));
    });
    if (pod.affinity) {
      own->self =
          matchesAll(pod.affinity->requiredAffinity, pod, snapshot.labelsOf(pod.meta->namespace_));
      for (const auto& term : pod.affinity->requiredAffinity)
        own->affinity.push_back(count(podIndex, pod.affinity->requiredAffinity, term.topologyKey));
      for (const auto& term : pod.affinity->requiredAntiAffinity)
        own->anti.push_back(count(podIndex, {&term, 1}, term.topologyKey));
    }
    if (own->existingAnti.empty() && own->affinity.empty() && own->anti.empty()) {
      result.code = Code::Skip;
      return result;
    }
    state.setFilterState(index, std::move(own));
    return result;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot& snapshot) const override {
    auto* own = state.filterState<State>(index);
    if (!own) return;
    const int32_t by = added ? 1 : -1;
    const auto change = [&](TopologyDeltas& deltas, const std::string& topologyKey) {
      const auto key = snapshot.index->key(topologyKey);
      const int32_t domain = key->domainOf(node.slot);
      if (domain != TopologyKey::kNone) deltas.add(key, domain, by);
    };
    if (other.affinity) {
      const auto* labels = snapshot.labelsOf(pod.meta->namespace_);
      for (const auto& term : other.affinity->requiredAntiAffinity)
        if (term.matches(*pod.meta, labels)) change(own->existingDeltas, term.topologyKey);
    }
    if (!pod.affinity) return;
    const auto* labels = snapshot.labelsOf(other.meta->namespace_);
    if (matchesAll(pod.affinity->requiredAffinity, other, labels))
      for (const auto& term : pod.affinity->requiredAffinity)
        change(own->affinityDeltas, term.topologyKey);
    for (const auto& term : pod.affinity->requiredAntiAffinity)
      if (term.matches(*other.meta, labels)) change(own->antiDeltas, term.topologyKey);
  }
  [[nodiscard]] Code filter(const CycleState& cycle, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto& state = *cycle.filterState<State>(index);
    if (!state.affinity.empty() && !nearOthers(state, node)) {
      reasons.push_back("node(s) didn't match pod affinity rules");
      return Code::UnschedulableAndUnresolvable;
    }
    if (meetsOthers(state.anti, state.antiDeltas, node)) {
      reasons.push_back("node(s) didn't match pod anti-affinity rules");
      return Code::Unschedulable;
    }
    if (meetsOthers(state.existingAnti, state.existingDeltas, node)) {
      reasons.push_back("node(s) didn't satisfy existing pods anti-affinity rules");
      return Code::Unschedulable;
    }
    return Code::Success;
  }

  [[nodiscard]] Code preScore(CycleState& state, const PodInfo& pod,
                              std::span<const NodeInfo* const>,
                              const Snapshot& snapshot) const override {
    auto scores = std::make_shared<Scores>();
    PodIndex& podIndex = *snapshot.index;
    const bool own = pod.affinity && (!pod.affinity->preferredAffinity.empty() ||
                                      !pod.affinity->preferredAntiAffinity.empty());
    if (own) {
      for (const auto& term : pod.affinity->preferredAffinity)
        scores->sums.push_back(count(podIndex, {&term, 1}, term.topologyKey, term.weight));
      for (const auto& term : pod.affinity->preferredAntiAffinity)
        scores->sums.push_back(count(podIndex, {&term, 1}, term.topologyKey, -term.weight));
    }
    // What others prefer counts unless configuration says that it does only if this pod prefers.
    if (own || !args_.ignorePreferredTermsOfExistingPods) {
      podIndex.visitTermsAbout(pod, [&](TermGroup& group) {
        if (group.kind == TermKind::Preferred)
          scores->sums.push_back(ofGroup(group, 1));
        else if (group.kind == TermKind::RequiredAffinity && args_.hardPodAffinityWeight > 0)
          scores->sums.push_back(ofGroup(group, args_.hardPodAffinityWeight));
      });
    }
    if (scores->sums.empty()) return Code::Skip;
    state.setScoreState(index, std::move(scores));
    return Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState& state, const PodInfo&, const NodeInfo& node,
                              const Snapshot&) const override {
    int64_t sum = 0;
    for (const auto& counted : state.scoreState<Scores>(index)->sums)
      sum += counted.weight * counted.domains->at(counted.domainOf(node));
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
  static bool nearOthers(const State& state, const NodeInfo& node) {
    bool near = true;
    for (const auto& counted : state.affinity) {
      const int32_t domain = counted.domainOf(node);
      if (domain == TopologyKey::kNone) return false;
      near =
          near && counted.domains->at(domain) + state.affinityDeltas.at(*counted.key, domain) > 0;
    }
    if (near) return true;
    // The first of a group that wants to be together: it may go anywhere.
    return state.self && state.alone();
  }
  /// Some pod that is counted is in the node's domain.
  static bool meetsOthers(const std::vector<Counted>& list, const TopologyDeltas& deltas,
                          const NodeInfo& node) {
    if (deltas.empty()) {
      return std::any_of(list.begin(), list.end(), [&](const Counted& counted) {
        return counted.domains->at(counted.domainOf(node)) > 0;
      });
    }
    for (const auto& counted : list) {
      const int32_t domain = counted.domainOf(node);
      if (domain != TopologyKey::kNone && countAt(list, deltas, *counted.key, domain) > 0)
        return true;
    }
    // Keys that only pods of the trial brought in.
    return std::any_of(deltas.entries().begin(), deltas.entries().end(), [&](const auto& entry) {
      return entry.by > 0 && entry.key->domainOf(node.slot) == entry.domain &&
             countAt(list, deltas, *entry.key, entry.domain) > 0;
    });
  }

  InterPodAffinityArgs args_;
};

}  // namespace

std::unique_ptr<Plugin> interPodAffinity(const InterPodAffinityArgs& args) {
  return std::make_unique<InterPodAffinity>(args);
}

}  // namespace coxswain::scheduler::plugins
