#include "controllers/nodelifecycle/health.h"

#include <algorithm>

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::nodelifecycle {

using api::core::v1::Node;
using api::core::v1::NodeCondition;
using api::core::v1::NodeStatus;

void observe(Health& health, const Node& node, const api::coordination::v1::Lease* lease,
             MonotonicTime now) {
  const auto* ready = api::findNodeCondition(node, "Ready");
  const bool first = health.probe == MonotonicTime{};
  const bool beat =
      ready != nullptr && (!health.hadReady || ready->lastHeartbeatTime != health.heartbeat);
  if (ready != nullptr) {
    health.hadReady = true;
    health.heartbeat = ready->lastHeartbeatTime;
  }
  const auto renew = lease == nullptr ? std::nullopt : lease->spec.renewTime;
  const bool renewed = renew && (!health.renew || *health.renew < *renew);
  if (renewed) health.renew = renew;
  if (first || beat || renewed) health.probe = now;
}

std::optional<NodeStatus> silentStatus(const Node& node, const Health& health,
                                       const HealthPeriods& periods, MonotonicTime now,
                                       WallTime wall) {
  const bool never = api::findNodeCondition(node, "Ready") == nullptr;
  if (now <= health.probe + (never ? periods.startupGrace : periods.grace)) return std::nullopt;
  NodeStatus status = node.status;
  bool changed = false;
  for (std::string_view type : {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}) {
    auto known = std::find_if(status.conditions.begin(), status.conditions.end(),
                              [type](const NodeCondition& c) { return c.type == type; });
    if (known == status.conditions.end()) {
      NodeCondition condition;
      condition.type = type;
      condition.status = "Unknown";
      condition.reason = "NodeStatusNeverUpdated";
      condition.message = "Kubelet never posted node status.";
      condition.lastHeartbeatTime = node.metadata.creationTimestamp;
      condition.lastTransitionTime = api::Time(wall);
      status.conditions.push_back(std::move(condition));
      changed = true;
    } else if (known->status != "Unknown") {
      known->status = "Unknown";
      known->reason = "NodeStatusUnknown";
      known->message = "Kubelet stopped posting node status.";
      known->lastTransitionTime = api::Time(wall);
      changed = true;
    }
  }
  if (!changed) return std::nullopt;
  return status;
}

}  // namespace coxswain::controllers::nodelifecycle
