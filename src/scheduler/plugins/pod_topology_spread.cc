#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "api/gen/core_v1.h"
#include "api/helpers/scheduling.h"
#include "api/select/labels.h"
#include "scheduler/plugins/owner_selectors.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";

/// A constraint ready to be counted, with the matching pods in each domain.
struct Spread {
  std::string key;
  int64_t maxSkew = 1;
  int64_t minDomains = 1;
  bool honourAffinity = true;
  bool honourTaints = false;
  bool self = false;  ///< the pod matches its own selector
  api::LabelSelector selector;
  std::unordered_map<std::string, int64_t> domains;
  double weight = 0;  ///< scoring

  /// Of the domain that counts most against maxSkew.
  [[nodiscard]] int64_t least() const {
    if (static_cast<int64_t>(domains.size()) < minDomains) return 0;
    int64_t least = INT64_MAX;
    for (const auto& [value, count] : domains) least = std::min(least, count);
    return domains.empty() ? 0 : least;
  }
};

struct State final : PluginState {
  std::vector<Spread> spreads;
  std::vector<int64_t> least;  ///< of each
  void measure() {
    least.clear();
    for (const auto& spread : spreads) least.push_back(spread.least());
  }
  [[nodiscard]] std::unique_ptr<PluginState> clone() const override {
    return std::make_unique<State>(*this);
  }
};

using Constraints = std::vector<api::core::v1::TopologySpreadConstraint>;

/// `common`: instead of those of the constraints.
std::vector<Spread> compile(const api::core::v1::Pod& pod, const Constraints& constraints,
                            std::string_view whenUnsatisfiable,
                            const api::LabelSelector* common = nullptr) {
  std::vector<Spread> out;
  for (const auto& constraint : constraints) {
    if (constraint.whenUnsatisfiable != whenUnsatisfiable) continue;
    Spread spread;
    spread.key = constraint.topologyKey;
    spread.maxSkew = constraint.maxSkew;
    spread.minDomains = constraint.minDomains.value_or(1);
    spread.honourAffinity = constraint.nodeAffinityPolicy.value_or("Honor") == "Honor";
    spread.honourTaints = constraint.nodeTaintsPolicy.value_or("Ignore") == "Honor";
    auto selector = api::LabelSelector::from(constraint.labelSelector.get());
    // The API server lets no invalid selector through.
    spread.selector = selector.ok() ? std::move(*selector) : api::LabelSelector::nothing();
    if (common) spread.selector = *common;
    for (const auto& key : constraint.matchLabelKeys) {
      const auto* value = pod.metadata.labels.get(key);
      if (!value) continue;
      auto requirement =
          api::LabelRequirement::create(key, api::LabelRequirement::Op::In, {*value});
      if (requirement.ok()) spread.selector.add(std::move(*requirement));
    }
    spread.self = spread.selector.matches(pod.metadata.labels);
    out.push_back(std::move(spread));
  }
  return out;
}

bool counts(const Spread& spread, const PodInfo& pod, const api::core::v1::Node& node) {
  if (spread.honourAffinity && !api::matchesNodeAffinity(pod.pod->spec, node)) return false;
  return !spread.honourTaints ||
         !api::findUntoleratedForScheduling(node.spec.taints, pod.pod->spec.tolerations);
}

bool hasAllKeys(const std::vector<Spread>& spreads, const api::core::v1::Node& node) {
  return std::all_of(spreads.begin(), spreads.end(), [&](const Spread& spread) {
    return node.metadata.labels.contains(spread.key);
  });
}

bool matches(const Spread& spread, const PodInfo& pod, const PodInfo& other) {
  return !other.pod->metadata.deletionTimestamp &&
         other.pod->metadata.namespace_ == pod.pod->metadata.namespace_ &&
         spread.selector.matches(other.pod->metadata.labels);
}

int64_t matching(const Spread& spread, const PodInfo& pod, const NodeInfo& node) {
  return std::count_if(node.pods.begin(), node.pods.end(),
                       [&](const PodInfoPtr& other) { return matches(spread, pod, *other); });
}

void countAll(std::vector<Spread>& spreads, const PodInfo& pod, const Snapshot& snapshot) {
  for (const NodeInfo* node : snapshot.nodes) {
    if (!hasAllKeys(spreads, *node->node)) continue;
    for (auto& spread : spreads)
      if (counts(spread, pod, *node->node))
        spread.domains[*node->node->metadata.labels.get(spread.key)] +=
            matching(spread, pod, *node);
  }
}

