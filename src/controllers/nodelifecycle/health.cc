#include "controllers/nodelifecycle/health.h"

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::nodelifecycle {

using api::core::v1::Node;
using api::core::v1::NodeCondition;

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

std::vector<NodeCondition> silentConditions(const Node& node, const Health& health,
                                            const HealthPeriods& periods, MonotonicTime now,
                                            WallTime wall) {
  const bool never = api::findNodeCondition(node, "Ready") == nullptr;
  std::vector<NodeCondition> changed;
  if (now <= health.probe + (never ? periods.startupGrace : periods.grace)) return changed;
  for (std::string_view type : {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}) {
    const auto* known = api::findNodeCondition(node, type);
    if (known != nullptr && known->status == "Unknown") continue;
    auto& condition = changed.emplace_back();
    if (known != nullptr) condition = *known;
    condition.type = type;
    condition.status = "Unknown";
    condition.reason = known == nullptr ? "NodeStatusNeverUpdated" : "NodeStatusUnknown";
    condition.message = known == nullptr ? "Kubelet never posted node status."
                                         : "Kubelet stopped posting node status.";
    if (known == nullptr) condition.lastHeartbeatTime = node.metadata.creationTimestamp;
    condition.lastTransitionTime = api::Time(wall);
  }
  return changed;
}

}  // namespace coxswain::controllers::nodelifecycle
