#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::controllers::podautoscaler {

/// What a pod used of something, in thousandths of its unit, over the `window` before `when`.
struct Reading {
  int64_t milli = 0;
  WallTime when{};
  Duration window{};
};
/// By pod name.
using Readings = std::map<std::string, Reading, std::less<>>;

using Pods = std::vector<std::shared_ptr<const api::core::v1::Pod>>;

/// By how much a ratio of use to target may be off without a change of replicas.
struct Tolerance {
  double down = 0.1;
  double up = 0.1;
  [[nodiscard]] bool holds(double ratio) const { return 1.0 - down <= ratio && ratio <= 1.0 + up; }
};

/// What pods are counted by.
struct Counting {
  int32_t current = 0;  ///< replicas now
  Tolerance tolerance;
  WallTime now{};
  /// How long a pod may take to start, while its CPU counts only once it has been ready
  /// (--horizontal-pod-autoscaler-cpu-initialization-period).
  Duration cpuInitialization = 5min;
  /// How long after its start a pod that was never ready does not count
  /// (--horizontal-pod-autoscaler-initial-readiness-delay).
  Duration initialReadinessDelay = 30s;
};

/// How many replicas a metric asks for, and the figure behind it.
struct Proposal {
  int32_t replicas = 0;
  int32_t utilization = 0;   ///< per cent of the requests; of targetUtilization only
  int64_t averageMilli = 0;  ///< of a pod; the value itself, of forValue
};

// Upstream: pkg/controller/podautoscaler, replica calculator. Failures' messages stand in
// conditions.

/// To reach a use of `target` per cent of what pods request of the resource; of one container, or
/// of all where `container` is empty.
Result<Proposal> forUtilization(const Counting& counting, int32_t target, std::string_view resource,
                                std::string_view container, const Pods& pods, Readings readings);
/// That a value of the whole, which is not the pods', reaches `targetMilli`: with none running as
/// many as the ratio says, else that many times those that are ready.
Result<Proposal> forValue(const Counting& counting, int64_t milli, int64_t targetMilli,
                          const Pods& pods);
/// That such a value comes to `targetMilli` for each of `running` pods, which the scale's status
/// counts.
Proposal forValuePerPod(const Counting& counting, int64_t milli, int64_t targetMilli,
                        int32_t running);
/// To reach an average of `targetMilli` a pod. `resource` is empty for metrics that are none.
Result<Proposal> forAverage(const Counting& counting, int64_t targetMilli,
                            std::string_view resource, const Pods& pods, Readings readings);

}  // namespace coxswain::controllers::podautoscaler
