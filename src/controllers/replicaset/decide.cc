#include "controllers/replicaset/decide.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/pod_order.h"

namespace coxswain::controllers::replicaset {

using api::apps::v1::ReplicaSet;
using api::apps::v1::ReplicaSetCondition;
using api::apps::v1::ReplicaSetStatus;
using api::core::v1::Pod;

namespace {

constexpr std::string_view kReplicaFailure = "ReplicaFailure";

int32_t deletionCost(const Pod& pod) {
  const auto* text = pod.metadata.annotations.get("controller.kubernetes.io/pod-deletion-cost");
  if (text == nullptr) return 0;
  int32_t cost = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, cost);
  return parsed.ec == std::errc() && parsed.ptr == end ? cost : 0;
}

int logAge(api::Time since, WallTime now) {
  const auto age = static_cast<double>((now - since.wall()).count());
  return age > 0 ? static_cast<int>(std::log2(age)) : -1;
}

/// Negative: `a` goes first. The zero time, unknown, goes first; then the later one, by logarithm.
int compareTimes(api::Time a, api::Time b, const Pod& podA, const Pod& podB, WallTime now) {
  if (a == b) return 0;
  if (a.isZero() || b.isZero()) return a.isZero() ? -1 : 1;
  const int difference = logAge(a, now) - logAge(b, now);
  if (difference != 0) return difference;
  return podA.metadata.uid < podB.metadata.uid ? -1 : 1;
}

struct Ranked {
  PodPointer pod;
  int32_t cost;
  int crowd;
};

bool goesFirst(const Ranked& a, const Ranked& b, WallTime now) {
  const Pod& pa = *a.pod;
  const Pod& pb = *b.pod;
  int order = compareStages(pa, pb);
  if (order != 0) return order < 0;
  if (a.cost != b.cost) return a.cost < b.cost;
  if (a.crowd != b.crowd) return a.crowd > b.crowd;
  if (api::isPodReady(pa)) order = compareTimes(readySince(pa), readySince(pb), pa, pb, now);
  if (order == 0) order = compareRestarts(pa, pb);
  if (order == 0) {
    order = compareTimes(pa.metadata.creationTimestamp, pb.metadata.creationTimestamp, pa, pb, now);
  }
  return order < 0;
}

bool hasLabels(const Pod& pod, const api::Map<std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [&pod](const auto& wanted) {
    const auto* value = pod.metadata.labels.get(wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

}  // namespace

std::vector<PodPointer> podsToDelete(std::vector<PodPointer> pods, const PodsByNode& byNode,
                                     size_t count, WallTime now) {
  if (count >= pods.size()) return pods;
  std::vector<Ranked> ranked;
  ranked.reserve(pods.size());
  for (auto& pod : pods) {
    auto crowd = byNode.find(pod->spec.nodeName);
    Ranked one{pod, deletionCost(*pod), crowd == byNode.end() ? 0 : crowd->second};
    ranked.push_back(std::move(one));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [now](const Ranked& a, const Ranked& b) { return goesFirst(a, b, now); });
  std::vector<PodPointer> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(std::move(ranked[i].pod));
  return chosen;
}

ReplicaSetStatus computeStatus(const ReplicaSet& set, const std::vector<PodPointer>& active,
                               size_t terminating, const Status& failure, WallTime now) {
  ReplicaSetStatus status = set.status;
  const auto wanted = static_cast<size_t>(set.spec.replicas.value_or(1));
  status.replicas = static_cast<int32_t>(active.size());
  status.fullyLabeledReplicas = status.readyReplicas = status.availableReplicas = 0;
  for (const auto& pod : active) {
    if (hasLabels(*pod, set.spec.template_.metadata.labels)) ++status.fullyLabeledReplicas;
    if (!api::isPodReady(*pod)) continue;
    ++status.readyReplicas;
    if (api::isPodAvailable(*pod, set.spec.minReadySeconds, api::Time(now))) {
      ++status.availableReplicas;
    }
  }
  status.terminatingReplicas = static_cast<int32_t>(terminating);
  auto known = std::find_if(status.conditions.begin(), status.conditions.end(),
                            [](const auto& c) { return c.type == kReplicaFailure; });
  if (failure.ok()) {
    if (known != status.conditions.end()) status.conditions.erase(known);
  } else if (known == status.conditions.end() && active.size() != wanted) {
    ReplicaSetCondition condition;
    condition.type = kReplicaFailure;
    condition.status = "True";
    condition.reason = active.size() < wanted ? "FailedCreate" : "FailedDelete";
    condition.message = failure.message();
    condition.lastTransitionTime = api::Time(now);
    status.conditions.push_back(std::move(condition));
  }
  return status;
}

}  // namespace coxswain::controllers::replicaset
