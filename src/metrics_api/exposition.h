#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::metrics_api {

/// What something had used at a moment.
struct UsagePoint {
  WallTime when{};
  WallTime startedAt{};   ///< the epoch: not known
  uint64_t cpuNanos = 0;  ///< of one core, since it started
  uint64_t memoryBytes = 0;
};

struct ContainerPoint {
  std::string name;
  UsagePoint point;
};
struct PodPoint {
  std::string ns;
  std::string name;
  std::vector<ContainerPoint> containers;  ///< sorted by name
};
/// One node's answer.
struct NodePoint {
  std::optional<UsagePoint> node;
  std::vector<PodPoint> pods;  ///< sorted
};

/// One line of Prometheus' text format. Views into the text, labels not unescaped.
struct SampleLine {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  double value = 0;
  int64_t millis = 0;  ///< 0: the line has no time
  [[nodiscard]] std::string_view label(std::string_view key) const;
};

/// Nothing: blank, or a comment. BadRequest: it is neither.
Result<std::optional<SampleLine>> parseSampleLine(std::string_view line);

/// A kubelet's /metrics/resource. Samples without a time were taken `now`. A container without CPU
/// and memory has ended and is left out; a pod where one of both is missing is not measured yet,
/// and left out whole. BadRequest where the text is something else. Upstream: metrics-server's
/// decoder.
Result<NodePoint> parseResourceMetrics(std::string_view text, WallTime now);

}  // namespace coxswain::metrics_api
