#include <algorithm>
#include <array>
#include <cmath>

#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

enum class Kind : uint8_t { Cpu, Memory, EphemeralStorage, Scalar };

/// Prefers nodes whose resources (cpu and memory, unless configured) would be used to a like share.
/// Looks at real requests, not at assumed ones.
class NodeResourcesBalancedAllocation final : public Plugin,
                                              public PreScorePlugin,
                                              public ScorePlugin {
 public:
  explicit NodeResourcesBalancedAllocation(const NodeResourcesBalancedAllocationArgs& args) {
    for (const auto& resource : args.resources) {
      const auto& name = resource.name;
      resources_.push_back({name, name == "cpu"                 ? Kind::Cpu
                                  : name == "memory"            ? Kind::Memory
                                  : name == "ephemeral-storage" ? Kind::EphemeralStorage
                                                                : Kind::Scalar});
    }
  }
  [[nodiscard]] std::string_view name() const override { return "NodeResourcesBalancedAllocation"; }
  [[nodiscard]] Code preScore(CycleState&, const PodInfo& pod, std::span<const NodeInfo* const>,
                              const Snapshot&) const override {
    // A pod that asks for none of the resources changes no balance.
    const bool asks = std::any_of(resources_.begin(), resources_.end(), [&](const auto& resource) {
      return amount(pod.requests, resource) > 0;
    });
    return asks ? Code::Success : Code::Skip;
  }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    double sum = 0;
    double squares = 0;
    size_t count = 0;
    std::array<double, 2> firstTwo{};
    for (const auto& resource : resources_) {
      const int64_t total = amount(node.allocatable, resource);
      const int64_t own = amount(pod.requests, resource);
      if (total == 0 || (resource.kind == Kind::Scalar && own == 0)) continue;
      const double share =
          std::min(1.0, static_cast<double>(amount(node.requested, resource) + own) /
                            static_cast<double>(total));
      if (count < 2) firstTwo[count] = share;
      sum += share;
      squares += share * share;
      ++count;
    }
    if (count < 2) return kScoreMax;
    // The standard deviation of two numbers is half their distance.
    if (count == 2)
      return static_cast<int64_t>((1 - std::abs(firstTwo[0] - firstTwo[1]) / 2) * kScoreMax);
    const double mean = sum / static_cast<double>(count);
    const double variance = std::max(0.0, squares / static_cast<double>(count) - mean * mean);
    return static_cast<int64_t>((1 - std::sqrt(variance)) * kScoreMax);
  }
  [[nodiscard]] int64_t weight() const override { return 1; }

 private:
  struct Balanced {
    std::string name;
    Kind kind;
  };
  static int64_t amount(const Resources& resources, const Balanced& of) {
    switch (of.kind) {
      case Kind::Cpu:
        return resources.milliCpu;
      case Kind::Memory:
        return resources.memory;
      case Kind::EphemeralStorage:
        return resources.ephemeralStorage;
      case Kind::Scalar:
        return resources.scalar(of.name);
    }
    return 0;
  }
  std::vector<Balanced> resources_;
};

}  // namespace

std::unique_ptr<Plugin> nodeResourcesBalancedAllocation(
    const NodeResourcesBalancedAllocationArgs& args) {
  return std::make_unique<NodeResourcesBalancedAllocation>(args);
}

}  // namespace coxswain::scheduler::plugins
