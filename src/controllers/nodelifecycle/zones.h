#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::nodelifecycle {

/// Region and zone of a node.
std::string zoneOf(const api::core::v1::Node& node);

enum class ZoneState : uint8_t { Initial, Normal, PartialDisruption, FullDisruption };

struct ZoneLimits {
  double evictionsPerSecond = 0.1;
  double secondaryEvictionsPerSecond = 0.01;  ///< in zones with partial disruption
  size_t largeClusterThreshold = 50;          ///< nodes; in smaller zones the secondary rate is 0
  double unhealthyThreshold = 0.55;
};

struct ZoneCount {
  size_t ready = 0;
  size_t notReady = 0;
};

/// Nodes that are to get their NoExecute taint, held back by zone: when many nodes of a zone fail
/// at once, the fault may be between us and them; when all of all zones fail, it surely is, and
/// nobody is evicted. One executor. Upstream: handleDisruption and scheduler/rate_limited_queue.go
/// of pkg/controller/nodelifecycle.
class Zones {
 public:
  explicit Zones(const ZoneLimits& limits) : limits_(limits) {}

  enum class Shift : uint8_t { None, AllLost, AllNoLonger };
  /// What the zones are like now. AllLost: every node of every zone is gone, as of this call: treat
  /// all as reachable. AllNoLonger: that is over: forget how long nodes were silent.
  Shift update(const std::map<std::string, ZoneCount>& counts, MonotonicTime now);

  void add(const std::string& zone, const std::string& node);
  void remove(const std::string& zone, const std::string& node);
  /// Nodes whose turn it is. A node is in it once for each add.
  std::vector<std::string> take(MonotonicTime now);

  [[nodiscard]] ZoneState state(const std::string& zone) const;
  [[nodiscard]] bool allLost() const { return allLost_; }

 private:
  struct Zone {
    ZoneState state = ZoneState::Initial;
    double rate = 0;
    double tokens = 1;
    MonotonicTime tokensAt{};
    std::deque<std::string> queue;
    std::unordered_set<std::string> queued;
  };
  [[nodiscard]] ZoneState compute(const ZoneCount& count) const;
  [[nodiscard]] double rateOf(ZoneState state, size_t nodes) const;

  ZoneLimits limits_;
  std::map<std::string, Zone> zones_;
  bool allLost_ = false;
};

}  // namespace coxswain::controllers::nodelifecycle
