#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/plugins/args.h"

namespace coxswain::scheduler {
struct NodeInfo;
struct PodInfo;
struct Resources;
}  // namespace coxswain::scheduler

namespace coxswain::scheduler::plugins {

/// Rates nodes by what a pod would leave free or use there, as NodeResourcesFit's scoringStrategy
/// says. Upstream: plugins/noderesources.
class ResourceScorer {
 public:
  explicit ResourceScorer(const NodeResourcesFitArgs& args);
  /// 0..kScoreMax.
  [[nodiscard]] int64_t score(const PodInfo& pod, const NodeInfo& node) const;

 private:
  enum class Strategy : uint8_t { Least, Most, Ratio };
  enum class Kind : uint8_t { Cpu, Memory, EphemeralStorage, Scalar };
  struct Weighted {
    std::string name;
    Kind kind;
    int64_t weight;
  };
  [[nodiscard]] int64_t rate(int64_t wanted, int64_t total) const;
  [[nodiscard]] int64_t shapeAt(int64_t utilization) const;

  Strategy strategy_ = Strategy::Least;
  std::vector<Weighted> resources_;
  std::vector<ShapePoint> shape_;
};

}  // namespace coxswain::scheduler::plugins
