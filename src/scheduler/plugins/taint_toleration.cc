#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/helpers/scheduling.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

using api::core::v1::Taint;

bool prefersNot(const Taint& taint) {
  return taint.effect == api::kTaintPreferNoSchedule;
}

/// Taints that the pod does not tolerate: NoSchedule and NoExecute keep it away, each
/// PreferNoSchedule makes the node less welcome.
class TaintToleration final : public Plugin,
                              public FilterPlugin,
                              public PreScorePlugin,
                              public ScorePlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "TaintToleration"; }
  [[nodiscard]] EventInterest events() const override { return kNodeAdd | kNodeTaint | kPodSpec; }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    const auto* node = event.newNode;
    const bool kept =
        node && api::findUntoleratedForScheduling(node->spec.taints, pod.pod->spec.tolerations);
    return kept ? QueueingHint::Skip : QueueingHint::Queue;
  }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    if (!node.tainted ||
        !api::findUntoleratedForScheduling(node.node->spec.taints, pod.pod->spec.tolerations))
      return Code::Success;
    reasons.push_back("node(s) had untolerated taint(s)");
    return Code::UnschedulableAndUnresolvable;
  }
  [[nodiscard]] Code preScore(CycleState&, const PodInfo&, std::span<const NodeInfo* const> nodes,
                              const Snapshot&) const override {
    // All the same where no node has such a taint: the usual case costs one look at each.
    const bool any = std::any_of(nodes.begin(), nodes.end(), [](const NodeInfo* node) {
      if (!node->tainted) return false;
      const auto& taints = node->node->spec.taints;
      return std::any_of(taints.begin(), taints.end(), prefersNot);
    });
    return any ? Code::Success : Code::Skip;
  }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    int64_t count = 0;
    for (const auto& taint : node.node->spec.taints)
      if (prefersNot(taint) && !api::tolerates(pod.pod->spec.tolerations, taint)) ++count;
    return count;
  }
  void normalize(const CycleState&, const PodInfo&, std::span<const NodeInfo* const>,
                 std::span<int64_t> scores) const override {
    normalizeByMax(scores, true);
  }
  [[nodiscard]] int64_t weight() const override { return 3; }
};

}  // namespace

std::unique_ptr<Plugin> taintToleration() {
  return std::make_unique<TaintToleration>();
}

}  // namespace coxswain::scheduler::plugins
