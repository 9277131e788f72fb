#include "controllers/deployment/decide.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"

namespace coxswain::controllers::deployment {

using api::core::v1::PodTemplateSpec;

namespace {

constexpr size_t kHistoryBytesMax = 2000;
constexpr int32_t kForever = std::numeric_limits<int32_t>::max();

template <typename T>
std::optional<int64_t> annotationNumber(const T& object, std::string_view name) {
  const auto* text = object.metadata.annotations.get(name);
  if (text == nullptr) return std::nullopt;
  int64_t value = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

struct Bounds {
  int surge = 0;
  int unavailable = 0;
};

Bounds boundsOf(const Deployment& deployment) {
  if (!isRolling(deployment)) return {};
  const int replicas = replicasOf(deployment);
  api::IntOrString surge;
  api::IntOrString unavailable;
  if (const auto* rolling = deployment.spec.strategy.rollingUpdate.get()) {
    surge = rolling->maxSurge.value_or(api::IntOrString());
    unavailable = rolling->maxUnavailable.value_or(api::IntOrString());
  }
  Bounds bounds;
  bounds.surge = api::getScaledValueFromIntOrPercent(surge, replicas, true).valueOr(0);
  bounds.unavailable = api::getScaledValueFromIntOrPercent(unavailable, replicas, false).valueOr(0);
  // Neither would let nothing move.
  if (bounds.surge == 0 && bounds.unavailable == 0) bounds.unavailable = 1;
  return bounds;
}

/// The deployment controller's own, and those that mean one object only.
bool isPrivate(std::string_view annotation) {
  return annotation == "kubectl.kubernetes.io/last-applied-configuration" ||
         annotation == kRevision || annotation == kRevisionHistory ||
         annotation == kDesiredReplicas || annotation == kMaxReplicas || annotation == kRollbackTo;
}

bool hasAnnotations(const Deployment& deployment, const ReplicaSet& set) {
  const auto& all = deployment.metadata.annotations;
  return std::all_of(all.begin(), all.end(), [&set](const auto& wanted) {
    const auto* known = set.metadata.annotations.get(wanted.first);
    return isPrivate(wanted.first) || (known != nullptr && *known == wanted.second);
  });
}

bool copyAnnotations(const Deployment& deployment, ReplicaSet& set) {
  if (hasAnnotations(deployment, set)) return false;
  for (const auto& [key, value] : deployment.metadata.annotations) {
    if (!isPrivate(key)) set.metadata.annotations[key] = value;
  }
  return true;
}

bool hasUnreadableRevision(const ReplicaSet& set) {
  const auto* text = set.metadata.annotations.get(kRevision);
  return text != nullptr && !text->empty() && !annotationNumber(set, kRevision);
}

void addToHistory(ReplicaSet& set, const std::string& revision) {
  std::string& history = set.metadata.annotations[kRevisionHistory];
  std::string next = history.empty() ? revision : history + "," + revision;
  while (next.size() > kHistoryBytesMax) {
    const auto comma = next.find(',');
    if (comma == std::string::npos) return;
    next.erase(0, comma + 1);
  }
  history = std::move(next);
}

}  // namespace

int replicasOf(const Deployment& deployment) {
  return deployment.spec.replicas.value_or(1);
}
int replicasOf(const ReplicaSet& set) {
  return set.spec.replicas.value_or(1);
}

int specReplicas(const Sets& sets) {
  int sum = 0;
  for (const auto& set : sets) sum += replicasOf(*set);
  return sum;
}
int statusReplicas(const Sets& sets) {
  int sum = 0;
  for (const auto& set : sets) sum += set->status.replicas;
  return sum;
}
int availableReplicas(const Sets& sets) {
  int sum = 0;
  for (const auto& set : sets) sum += set->status.availableReplicas;
  return sum;
}

bool isRolling(const Deployment& deployment) {
  return deployment.spec.strategy.type == "RollingUpdate";
}
int maxSurge(const Deployment& deployment) {
  return boundsOf(deployment).surge;
}
int maxUnavailable(const Deployment& deployment) {
  return std::min(boundsOf(deployment).unavailable, replicasOf(deployment));
}
bool hasProgressDeadline(const Deployment& deployment) {
  return deployment.spec.progressDeadlineSeconds.value_or(kForever) != kForever;
}

bool sameTemplate(const PodTemplateSpec& a, const PodTemplateSpec& b) {
  if (!api::semanticEqual(a.spec, b.spec)) return false;
  auto left = a.metadata;
  auto right = b.metadata;
  left.labels.erase(kTemplateHash);
  right.labels.erase(kTemplateHash);
  return api::semanticEqual(left, right);
}

void sortOldestFirst(Sets& sets) {
  std::sort(sets.begin(), sets.end(), [](const SetPointer& a, const SetPointer& b) {
    const auto& x = a->metadata;
    const auto& y = b->metadata;
    if (x.creationTimestamp != y.creationTimestamp) {
      return x.creationTimestamp < y.creationTimestamp;
    }
    return x.name < y.name;
  });
}

SetPointer findNew(const Deployment& deployment, Sets sets) {
  sortOldestFirst(sets);
  for (const auto& set : sets) {
    if (sameTemplate(set->spec.template_, deployment.spec.template_)) return set;
  }
  return nullptr;
}

Sets withSpecReplicas(const Sets& sets) {
  Sets active;
  for (const auto& set : sets) {
    if (set && replicasOf(*set) > 0) active.push_back(set);
  }
  return active;
}

int64_t revisionOf(const ReplicaSet& set) {
  return annotationNumber(set, kRevision).value_or(0);
}

int64_t maxRevision(const Sets& sets) {
  int64_t most = 0;
  for (const auto& set : sets) most = std::max(most, revisionOf(*set));
  return most;
}

int64_t lastRevision(const Sets& sets) {
  int64_t most = 0;
  int64_t second = 0;
  for (const auto& set : sets) {
    const int64_t revision = revisionOf(*set);
    if (revision >= most) {
      second = most;
      most = revision;
    } else {
      second = std::max(second, revision);
    }
  }
  return second;
}

ReplicaSet newSet(const Deployment& deployment) {
  const auto& meta = deployment.metadata;
  const std::string hash =
      api::podTemplateHash(deployment.spec.template_, deployment.status.collisionCount);
  ReplicaSet set;
  set.spec.template_ = deployment.spec.template_;
  set.spec.template_.metadata.labels[kTemplateHash] = hash;
  set.spec.selector = deployment.spec.selector;
  set.spec.selector.getOrCreate().matchLabels[kTemplateHash] = hash;
  set.spec.replicas = 0;
  set.spec.minReadySeconds = deployment.spec.minReadySeconds;
  set.metadata.name = meta.name + "-" + hash;
  set.metadata.namespace_ = meta.namespace_;
  set.metadata.labels = set.spec.template_.metadata.labels;
  set.metadata.ownerReferences.push_back(api::newControllerRef(meta, "apps/v1", "Deployment"));
  return set;
}

int newSetReplicas(const Deployment& deployment, int allReplicas, int newReplicas) {
  const int wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const int most = wanted + maxSurge(deployment);
  if (allReplicas >= most) return newReplicas;
  return newReplicas + std::min(most - allReplicas, wanted - newReplicas);
}

bool setReplicasAnnotations(ReplicaSet& set, int desired, int most) {
  if (!replicasAnnotationsDiffer(set, desired, most)) return false;
  set.metadata.annotations[kDesiredReplicas] = std::to_string(desired);
  set.metadata.annotations[kMaxReplicas] = std::to_string(most);
  return true;
}

bool replicasAnnotationsDiffer(const ReplicaSet& set, int desired, int most) {
  const auto* d = set.metadata.annotations.get(kDesiredReplicas);
  const auto* m = set.metadata.annotations.get(kMaxReplicas);
  return d == nullptr || m == nullptr || *d != std::to_string(desired) ||
         *m != std::to_string(most);
}

bool setNewSetAnnotations(const Deployment& deployment, ReplicaSet& set, int64_t revision,
                          bool exists) {
  bool changed = copyAnnotations(deployment, set);
  const auto* text = set.metadata.annotations.get(kRevision);
  const std::string before = text == nullptr ? "" : *text;
  if (hasUnreadableRevision(set)) return false;
  if (revisionOf(set) < revision) {
    set.metadata.annotations[kRevision] = std::to_string(revision);
    changed = true;
    if (!before.empty()) addToHistory(set, before);
  }
  const int desired = replicasOf(deployment);
  if (!exists && setReplicasAnnotations(set, desired, desired + maxSurge(deployment))) {
    changed = true;
  }
  return changed;
}

bool newSetIsBehind(const Deployment& deployment, const ReplicaSet& set, int64_t revision) {
  if (set.spec.minReadySeconds != deployment.spec.minReadySeconds) return true;
  if (hasUnreadableRevision(set)) return false;
  return revisionOf(set) < revision || !hasAnnotations(deployment, set);
}

std::optional<int64_t> rollbackRevision(const Deployment& deployment) {
  return annotationNumber(deployment, kRollbackTo);
}

void restoreAnnotations(const ReplicaSet& set, Deployment& deployment) {
  api::Map<std::string> kept;
  for (const auto& [key, value] : deployment.metadata.annotations) {
    if (isPrivate(key)) kept[key] = value;
  }
  for (const auto& [key, value] : set.metadata.annotations) {
    if (!isPrivate(key)) kept[key] = value;
  }
  deployment.metadata.annotations = std::move(kept);
}

Sets setsToClean(const Deployment& deployment, const Sets& old) {
  const int32_t limit = deployment.spec.revisionHistoryLimit.value_or(kForever);
  if (limit == kForever) return {};
  Sets alive;
  for (const auto& set : old) {
    if (!set->metadata.deletionTimestamp) alive.push_back(set);
  }
  const auto excess = static_cast<int64_t>(alive.size()) - limit;
  if (excess <= 0) return {};
  sortOldestFirst(alive);
  std::stable_sort(alive.begin(), alive.end(), [](const SetPointer& a, const SetPointer& b) {
    return revisionOf(*a) < revisionOf(*b);
  });
  Sets chosen;
  for (int64_t i = 0; i < excess; ++i) {
    const auto& set = alive[static_cast<size_t>(i)];
    if (set->status.replicas != 0 || replicasOf(*set) != 0 ||
        set->metadata.generation > set->status.observedGeneration) {
      continue;
    }
    chosen.push_back(set);
  }
  return chosen;
}

}  // namespace coxswain::controllers::deployment
