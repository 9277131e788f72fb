#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Pods with spec.schedulingGates wait until the last one is removed.
class SchedulingGates final : public Plugin, public PreEnqueuePlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "SchedulingGates"; }
  [[nodiscard]] EventInterest events() const override { return kPodGatesGone; }
  [[nodiscard]] std::optional<std::string> preEnqueue(const PodInfo& pod) const override {
    const auto& gates = pod.pod->spec.schedulingGates;
    if (gates.empty()) return std::nullopt;
    std::string names;
    for (const auto& gate : gates) names.append(names.empty() ? "" : " ").append(gate.name);
    return "waiting for scheduling gates: [" + names + "]";
  }
};

}  // namespace

std::unique_ptr<Plugin> schedulingGates() {
  return std::make_unique<SchedulingGates>();
}

}  // namespace coxswain::scheduler::plugins
