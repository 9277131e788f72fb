#include "api/gen/core_v1.h"
#include "api/helpers/scheduling.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Cordoned nodes (spec.unschedulable) take only pods that tolerate the taint of that name.
class NodeUnschedulable final : public Plugin, public FilterPlugin {
 public:
  NodeUnschedulable() {
    taint_.key = "node.kubernetes.io/unschedulable";
    taint_.effect = api::kTaintNoSchedule;
  }
  [[nodiscard]] std::string_view name() const override { return "NodeUnschedulable"; }
  [[nodiscard]] EventInterest events() const override { return kNodeAdd | kNodeTaint | kPodSpec; }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    const auto* node = event.newNode;
    if (node && node->spec.unschedulable && !tolerated(pod)) return QueueingHint::Skip;
    if (!node && !tolerated(pod)) return QueueingHint::Skip;
    return QueueingHint::Queue;
  }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    if (!node.unschedulable || tolerated(pod)) return Code::Success;
    reasons.push_back("node(s) were unschedulable");
    return Code::UnschedulableAndUnresolvable;
  }

 private:
  [[nodiscard]] bool tolerated(const PodInfo& pod) const {
    return api::tolerates(pod.pod->spec.tolerations, taint_);
  }
  api::core::v1::Taint taint_;
};

}  // namespace

std::unique_ptr<Plugin> nodeUnschedulable() {
  return std::make_unique<NodeUnschedulable>();
}

}  // namespace coxswain::scheduler::plugins
