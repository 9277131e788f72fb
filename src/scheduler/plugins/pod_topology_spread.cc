#include <algorithm>
#include <cmath>
#include <limits>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/scheduling.h"
#include "scheduler/cache/pod_affinity.h"
#include "scheduler/plugins/owner_selectors.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/plugins/topology_deltas.h"

namespace coxswain::scheduler::plugins {

namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";

/// Counts of a pod that does not count every node; shared by copies of a state.
struct OwnCounts {
  std::vector<int32_t> counts;  ///< by domain
  std::vector<bool> counted;    ///< the domain has a node that counts
};

/// A constraint with the matching pods in each domain.
struct Spread {
  std::shared_ptr<const TopologyKey> key;
  int64_t maxSkew = 1;
  int64_t minDomains = 1;
  bool honourAffinity = true;
  bool honourTaints = false;
  bool isHostname = false;
  bool self = false;  ///< the pod matches its own selector
  AffinityTerm term;  ///< pods of the pod's namespace that match
  std::shared_ptr<NodeCounts> all;
  const NodeCounts::Domains* domains = nullptr;
  std::shared_ptr<const OwnCounts> own;  ///< null: every node counts, so `domains` is right
  double weight = 0;                     ///< scoring

  // Of the domains that count: how many, the smallest number of pods, how many have it, the next.
  int64_t domainCount = 0;
  int32_t least = 0;
  int32_t leastCount = 0;
  int32_t next = 0;
  TopologyDeltas deltas;

  [[nodiscard]] int32_t domainOf(const NodeInfo& node) const { return key->domainOf(node.slot); }
  [[nodiscard]] int32_t baseAt(int32_t domain) const {
    if (domain == TopologyKey::kNone) return 0;
    return own ? own->counts[static_cast<size_t>(domain)] : domains->at(domain);
  }
  [[nodiscard]] int64_t at(int32_t domain) const {
    return baseAt(domain) + (deltas.empty() ? 0 : deltas.at(*key, domain));
  }
  [[nodiscard]] bool isCounted(size_t domain) const {
    return own ? own->counted[domain] : key->nodesIn(domain) > 0;
  }
  void measure() {
    constexpr int32_t kMany = std::numeric_limits<int32_t>::max();
    domainCount = 0;
    least = next = kMany;
    leastCount = 0;
    for (size_t domain = 0; domain < key->domainsEnd(); ++domain) {
      if (!isCounted(domain)) continue;
      ++domainCount;
      const int32_t count = baseAt(static_cast<int32_t>(domain));
      if (count > least) {
        next = std::min(next, count);
      } else if (count == least) {
        ++leastCount;
      } else {
        next = least;
        least = count;
        leastCount = 1;
      }
    }
  }
  /// Of the domain that counts most against maxSkew.
  [[nodiscard]] int64_t leastNow() const {
    if (domainCount < minDomains || domainCount == 0) return 0;
    if (deltas.empty()) return least;
    int64_t lowest = std::numeric_limits<int64_t>::max();
    int32_t unchangedLeast = leastCount;
    for (const auto& entry : deltas.entries()) {
      if (!isCounted(static_cast<size_t>(entry.domain))) continue;
      lowest = std::min(lowest, at(entry.domain));
      if (baseAt(entry.domain) == least) --unchangedLeast;
    }
    if (unchangedLeast > 0) return std::min<int64_t>(lowest, least);
    if (deltas.entries().size() == 1) return std::min<int64_t>(lowest, next);
    lowest = std::numeric_limits<int64_t>::max();
    for (size_t domain = 0; domain < key->domainsEnd(); ++domain)
      if (isCounted(domain)) lowest = std::min(lowest, at(static_cast<int32_t>(domain)));
    return lowest;
  }
};

using Constraints = std::vector<api::core::v1::TopologySpreadConstraint>;

struct State final : PluginState {
  std::vector<Spread> spreads;
  /// Nodes that lack a key take part by the others.
  bool someKeysSuffice = false;

