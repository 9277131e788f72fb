#include <algorithm>
#include <cmath>

#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Prefers nodes whose cpu and memory would be used to a like share. Looks at real requests, not at
/// assumed ones.
class NodeResourcesBalancedAllocation final : public Plugin,
                                              public PreScorePlugin,
                                              public ScorePlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "NodeResourcesBalancedAllocation"; }
  [[nodiscard]] Code preScore(CycleState&, const PodInfo& pod, std::span<const NodeInfo* const>,
                              const Snapshot&) const override {
    // A pod without requests changes no balance.
    return pod.requests.milliCpu == 0 && pod.requests.memory == 0 ? Code::Skip : Code::Success;
  }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    const auto share = [](int64_t used, int64_t total) {
      return std::min(1.0, static_cast<double>(used) / static_cast<double>(total));
    };
    const auto& have = node.allocatable;
    if (have.milliCpu == 0 || have.memory == 0) return kScoreMax;
    const double cpu = share(node.requested.milliCpu + pod.requests.milliCpu, have.milliCpu);
    const double memory = share(node.requested.memory + pod.requests.memory, have.memory);
    // The standard deviation of two numbers is half their distance.
    return static_cast<int64_t>((1 - std::abs(cpu - memory) / 2) * kScoreMax);
  }
  [[nodiscard]] int64_t weight() const override { return 1; }
};

}  // namespace

std::unique_ptr<Plugin> nodeResourcesBalancedAllocation() {
  return std::make_unique<NodeResourcesBalancedAllocation>();
}

}  // namespace coxswain::scheduler::plugins