constexpr const char* kZone = "topology.kubernetes.io/zone";
constexpr int64_t kSystemNodeSkew = 3;
constexpr int64_t kSystemZoneSkew = 5;

/// Softly over nodes and zones: what holds for pods of a workload that say nothing themselves.
/// Nodes without the labels take part, too.
struct SystemSpread final : PluginState {
  const SelectorTallies::Counts* nodes = nullptr;
  std::unordered_map<std::string, int64_t> zones;
  double nodeWeight = 0;
  double zoneWeight = 0;

  [[nodiscard]] int64_t score(const NodeInfo& node) const {
    double sum = 0;
    const auto& labels = node.node->metadata.labels;
    if (labels.contains(kHostname)) {
      const auto here = nodes->find(&node);
      const int64_t count = here == nodes->end() ? 0 : here->second;
      sum += static_cast<double>(count) * nodeWeight + static_cast<double>(kSystemNodeSkew - 1);
    }
    if (const auto* zone = labels.get(kZone)) {
      const auto there = zones.find(*zone);
      const int64_t count = there == zones.end() ? 0 : there->second;
      sum += static_cast<double>(count) * zoneWeight + static_cast<double>(kSystemZoneSkew - 1);
    }
    return std::llround(sum);
  }
};

std::shared_ptr<SystemSpread> systemSpread(const PodInfo& pod, const api::LabelSelector& selector,
                                           std::span<const NodeInfo* const> feasible,
                                           const Snapshot& snapshot) {
  auto spread = std::make_shared<SystemSpread>();
  spread->nodes =
      &snapshot.tallies->of(pod.pod->metadata.namespace_, selector, snapshot.nodes);
  for (const NodeInfo* node : feasible)
    if (const auto* zone = node->node->metadata.labels.get(kZone)) spread->zones.try_emplace(*zone);
  for (const auto& [node, count] : *spread->nodes) {
    if (!node->node || !api::matchesNodeAffinity(pod.pod->spec, *node->node)) continue;
    const auto* zone = node->node->metadata.labels.get(kZone);
    const auto at = zone ? spread->zones.find(*zone) : spread->zones.end();
    if (at != spread->zones.end()) at->second += count;
  }
  spread->nodeWeight = std::log(static_cast<double>(feasible.size()) + 2);
  spread->zoneWeight = std::log(static_cast<double>(spread->zones.size()) + 2);
  return spread;
}