  [[nodiscard]] bool hasAllKeys(const NodeInfo& node) const {
    return someKeysSuffice ||
           std::all_of(spreads.begin(), spreads.end(), [&](const Spread& spread) {
             return spread.domainOf(node) != TopologyKey::kNone;
           });
  }
};

/// `common`: instead of the selectors of the constraints.
std::vector<Spread> compile(const api::core::v1::Pod& pod, const Constraints& constraints,
                            std::string_view whenUnsatisfiable, PodIndex& index,
                            const api::LabelSelector* common = nullptr) {
  std::vector<Spread> out;
  for (const auto& constraint : constraints) {
    if (constraint.whenUnsatisfiable != whenUnsatisfiable) continue;
    Spread spread;
    spread.key = index.key(constraint.topologyKey);
    spread.isHostname = constraint.topologyKey == kHostname;
    spread.maxSkew = constraint.maxSkew;
    spread.minDomains = constraint.minDomains.value_or(1);
    spread.honourAffinity = constraint.nodeAffinityPolicy.value_or("Honor") == "Honor";
    spread.honourTaints = constraint.nodeTaintsPolicy.value_or("Ignore") == "Honor";
    auto made = api::LabelSelector::from(constraint.labelSelector.get());
    // The API server lets no invalid selector through.
    api::LabelSelector selector = made.ok() ? std::move(*made) : api::LabelSelector::nothing();
    if (common) selector = *common;
    for (const auto& key : constraint.matchLabelKeys) {
      const auto* value = pod.metadata.labels.get(key);
      if (!value) continue;
      auto requirement =
          api::LabelRequirement::create(key, api::LabelRequirement::Op::In, {*value});
      if (requirement.ok()) selector.add(std::move(*requirement));
    }
    spread.self = selector.matches(pod.metadata.labels);
    spread.term = AffinityTerm::of(std::move(selector), pod.metadata.namespace_);
    out.push_back(std::move(spread));
  }
  return out;
}

bool counts(const Spread& spread, const PodInfo& pod, const api::core::v1::Node& node) {
  if (spread.honourAffinity && !api::matchesNodeAffinity(pod.pod->spec, node)) return false;
  return !spread.honourTaints ||
         !api::findUntoleratedForScheduling(node.spec.taints, pod.pod->spec.tolerations);
}

bool matches(const Spread& spread, const PodInfo& other) {
  return !other.meta->deletionTimestamp && spread.term.matches(*other.meta, nullptr);
}

/// The pod says itself on which nodes it may go.
bool choosesNodes(const PodInfo& pod) {
  const auto& spec = pod.pod->spec;
  return !spec.nodeSelector.empty() ||
         (spec.affinity && spec.affinity->nodeAffinity &&
          spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution);
}

/// Pods in each domain of nodes that have all keys and count for the pod. Where that is every node
/// the cache has the numbers already.
void countAll(State& state, const PodInfo& pod, const Snapshot& snapshot) {
  bool complete = true;
  for (auto& spread : state.spreads) {
    spread.all = snapshot.index->count({&spread.term, 1}, false);
    spread.domains = &spread.all->by(spread.key);
    complete = complete && (state.someKeysSuffice || spread.key->nodes() == snapshot.nodes.size());
  }
  const bool chooses = choosesNodes(pod);
  std::vector<std::shared_ptr<OwnCounts>> own(state.spreads.size());
  bool any = false;
  for (size_t i = 0; i < own.size(); ++i) {
    const Spread& spread = state.spreads[i];
    if (complete && !spread.honourTaints && !(spread.honourAffinity && chooses)) continue;
    any = true;
    own[i] = std::make_shared<OwnCounts>();
    own[i]->counts.resize(spread.key->domainsEnd(), 0);
    own[i]->counted.resize(spread.key->domainsEnd(), false);
  }
  if (!any) return;
  for (const NodeInfo* node : snapshot.nodes) {
    if (!complete && !state.hasAllKeys(*node)) continue;
    for (size_t i = 0; i < own.size(); ++i) {
      const Spread& spread = state.spreads[i];
      if (!own[i] || spread.domainOf(*node) == TopologyKey::kNone) continue;
      if (!counts(spread, pod, *node->node)) continue;
      const auto domain = static_cast<size_t>(spread.domainOf(*node));
      own[i]->counts[domain] += spread.all->onNode(node->slot);
      own[i]->counted[domain] = true;
    }
  }
  for (size_t i = 0; i < own.size(); ++i) state.spreads[i].own = std::move(own[i]);
}

api::core::v1::TopologySpreadConstraint softly(std::string_view key, int32_t maxSkew) {
  api::core::v1::TopologySpreadConstraint out;
  out.topologyKey = key;
  out.maxSkew = maxSkew;
  out.whenUnsatisfiable = "ScheduleAnyway";
  return out;
}

/// spec.topologySpreadConstraints: DoNotSchedule filters, ScheduleAnyway scores. Pods of services
/// and workloads that have none themselves have those of the profile.
class PodTopologySpread final : public Plugin,
                                public PreFilterPlugin,
                                public FilterPlugin,
                                public PreScorePlugin,
                                public ScorePlugin {
 public:
  PodTopologySpread(const PodTopologySpreadArgs& args, const OwnerSelectors* owners)
      : owners_(owners), system_(args.defaultingType == "System") {
    if (!owners) return;
    defaults_ = args.defaultConstraints;
    if (system_) defaults_ = {softly(kHostname, 3), softly("topology.kubernetes.io/zone", 5)};
    for (const auto& constraint : defaults_)
      strictDefaults_ = strictDefaults_ || constraint.whenUnsatisfiable == "DoNotSchedule";
  }
  [[nodiscard]] std::string_view name() const override { return "PodTopologySpread"; }
  [[nodiscard]] EventInterest events() const override {
    return kNodeAdd | kNodeDelete | kNodeLabel | kNodeTaint | kAssignedPodAdd | kAssignedPodDelete |
           kAssignedPodLabel | kPodSpec;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.events & kPodSpec) return QueueingHint::Queue;
    bool helps = false;
    if (pod.pod->spec.topologySpreadConstraints.empty()) return QueueingHint::Queue;
    for (const auto& constraint : pod.pod->spec.topologySpreadConstraints) {
      if (constraint.whenUnsatisfiable != "DoNotSchedule") continue;
      if (event.oldNode || event.newNode) {
        // A node that is not in all topologies counts for nothing, and takes no such pod.
        const auto has = [&](const api::core::v1::Node* node) {
          return node && node->metadata.labels.contains(constraint.topologyKey);
        };
        if (!has(event.oldNode) && !has(event.newNode)) return QueueingHint::Skip;
        helps = true;
        continue;
      }
      const auto selector = api::LabelSelector::from(constraint.labelSelector.get());
      const auto touches = [&](const PodInfo* other) {
        return other && other->meta->namespace_ == pod.meta->namespace_ && selector.ok() &&
               selector->matches(other->meta->labels);
      };
      helps = helps || touches(event.oldPod) || touches(event.newPod);
    }
    return helps ? QueueingHint::Queue : QueueingHint::Skip;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot& snapshot) const override {
    PreFilterResult result;
    if (pod.pod->spec.topologySpreadConstraints.empty() && !strictDefaults_) {
      result.code = Code::Skip;
      return result;
    }
    auto own = std::make_shared<State>();
    own->spreads = spreadsOf(*pod.pod, "DoNotSchedule", *snapshot.index);
    if (own->spreads.empty()) {
      result.code = Code::Skip;
      return result;
    }
    countAll(*own, pod, snapshot);
    for (auto& spread : own->spreads) spread.measure();
    state.setFilterState(index, std::move(own));
    return result;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot&) const override {
    auto* own = state.filterState<State>(index);
    if (!own || !own->hasAllKeys(node)) return;
    for (auto& spread : own->spreads)
      if (counts(spread, pod, *node.node) && matches(spread, other))
        spread.deltas.add(spread.key, spread.domainOf(node), added ? 1 : -1);
  }
  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    for (const Spread& spread : state.filterState<State>(index)->spreads) {
      const int32_t domain = spread.domainOf(node);
      if (domain == TopologyKey::kNone) {
        reasons.push_back(
            "node(s) didn't match pod topology spread constraints (missing required label)");
        return Code::UnschedulableAndUnresolvable;
      }
      if (spread.at(domain) + (spread.self ? 1 : 0) - spread.leastNow() > spread.maxSkew) {
        reasons.push_back("node(s) didn't match pod topology spread constraints");
        return Code::Unschedulable;
      }
    }
    return Code::Success;
  }

  [[nodiscard]] Code preScore(CycleState& state, const PodInfo& pod,
                              std::span<const NodeInfo* const> nodes,
                              const Snapshot& snapshot) const override {
    const bool said = !pod.pod->spec.topologySpreadConstraints.empty();
    if (!said && defaults_.empty()) return Code::Skip;
    auto own = std::make_shared<State>();
    own->spreads = spreadsOf(*pod.pod, "ScheduleAnyway", *snapshot.index);
    own->someKeysSuffice = !said && system_;
    if (own->spreads.empty()) return Code::Skip;
    countAll(*own, pod, snapshot);
    int64_t eligible = 0;
    std::vector<std::vector<bool>> seen(own->spreads.size());
    std::vector<int64_t> sizes(own->spreads.size(), 0);
    for (const NodeInfo* node : nodes) {
      if (!own->hasAllKeys(*node)) continue;
      ++eligible;
      for (size_t i = 0; i < seen.size(); ++i) {
        const int32_t here = own->spreads[i].domainOf(*node);
        if (here == TopologyKey::kNone) continue;
        const auto domain = static_cast<size_t>(here);
        if (seen[i].empty()) seen[i].resize(own->spreads[i].key->domainsEnd(), false);
        if (!seen[i][domain]) ++sizes[i];
        seen[i][domain] = true;
      }
    }
    for (size_t i = 0; i < sizes.size(); ++i) {
      Spread& spread = own->spreads[i];
      const int64_t size = spread.isHostname ? eligible : sizes[i];
      // More domains: each differs less by one pod, so it weighs more.
      spread.weight = std::log(static_cast<double>(size) + 2);
    }
    state.setScoreState(index, std::move(own));
    return Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState& state, const PodInfo&, const NodeInfo& node,
                              const Snapshot&) const override {
    const auto& own = *state.scoreState<State>(index);
    if (!own.hasAllKeys(node)) return 0;
    double sum = 0;
    for (const auto& spread : own.spreads) {
      const int32_t domain = spread.domainOf(node);
      if (domain == TopologyKey::kNone) continue;
      const int32_t here =
          spread.isHostname ? spread.all->onNode(node.slot) : spread.baseAt(domain);
      sum += static_cast<double>(here) * spread.weight + static_cast<double>(spread.maxSkew - 1);
    }
    return std::llround(sum);
  }
  void normalize(const CycleState& state, const PodInfo&, std::span<const NodeInfo* const> nodes,
                 std::span<int64_t> scores) const override {
    const auto& own = *state.scoreState<State>(index);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!own.hasAllKeys(*nodes[i])) continue;
      least = std::min(least, scores[i]);
      most = std::max(most, scores[i]);
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!own.hasAllKeys(*nodes[i])) {
        scores[i] = 0;
      } else {
        scores[i] = most == 0 ? kScoreMax : kScoreMax * (most + least - scores[i]) / most;
      }
    }
  }
  [[nodiscard]] int64_t weight() const override { return 2; }

 private:
  /// Of the pod, or else of the profile.
  [[nodiscard]] std::vector<Spread> spreadsOf(const api::core::v1::Pod& pod,
                                              std::string_view whenUnsatisfiable,
                                              PodIndex& podIndex) const {
    const auto& own = pod.spec.topologySpreadConstraints;
    if (!own.empty() || defaults_.empty()) return compile(pod, own, whenUnsatisfiable, podIndex);
    const auto selector = owners_->selectorOf(pod);
    if (selector.isEverything()) return {};
    return compile(pod, defaults_, whenUnsatisfiable, podIndex, &selector);
  }

  const OwnerSelectors* owners_;
  bool system_;
  Constraints defaults_;
  bool strictDefaults_ = false;  ///< some of `defaults_` filter
};

}  // namespace

std::unique_ptr<Plugin> podTopologySpread(const PodTopologySpreadArgs& args,
                                          const OwnerSelectors* owners) {
  return std::make_unique<PodTopologySpread>(args, owners);
}

}  // namespace coxswain::scheduler::plugins
