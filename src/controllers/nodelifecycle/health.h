#pragma once

#include <optional>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::api::coordination::v1 {
struct Lease;
}

namespace coxswain::controllers::nodelifecycle {

/// What was last seen of one node, and when by our own clock: a node's clock may be wrong.
struct Health {
  MonotonicTime probe{};  ///< the last sign of life
  api::Time heartbeat;    ///< of its Ready condition then
  bool hadReady = false;
  std::optional<api::MicroTime> renew;  ///< of its lease then
};

struct HealthPeriods {
  Duration grace = 50s;         ///< without a sign of life: Unknown
  Duration startupGrace = 60s;  ///< that for nodes which never told of themselves
};

/// Notes signs of life: a new heartbeat or a renewed lease. `lease` may be null.
void observe(Health& health, const api::core::v1::Node& node,
             const api::coordination::v1::Lease* lease, MonotonicTime now);

/// Conditions Ready, MemoryPressure, DiskPressure and PIDPressure become Unknown once the node has
/// been silent for too long: those that are to change. None: they stay.
/// Upstream: tryUpdateNodeHealth of pkg/controller/nodelifecycle/node_lifecycle_controller.go.
std::vector<api::core::v1::NodeCondition> silentConditions(const api::core::v1::Node& node,
                                                           const Health& health,
                                                           const HealthPeriods& periods,
                                                           MonotonicTime now, WallTime wall);

}  // namespace coxswain::controllers::nodelifecycle
