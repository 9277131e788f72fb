#include <algorithm>

#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

bool conflict(const std::vector<HostPort>& wanted, const std::vector<HostPort>& used) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const HostPort& port) {
    return std::any_of(used.begin(), used.end(),
                       [&](const HostPort& other) { return port.conflicts(other); });
  });
}

/// Host ports of the pod are free on the node.
class NodePorts final : public Plugin, public PreFilterPlugin, public FilterPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "NodePorts"; }
  [[nodiscard]] EventInterest events() const override { return kNodeAdd | kAssignedPodDelete; }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.oldPod && !conflict(pod.hostPorts, event.oldPod->hostPorts))
      return QueueingHint::Skip;
    if (event.node && conflict(pod.hostPorts, event.node->usedPorts)) return QueueingHint::Skip;
    return QueueingHint::Queue;
  }
  [[nodiscard]] PreFilterResult preFilter(CycleState&, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    if (pod.hostPorts.empty()) result.code = Code::Skip;
    return result;
  }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    if (!conflict(pod.hostPorts, node.usedPorts)) return Code::Success;
    reasons.push_back("node(s) didn't have free ports for the requested pod ports");
    return Code::Unschedulable;
  }
};

}  // namespace

std::unique_ptr<Plugin> nodePorts() {
  return std::make_unique<NodePorts>();
}

}  // namespace coxswain::scheduler::plugins
