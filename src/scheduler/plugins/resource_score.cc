#include "scheduler/plugins/resource_score.h"

#include <cmath>

#include "scheduler/cache/node_info.h"

namespace coxswain::scheduler::plugins {

ResourceScorer::ResourceScorer(const NodeResourcesFitArgs& args) : shape_(args.shape) {
  if (args.strategy == "MostAllocated") strategy_ = Strategy::Most;
  if (args.strategy == "RequestedToCapacityRatio") strategy_ = Strategy::Ratio;
  for (const auto& [name, weight] : args.resources) {
    const Kind kind = name == "cpu"                 ? Kind::Cpu
                      : name == "memory"            ? Kind::Memory
                      : name == "ephemeral-storage" ? Kind::EphemeralStorage
                                                    : Kind::Scalar;
    resources_.push_back({name, kind, weight});
  }
  // Scores of a shape go to 10, those of nodes to 100.
  for (auto& point : shape_) point.score *= static_cast<int32_t>(kScoreMax / 10);
}

int64_t ResourceScorer::shapeAt(int64_t utilization) const {
  for (size_t i = 0; i < shape_.size(); ++i) {
    if (utilization > shape_[i].utilization) continue;
    if (i == 0) return shape_[0].score;
    const auto& a = shape_[i - 1];
    const auto& b = shape_[i];
    return a.score +
           (b.score - a.score) * (utilization - a.utilization) / (b.utilization - a.utilization);
  }
  return shape_.empty() ? 0 : shape_.back().score;
}

int64_t ResourceScorer::rate(int64_t wanted, int64_t total) const {
  switch (strategy_) {
    case Strategy::Least:
      return wanted > total ? 0 : (total - wanted) * kScoreMax / total;
    case Strategy::Most:
      return std::min(wanted, total) * kScoreMax / total;
    case Strategy::Ratio:
      return wanted > total ? shapeAt(100) : shapeAt(wanted * 100 / total);
  }
  return 0;
}

int64_t ResourceScorer::score(const PodInfo& pod, const NodeInfo& node) const {
  int64_t sum = 0;
  int64_t weights = 0;
  for (const auto& resource : resources_) {
    int64_t wanted = 0;
    int64_t total = 0;
    switch (resource.kind) {
      case Kind::Cpu:
        total = node.allocatable.milliCpu;
        wanted = node.nonZeroMilliCpu + pod.nonZeroMilliCpu;
        break;
      case Kind::Memory:
        total = node.allocatable.memory;
        wanted = node.nonZeroMemory + pod.nonZeroMemory;
        break;
      case Kind::EphemeralStorage:
        total = node.allocatable.ephemeralStorage;
        wanted = node.requested.ephemeralStorage + pod.requests.ephemeralStorage;
        break;
      case Kind::Scalar: {
        const int64_t own = pod.requests.scalar(resource.name);
        // What the pod does not ask for says nothing about its nodes.
        if (own == 0) continue;
        total = node.allocatable.scalar(resource.name);
        wanted = node.requested.scalar(resource.name) + own;
        break;
      }
    }
    if (total == 0) continue;
    const int64_t rated = rate(wanted, total);
    if (strategy_ == Strategy::Ratio && rated <= 0) continue;
    sum += rated * resource.weight;
    weights += resource.weight;
  }
  if (weights == 0) return 0;
  if (strategy_ != Strategy::Ratio) return sum / weights;
  return std::llround(static_cast<double>(sum) / static_cast<double>(weights));
}

}  // namespace coxswain::scheduler::plugins
