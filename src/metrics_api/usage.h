#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "metrics_api/exposition.h"

namespace coxswain::metrics_api {

/// What something uses, over the `window` before `when`.
struct Usage {
  WallTime when{};
  Duration window{};
  int64_t cpuNanos = 0;  ///< of a core, in a second
  int64_t memoryBytes = 0;
};

struct ContainerUsage {
  std::string name;
  Usage usage;
};
struct PodUsage {
  /// Of the container that was measured first.
  WallTime when{};
  Duration window{};
  std::vector<ContainerUsage> containers;
};

/// The last two readings of every node and pod, and what they say of use. A value without time of
/// its own. Upstream: metrics-server's storage.
class UsageStore {
 public:
  /// By node.
  using Batch = std::map<std::string, NodePoint>;

  /// Readings come `resolution` apart: a container that is younger, yet older than ten seconds, is
  /// measured since its start.
  explicit UsageStore(Duration resolution) : resolution_(resolution) {}

  /// A newer reading of all nodes; what is not in it is forgotten.
  void store(const Batch& batch);
  void clear();

  /// Nothing: no two readings of it, or its counters were reset between.
  [[nodiscard]] std::optional<Usage> node(std::string_view name) const;
  /// Nothing, likewise, if one of its containers has no two readings.
  [[nodiscard]] std::optional<PodUsage> pod(std::string_view ns, std::string_view name) const;

 private:
  using Containers = std::vector<ContainerPoint>;
  using Pods = std::map<std::string, Containers, std::less<>>;  ///< by "ns/name"
  using Nodes = std::map<std::string, UsagePoint, std::less<>>;

  [[nodiscard]] std::optional<UsagePoint> before(const UsagePoint& next, const UsagePoint* last,
                                                 const UsagePoint* previous) const;

  Duration resolution_;
  Nodes lastNodes_;
  Nodes previousNodes_;
  Pods lastPods_;
  Pods previousPods_;
};

}  // namespace coxswain::metrics_api
