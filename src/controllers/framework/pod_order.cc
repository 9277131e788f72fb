#include "controllers/framework/pod_order.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers {

using api::core::v1::Pod;

namespace {

int phaseRank(const Pod& pod) {
  if (pod.status.phase == "Pending" || pod.status.phase.empty()) return 0;
  return pod.status.phase == "Unknown" ? 1 : 2;
}

int32_t restarts(const Pod& pod) {
  int32_t most = 0;
  for (const auto& status : pod.status.containerStatuses) {
    most = std::max(most, status.restartCount);
  }
  return most;
}

int32_t sidecarRestarts(const Pod& pod) {
  int32_t most = 0;
  for (const auto& status : pod.status.initContainerStatuses) {
    const auto& containers = pod.spec.initContainers;
    const bool sidecar = std::any_of(containers.begin(), containers.end(), [&](const auto& c) {
      return c.name == status.name && api::isSidecar(c);
    });
    if (sidecar) most = std::max(most, status.restartCount);
  }
  return most;
}

/// The unknown one first, then the later.
int compareTimes(api::Time a, api::Time b) {
  if (a == b) return 0;
  if (a.isZero() || b.isZero()) return a.isZero() ? -1 : 1;
  return b < a ? -1 : 1;
}

}  // namespace

int compareStages(const Pod& a, const Pod& b) {
  if (a.spec.nodeName.empty() != b.spec.nodeName.empty()) return a.spec.nodeName.empty() ? -1 : 1;
  if (phaseRank(a) != phaseRank(b)) return phaseRank(a) - phaseRank(b);
  const bool readyA = api::isPodReady(a);
  if (readyA != api::isPodReady(b)) return readyA ? 1 : -1;
  return 0;
}

int compareRestarts(const Pod& a, const Pod& b) {
  const auto moreA = restarts(a);
  const auto moreB = restarts(b);
  return moreA != moreB ? moreB - moreA : sidecarRestarts(b) - sidecarRestarts(a);
}

api::Time readySince(const Pod& pod) {
  const auto* ready = api::findPodCondition(pod.status, "Ready");
  return ready != nullptr && ready->status == "True" ? ready->lastTransitionTime : api::Time();
}

void sortLeastMissedFirst(std::vector<std::shared_ptr<const Pod>>& pods) {
  std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) {
    int order = compareStages(*a, *b);
    if (order == 0 && api::isPodReady(*a)) order = compareTimes(readySince(*a), readySince(*b));
    if (order == 0) order = compareRestarts(*a, *b);
    if (order == 0) {
      order = compareTimes(a->metadata.creationTimestamp, b->metadata.creationTimestamp);
    }
    return order < 0;
  });
}

Duration untilNextAvailable(const std::vector<std::shared_ptr<const Pod>>& pods,
                            int32_t minReadySeconds, WallTime now) {
  Duration next(0);
  if (minReadySeconds <= 0) return next;
  for (const auto& pod : pods) {
    const auto since = readySince(*pod);
    if (since.isZero()) continue;
    const Duration left = since.wall() + std::chrono::seconds(minReadySeconds) - now;
    if (left > Duration(0) && (next == Duration(0) || left < next)) next = left;
  }
  return next;
}

}  // namespace coxswain::controllers
