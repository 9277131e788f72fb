#include "controllers/statefulset/retention.h"

#include <algorithm>
#include <string>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/statefulset/decide.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::meta::v1::ObjectMeta;
using api::meta::v1::OwnerReference;

namespace {

bool deletesWhenScaled(const StatefulSet& set) {
  const auto& policy = set.spec.persistentVolumeClaimRetentionPolicy;
  return policy && policy->whenScaled == "Delete";
}

bool deletesWhenDeleted(const StatefulSet& set) {
  const auto& policy = set.spec.persistentVolumeClaimRetentionPolicy;
  return policy && policy->whenDeleted == "Delete";
}

bool names(const OwnerReference& owner, std::string_view version, std::string_view kind,
           const std::string& name) {
  return owner.apiVersion == version && owner.kind == kind && owner.name == name;
}
bool namesSet(const OwnerReference& owner, const StatefulSet& set) {
  return names(owner, "apps/v1", "StatefulSet", set.metadata.name);
}
bool namesPod(const OwnerReference& owner, const std::string& pod) {
  return names(owner, "v1", "Pod", pod);
}

std::optional<OwnerReference> wantedOwner(const StatefulSet& set, const ObjectMeta& pod,
                                          int32_t ordinal) {
  if (!ordinalsOf(set).contains(ordinal) && deletesWhenScaled(set)) {
    return api::newControllerRef(pod, "v1", "Pod");
  }
  return firstOwner(set);
}

}  // namespace

std::optional<OwnerReference> firstOwner(const StatefulSet& set) {
  if (!deletesWhenDeleted(set)) return std::nullopt;
  return api::newControllerRef(set.metadata, "apps/v1", "StatefulSet");
}

bool hasOtherController(const StatefulSet& set, const ObjectMeta& pod,
                        const PersistentVolumeClaim& claim) {
  if (!deletesWhenScaled(set) && !deletesWhenDeleted(set)) return false;
  const auto& owners = claim.metadata.ownerReferences;
  return std::any_of(owners.begin(), owners.end(), [&](const OwnerReference& owner) {
    if (namesSet(owner, set)) return owner.uid != set.metadata.uid;
    if (namesPod(owner, pod.name)) return owner.uid != pod.uid;
    return owner.controller.value_or(false);
  });
}

std::optional<std::vector<OwnerReference>> correctOwners(const StatefulSet& set,
                                                         const ObjectMeta& pod, int32_t ordinal,
                                                         const PersistentVolumeClaim& claim) {
  const auto& owners = claim.metadata.ownerReferences;
  const bool ofBefore = std::any_of(owners.begin(), owners.end(), [&](const OwnerReference& o) {
    return (namesSet(o, set) && o.uid != set.metadata.uid) ||
           (namesPod(o, pod.name) && o.uid != pod.uid);
  });
  if (ofBefore) return std::nullopt;
  auto wanted = wantedOwner(set, pod, ordinal);
  if (hasOtherController(set, pod, claim)) wanted.reset();
  std::vector<OwnerReference> next;
  size_t ours = 0;
  bool right = false;
  for (const auto& owner : owners) {
    if (!namesSet(owner, set) && !namesPod(owner, pod.name)) {
      next.push_back(owner);
      continue;
    }
    ++ours;
    right = wanted && owner.uid == wanted->uid && owner.controller.value_or(false);
  }
  if (wanted ? ours == 1 && right : ours == 0) return std::nullopt;
  if (wanted) next.push_back(std::move(*wanted));
  return next;
}

bool isStale(const StatefulSet& set, const std::string& podName,
             const PersistentVolumeClaim& claim) {
  if (!deletesWhenScaled(set)) return false;
  const auto& owners = claim.metadata.ownerReferences;
  return std::any_of(owners.begin(), owners.end(),
                     [&podName](const OwnerReference& owner) { return namesPod(owner, podName); });
}

}  // namespace coxswain::controllers::statefulset