/// spec.topologySpreadConstraints: DoNotSchedule filters, ScheduleAnyway scores. Pods of services
/// and workloads without constraints have those of the profile.
class PodTopologySpread final : public Plugin,
                                public PreFilterPlugin,
                                public FilterPlugin,
                                public PreScorePlugin,
                                public ScorePlugin {
 public:
  PodTopologySpread(const PodTopologySpreadArgs& args, const OwnerSelectors* owners)
      : owners_(owners), system_(owners && args.defaultingType == "System") {
    if (owners && args.defaultingType == "List") defaults_ = args.defaultConstraints;
  }
  [[nodiscard]] std::string_view name() const override { return "PodTopologySpread"; }
  [[nodiscard]] EventInterest events() const override {
    return kNodeAdd | kNodeDelete | kNodeLabel | kNodeTaint | kAssignedPodAdd | kAssignedPodDelete |
           kAssignedPodLabel | kPodSpec;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot& snapshot) const override {
    PreFilterResult result;
    auto own = std::make_shared<State>();
    own->spreads = spreadsOf(*pod.pod, "DoNotSchedule");
    if (own->spreads.empty()) {
      result.code = Code::Skip;
      return result;
    }
    countAll(own->spreads, pod, snapshot);
    own->measure();
    state.setFilterState(index, std::move(own));
    return result;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot&) const override {
    auto* own = state.filterState<State>(index);
    if (!own || !hasAllKeys(own->spreads, *node.node)) return;
    for (auto& spread : own->spreads)
      if (counts(spread, pod, *node.node) && matches(spread, pod, other))
        spread.domains[*node.node->metadata.labels.get(spread.key)] += added ? 1 : -1;
    own->measure();
  }
  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto& own = *state.filterState<State>(index);
    for (size_t i = 0; i < own.spreads.size(); ++i) {
      const Spread& spread = own.spreads[i];
      const auto* value = node.node->metadata.labels.get(spread.key);
      if (!value) {
        reasons.push_back(
            "node(s) didn't match pod topology spread constraints (missing required label)");
        return Code::UnschedulableAndUnresolvable;
      }
      const auto domain = spread.domains.find(*value);
      const int64_t here = domain == spread.domains.end() ? 0 : domain->second;
      if (here + (spread.self ? 1 : 0) - own.least[i] > spread.maxSkew) {
        reasons.push_back("node(s) didn't match pod topology spread constraints");
        return Code::Unschedulable;
      }
    }
    return Code::Success;
  }

  [[nodiscard]] Code preScore(CycleState& state, const PodInfo& pod,
                              std::span<const NodeInfo* const> nodes,
                              const Snapshot& snapshot) const override {
    if (system_ && snapshot.tallies && pod.pod->spec.topologySpreadConstraints.empty()) {
      const auto selector = owners_->selectorOf(*pod.pod);
      if (selector.isEverything()) return Code::Skip;
      state.setScoreState(index, systemSpread(pod, selector, nodes, snapshot));
      return Code::Success;
    }
    auto own = std::make_shared<State>();
    own->spreads = spreadsOf(*pod.pod, "ScheduleAnyway");
    if (own->spreads.empty()) return Code::Skip;
    countAll(own->spreads, pod, snapshot);
    for (auto& spread : own->spreads) {
      std::unordered_map<std::string, int64_t> feasible;
      int64_t eligible = 0;
      for (const NodeInfo* node : nodes) {
        if (!hasAllKeys(own->spreads, *node->node)) continue;
        ++eligible;
        ++feasible[*node->node->metadata.labels.get(spread.key)];
      }
      const auto size = spread.key == kHostname ? eligible : static_cast<int64_t>(feasible.size());
      // More domains: each differs less by one pod, so it weighs more.
      spread.weight = std::log(static_cast<double>(size) + 2);
    }
    state.setScoreState(index, std::move(own));
    return Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState& state, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    if (isSystem(pod)) return state.scoreState<SystemSpread>(index)->score(node);
    const auto& own = *state.scoreState<State>(index);
    if (!hasAllKeys(own.spreads, *node.node)) return 0;
    double sum = 0;
    for (const auto& spread : own.spreads) {
      const auto domain = spread.domains.find(*node.node->metadata.labels.get(spread.key));
      const int64_t here = spread.key == kHostname          ? matching(spread, pod, node)
                           : domain == spread.domains.end() ? 0
                                                            : domain->second;
      sum += static_cast<double>(here) * spread.weight + static_cast<double>(spread.maxSkew - 1);
    }
    return std::llround(sum);
  }
  void normalize(const CycleState& state, const PodInfo& pod,
                 std::span<const NodeInfo* const> nodes, std::span<int64_t> scores) const override {
    if (isSystem(pod)) {
      const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
      if (low == scores.end()) return;
      const int64_t fewest = *low;
      const int64_t most = *high;
      for (int64_t& score : scores)
        score = most == 0 ? kScoreMax : kScoreMax * (most + fewest - score) / most;
      return;
    }
    const auto& own = *state.scoreState<State>(index);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!hasAllKeys(own.spreads, *nodes[i]->node)) continue;
      least = std::min(least, scores[i]);
      most = std::max(most, scores[i]);
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!hasAllKeys(own.spreads, *nodes[i]->node)) {
        scores[i] = 0;
      } else {
        scores[i] = most == 0 ? kScoreMax : kScoreMax * (most + least - scores[i]) / most;
      }
    }
  }
  [[nodiscard]] int64_t weight() const override { return 2; }

 private:
  /// Scored by the system's defaults.
  [[nodiscard]] bool isSystem(const PodInfo& pod) const {
    return system_ && pod.pod->spec.topologySpreadConstraints.empty();
  }
  /// Of the pod, or else of the profile.
  [[nodiscard]] std::vector<Spread> spreadsOf(const api::core::v1::Pod& pod,
                                              std::string_view whenUnsatisfiable) const {
    const auto& own = pod.spec.topologySpreadConstraints;
    if (!own.empty() || defaults_.empty()) return compile(pod, own, whenUnsatisfiable);
    const auto selector = owners_->selectorOf(pod);
    if (selector.isEverything()) return {};
    return compile(pod, defaults_, whenUnsatisfiable, &selector);
  }

  const OwnerSelectors* owners_;
  bool system_;
  Constraints defaults_;
};

}  // namespace

std::unique_ptr<Plugin> podTopologySpread(const PodTopologySpreadArgs& args,
                                          const OwnerSelectors* owners) {
  return std::make_unique<PodTopologySpread>(args, owners);
}

}  // namespace coxswain::scheduler::plugins
