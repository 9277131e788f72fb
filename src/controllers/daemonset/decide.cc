#include "controllers/daemonset/decide.h"

#include <algorithm>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/scheduling.h"
#include "controllers/framework/history.h"

namespace coxswain::controllers::daemonset {

using api::apps::v1::DaemonSet;
using api::apps::v1::DaemonSetStatus;
using api::core::v1::Node;
using api::core::v1::NodeSelectorRequirement;
using api::core::v1::NodeSelectorTerm;
using api::core::v1::Pod;
using api::core::v1::PodSpec;
using api::core::v1::Toleration;

namespace {

constexpr std::string_view kNodeName = "metadata.name";
constexpr std::string_view kGenerationAnnotation = "deprecated.daemonset.template.generation";
constexpr std::string_view kGenerationLabel = "pod-template-generation";

void addToleration(std::vector<Toleration>& tolerations, std::string_view key,
                   std::string_view effect) {
  Toleration toleration;
  toleration.key = "node.kubernetes.io/" + std::string(key);
  toleration.operator_ = "Exists";
  toleration.effect = effect;
  for (auto& known : tolerations) {
    const bool same = known.key == toleration.key && known.effect == toleration.effect &&
                      known.operator_ == toleration.operator_ && known.value == toleration.value;
    if (!same) continue;
    known = toleration;
    return;
  }
  tolerations.push_back(std::move(toleration));
}

void addTolerations(std::vector<Toleration>& tolerations, bool hostNetwork) {
  addToleration(tolerations, "not-ready", api::kTaintNoExecute);
  addToleration(tolerations, "unreachable", api::kTaintNoExecute);
  for (std::string_view key :
       {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"}) {
    addToleration(tolerations, key, api::kTaintNoSchedule);
  }
  if (hostNetwork) addToleration(tolerations, "network-unavailable", api::kTaintNoSchedule);
}

bool isAvailable(const DaemonSet& set, const Pod& pod, WallTime now) {
  return api::isPodAvailable(pod, set.spec.minReadySeconds, api::Time(now));
}

/// Those on a node before those that are only meant for it, then the older.
bool older(const PodPointer& a, const PodPointer& b) {
  if (a->spec.nodeName.empty() != b->spec.nodeName.empty()) return b->spec.nodeName.empty();
  if (a->metadata.creationTimestamp != b->metadata.creationTimestamp) {
    return a->metadata.creationTimestamp < b->metadata.creationTimestamp;
  }
  return a->metadata.name < b->metadata.name;
}

int scaled(const DaemonSet& set, bool surge, int desired, int fallback) {
  const auto& rolling = set.spec.updateStrategy.rollingUpdate;
  const auto* value = !rolling ? nullptr
                      : surge  ? (rolling->maxSurge ? &*rolling->maxSurge : nullptr)
                               : (rolling->maxUnavailable ? &*rolling->maxUnavailable : nullptr);
  if (value == nullptr) return fallback;
  return api::getScaledValueFromIntOrPercent(*value, desired, true).valueOr(fallback);
}

struct Limits {
  int unavailable;
  int surge;
};

Limits limitsOf(const DaemonSet& set, const Nodes& nodes) {
  int desired = 0;
  for (const auto& each : nodes) desired += each.placement.run ? 1 : 0;
  Limits limits{scaled(set, false, desired, 1), scaled(set, true, desired, 0)};
  // Both zero would be stuck.
  if (limits.unavailable == 0 && limits.surge == 0) limits.unavailable = 1;
  return limits;
}

struct Versions {
  PodPointer old;
  PodPointer current;
  bool clear = true;  ///< at most one of each
};

Versions versionsOn(const DaemonSet& set, const std::vector<PodPointer>& pods,
                    const std::string& hash) {
  Versions versions;
  for (const auto& pod : pods) {
    if (pod->metadata.deletionTimestamp) continue;
    auto& slot = isUpdated(set, *pod, hash) ? versions.current : versions.old;
    if (slot) versions.clear = false;
    slot = pod;
  }
  return versions;
}

/// Nodes with surge keep an old pod beside the new one until that is available.
bool allowsSurge(const DaemonSet& set, const Nodes& nodes) {
  return set.spec.updateStrategy.type == "RollingUpdate" && limitsOf(set, nodes).surge > 0;
}

void planSurplus(const DaemonSet& set, std::vector<PodPointer> running, bool surge,
                 const std::string& hash, WallTime now, Plan& plan) {
  std::sort(running.begin(), running.end(), older);
  if (!surge) {
    for (size_t i = 1; i < running.size(); ++i) plan.remove.push_back(running[i]);
    return;
  }
  // One old and one new may live side by side until the new one is available, while the old one is
  // of use.
  PodPointer oldest[2];
  for (const auto& pod : running) {
    auto& slot = oldest[isUpdated(set, *pod, hash) ? 1 : 0];
    if (slot) {
      plan.remove.push_back(pod);
    } else {
      slot = pod;
    }
  }
  if (!oldest[0] || !oldest[1]) return;
  if (!api::isPodReady(*oldest[0]) || isAvailable(set, *oldest[1], now)) {
    plan.remove.push_back(oldest[0]);
  }
}

void planSurge(const DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
               const std::string& hash, Limits limits, WallTime now, Plan& plan) {
  std::vector<std::string> candidates;
  std::vector<PodPointer> misplaced;  // on nodes where no new pod may come
  int surging = 0;
  int unavailable = 0;
  for (const auto& [node, placement] : nodes) {
    const auto& name = node->metadata.name;
    const auto here = pods.find(name);
    const auto versions = here == pods.end() ? Versions() : versionsOn(set, here->second, hash);
    const auto available = [&](const PodPointer& pod) {
      return pod && isAvailable(set, *pod, now);
    };
    if (placement.run && !available(versions.old) && !available(versions.current)) ++unavailable;
    if (!versions.clear) {
      ++surging;
    } else if (versions.old && versions.current) {
      if (available(versions.current)) {
        plan.remove.push_back(versions.old);
      } else {
        ++surging;
      }
    } else if (versions.old && !placement.run) {
      (available(versions.old) ? misplaced : plan.remove).push_back(versions.old);
    } else if (versions.old) {
      if (available(versions.old)) {
        candidates.push_back(name);
      } else {
        plan.create.push_back(name);
      }
    }
  }
  for (const auto& name : candidates) {
    if (surging++ >= limits.surge) break;
    plan.create.push_back(name);
  }
  for (const auto& pod : misplaced) {
    if (unavailable++ >= limits.unavailable) break;
    plan.remove.push_back(pod);
  }
}

}  // namespace

std::string targetNode(const Pod& pod) {
  if (!pod.spec.nodeName.empty()) return pod.spec.nodeName;
  if (!pod.spec.affinity || !pod.spec.affinity->nodeAffinity) return "";
  const auto& required =
      pod.spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return "";
  for (const auto& term : required->nodeSelectorTerms) {
    for (const auto& field : term.matchFields) {
      if (field.key == kNodeName && field.operator_ == "In" && field.values.size() == 1) {
        return field.values[0];
      }
    }
  }
  return "";
}

Placer::Placer(const DaemonSet& set)
    : spec_(set.spec.template_.spec), tolerations_(spec_.tolerations) {
  addTolerations(tolerations_, spec_.hostNetwork);
}

Placement Placer::on(const Node& node) const {
  if (!spec_.nodeName.empty() && spec_.nodeName != node.metadata.name) return {};
  if (!api::matchesNodeAffinity(spec_, node)) return {};
  if (api::findUntoleratedForScheduling(node.spec.taints, tolerations_) == nullptr) {
    return {true, true};
  }
  const auto* expels = api::findUntolerated(node.spec.taints, tolerations_, [](const auto& taint) {
    return taint.effect == api::kTaintNoExecute;
  });
  return {false, expels == nullptr};
}

void shapePod(const DaemonSet& set, const std::string& node, const std::string& hash, Pod& pod) {
  auto& affinity = pod.spec.affinity.getOrCreate().nodeAffinity.getOrCreate();
  auto& terms =
      affinity.requiredDuringSchedulingIgnoredDuringExecution.getOrCreate().nodeSelectorTerms;
  NodeSelectorRequirement name;
  name.key = kNodeName;
  name.operator_ = "In";
  name.values = {node};
  // The template's terms were met when the node was chosen; only the name counts now.
  NodeSelectorTerm term;
  term.matchFields = {name};
  terms = {term};
  addTolerations(pod.spec.tolerations, pod.spec.hostNetwork);
  const auto* generation = set.metadata.annotations.get(kGenerationAnnotation);
  if (generation != nullptr) pod.metadata.labels[kGenerationLabel] = *generation;
  pod.metadata.labels[kRevisionLabel] = hash;
}

bool isUpdated(const DaemonSet& set, const Pod& pod, const std::string& hash) {
  const auto* label = pod.metadata.labels.get(kRevisionLabel);
  if (label != nullptr && *label == hash) return true;
  const auto* wanted = set.metadata.annotations.get(kGenerationAnnotation);
  const auto* generation = pod.metadata.labels.get(kGenerationLabel);
  return wanted != nullptr && generation != nullptr && *wanted == *generation;
}

Plan planNodes(const DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
               const std::string& hash, WallTime now) {
  Plan plan;
  const bool surge = allowsSurge(set, nodes);
  std::set<std::string_view> known;
  for (const auto& [node, placement] : nodes) {
    known.insert(node->metadata.name);
    auto here = pods.find(node->metadata.name);
    if (here == pods.end()) {
      if (placement.run) plan.create.push_back(node->metadata.name);
      continue;
    }
    std::vector<PodPointer> running;
    for (const auto& pod : here->second) {
      if (pod->metadata.deletionTimestamp) continue;
      if (placement.stay && pod->status.phase == "Failed") {
        plan.failed.push_back(pod);
        plan.remove.push_back(pod);
      } else if (placement.stay && pod->status.phase == "Succeeded") {
        plan.succeeded.push_back(pod);
        plan.remove.push_back(pod);
      } else {
        running.push_back(pod);
      }
    }
    if (!placement.stay) {
      plan.remove.insert(plan.remove.end(), running.begin(), running.end());
    } else {
      // With surge the old pod is not waited for.
      if (surge && running.empty() && placement.run) plan.create.push_back(node->metadata.name);
      planSurplus(set, std::move(running), surge, hash, now, plan);
    }
  }
  // Meant for nodes that went before they were bound.
  for (const auto& [node, lost] : pods) {
    if (known.contains(node)) continue;
    for (const auto& pod : lost) {
      if (pod->spec.nodeName.empty() && !pod->metadata.deletionTimestamp) {
        plan.remove.push_back(pod);
      }
    }
  }
  return plan;
}

Plan planUpdate(const DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
                const std::string& hash, WallTime now) {
  Plan plan;
  const auto limits = limitsOf(set, nodes);
  if (limits.surge > 0) {
    planSurge(set, nodes, pods, hash, limits, now, plan);
    return plan;
  }
  std::vector<PodPointer> candidates;
  int unavailable = 0;
  for (const auto& [node, placement] : nodes) {
    if (placement.run && !pods.contains(node->metadata.name)) ++unavailable;
  }
  for (const auto& [node, all] : pods) {
    auto versions = versionsOn(set, all, hash);
    if (!versions.clear || (versions.old == nullptr) == (versions.current == nullptr)) {
      ++unavailable;  // planNodes will make or remove pods here
    } else if (versions.current) {
      if (!isAvailable(set, *versions.current, now)) ++unavailable;
    } else if (!isAvailable(set, *versions.old, now)) {
      plan.remove.push_back(versions.old);
      ++unavailable;
    } else {
      candidates.push_back(versions.old);
    }
  }
  for (const auto& pod : candidates) {
    if (unavailable++ >= limits.unavailable) break;
    plan.remove.push_back(pod);
  }
  return plan;
}

DaemonSetStatus computeStatus(const DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
                              const std::string& hash, WallTime now) {
  DaemonSetStatus status = set.status;
  status.desiredNumberScheduled = status.currentNumberScheduled = status.numberMisscheduled = 0;
  status.numberReady = status.numberAvailable = status.updatedNumberScheduled = 0;
  for (const auto& [node, placement] : nodes) {
    auto here = pods.find(node->metadata.name);
    const bool scheduled = here != pods.end() && !here->second.empty();
    if (!placement.run) {
      status.numberMisscheduled += scheduled ? 1 : 0;
      continue;
    }
    ++status.desiredNumberScheduled;
    if (!scheduled) continue;
    ++status.currentNumberScheduled;
    const auto& pod = **std::min_element(here->second.begin(), here->second.end(), older);
    if (api::isPodReady(pod)) ++status.numberReady;
    if (isAvailable(set, pod, now)) ++status.numberAvailable;
    if (isUpdated(set, pod, hash)) ++status.updatedNumberScheduled;
  }
  status.numberUnavailable = status.desiredNumberScheduled - status.numberAvailable;
  status.observedGeneration = set.metadata.generation;
  return status;
}

}  // namespace coxswain::controllers::daemonset
