#include "scheduler/framework/events.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/cache/pod_info.h"

namespace coxswain::scheduler {

uint32_t nodeChanges(const api::core::v1::Node& before, const api::core::v1::Node& after) {
  uint32_t events = 0;
  if (!(before.status.allocatable == after.status.allocatable)) events |= kNodeAllocatable;
  if (!(before.metadata.labels == after.metadata.labels)) events |= kNodeLabel;
  if (before.spec.unschedulable != after.spec.unschedulable ||
      !(before.spec.taints == after.spec.taints))
    events |= kNodeTaint;
  return events;
}

uint32_t assignedPodChanges(const PodInfo& before, const PodInfo& after) {
  uint32_t events = 0;
  if (!(before.meta->labels == after.meta->labels)) events |= kAssignedPodLabel;
  const auto& a = before.requests;
  const auto& b = after.requests;
  bool less =
      b.milliCpu < a.milliCpu || b.memory < a.memory || b.ephemeralStorage < a.ephemeralStorage;
  for (const auto& [name, amount] : a.scalars) less = less || b.scalar(name) < amount;
  if (less) events |= kAssignedPodScaleDown;
  return events;
}

}  // namespace coxswain::scheduler
