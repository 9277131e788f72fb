#include "api/gen/core_v1.h"
#include "api/helpers/scheduling.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

const api::core::v1::NodeAffinity* affinityOf(const PodInfo& pod) {
  const auto& affinity = pod.pod->spec.affinity;
  return affinity ? affinity->nodeAffinity.get() : nullptr;
}

/// The nodes that every alternative names by metadata.name; nothing where one does not: then any
/// node may match. DaemonSet pods ask so, and need not look at 5,000 nodes.
std::optional<std::vector<std::string>> namedNodes(const api::core::v1::NodeSelector& selector) {
  std::vector<std::string> names;
  for (const auto& term : selector.nodeSelectorTerms) {
    const std::string* name = nullptr;
    for (const auto& field : term.matchFields) {
      if (field.key != "metadata.name" || field.operator_ != "In" || field.values.size() != 1)
        continue;
      if (name && *name != field.values.front()) return std::nullopt;
      name = &field.values.front();
    }
    if (!name) return std::nullopt;
    names.push_back(*name);
  }
  return names;
}

/// spec.nodeSelector and node affinity, required and preferred; and the profile's addedAffinity,
/// which all its pods have besides.
class NodeAffinity final : public Plugin,
                           public PreFilterPlugin,
                           public FilterPlugin,
                           public PreScorePlugin,
                           public ScorePlugin {
 public:
  explicit NodeAffinity(const NodeAffinityArgs& args) {
    if (!args.addedAffinity) return;
    added_.affinity.getOrCreate().nodeAffinity.getOrCreate() = *args.addedAffinity;
    const auto& affinity = *added_.affinity->nodeAffinity;
    addedRequired_ = static_cast<bool>(affinity.requiredDuringSchedulingIgnoredDuringExecution);
    addedPreferred_ = !affinity.preferredDuringSchedulingIgnoredDuringExecution.empty();
  }
  [[nodiscard]] std::string_view name() const override { return "NodeAffinity"; }
  [[nodiscard]] EventInterest events() const override { return kNodeAdd | kNodeLabel | kPodSpec; }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    const bool matches =
        !event.newNode || (api::matchesNodeAffinity(pod.pod->spec, *event.newNode) &&
                           (!addedRequired_ || api::matchesNodeAffinity(added_, *event.newNode)));
    return matches ? QueueingHint::Queue : QueueingHint::Skip;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState&, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    const auto* affinity = affinityOf(pod);
    const auto* required =
        affinity ? affinity->requiredDuringSchedulingIgnoredDuringExecution.get() : nullptr;
    if (!required) {
      if (pod.pod->spec.nodeSelector.empty() && !addedRequired_) result.code = Code::Skip;
      return result;
    }
    if (!required->nodeSelectorTerms.empty()) result.nodeNames = namedNodes(*required);
    return result;
  }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    if (addedRequired_ && !api::matchesNodeAffinity(added_, *node.node)) {
      reasons.push_back("node(s) didn't match scheduler-enforced node affinity");
      return Code::UnschedulableAndUnresolvable;
    }
    if (api::matchesNodeAffinity(pod.pod->spec, *node.node)) return Code::Success;
    reasons.push_back("node(s) didn't match Pod's node affinity/selector");
    return Code::UnschedulableAndUnresolvable;
  }
  [[nodiscard]] Code preScore(CycleState&, const PodInfo& pod, std::span<const NodeInfo* const>,
                              const Snapshot&) const override {
    if (addedPreferred_) return Code::Success;
    const auto* affinity = affinityOf(pod);
    return !affinity || affinity->preferredDuringSchedulingIgnoredDuringExecution.empty()
               ? Code::Skip
               : Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    const int64_t own = api::preferredNodeScore(pod.pod->spec, *node.node);
    return addedPreferred_ ? own + api::preferredNodeScore(added_, *node.node) : own;
  }
  void normalize(const CycleState&, const PodInfo&, std::span<const NodeInfo* const>,
                 std::span<int64_t> scores) const override {
    normalizeByMax(scores, false);
  }
  [[nodiscard]] int64_t weight() const override { return 2; }

 private:
  api::core::v1::PodSpec added_;  ///< with the added affinity alone
  bool addedRequired_ = false;
  bool addedPreferred_ = false;
};

}  // namespace

std::unique_ptr<Plugin> nodeAffinity(const NodeAffinityArgs& args) {
  return std::make_unique<NodeAffinity>(args);
}

}  // namespace coxswain::scheduler::plugins
