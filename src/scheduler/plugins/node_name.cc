#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// spec.nodeName, where the pod has one, is the node.
class NodeName final : public Plugin, public FilterPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "NodeName"; }
  [[nodiscard]] EventInterest events() const override { return kNodeAdd; }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    const std::string& wanted = pod.pod->spec.nodeName;
    if (wanted.empty() || wanted == node.name) return Code::Success;
    reasons.push_back("node(s) didn't match the requested node name");
    return Code::UnschedulableAndUnresolvable;
  }
};

}  // namespace

std::unique_ptr<Plugin> nodeName() {
  return std::make_unique<NodeName>();
}

}  // namespace coxswain::scheduler::plugins
