#include "controllers/persistentvolume/match.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/select/labels.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::PersistentVolumeClaimStatus;

namespace {

constexpr std::string_view kClassAnnotation = "volume.beta.kubernetes.io/storage-class";
constexpr std::string_view kStorage = "storage";

api::Quantity storageIn(const api::Map<api::Quantity>& resources) {
  const auto* amount = resources.get(kStorage);
  return amount == nullptr ? api::Quantity() : *amount;
}

bool selects(const PersistentVolumeClaim& claim, const PersistentVolume& volume) {
  if (!claim.spec.selector) return true;
  auto selector = api::LabelSelector::from(claim.spec.selector.get());
  return selector.ok() && selector->matches(volume.metadata.labels);
}

}  // namespace

std::string classOf(const PersistentVolumeClaim& claim) {
  const auto* old = claim.metadata.annotations.get(kClassAnnotation);
  return old != nullptr ? *old : claim.spec.storageClassName.value_or("");
}

std::string classOf(const PersistentVolume& volume) {
  const auto* old = volume.metadata.annotations.get(kClassAnnotation);
  return old != nullptr ? *old : volume.spec.storageClassName;
}

bool refersTo(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const auto& reference = volume.spec.claimRef;
  if (!reference || reference->name != claim.metadata.name ||
      reference->namespace_ != claim.metadata.namespace_) {
    return false;
  }
  return reference->uid.empty() || reference->uid == claim.metadata.uid;
}

std::string mismatch(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (storageIn(volume.spec.capacity) < storageIn(claim.spec.resources.requests)) {
    return "requested PV is too small";
  }
  if (classOf(volume) != classOf(claim)) return "storageClassName does not match";
  if (volume.spec.volumeMode.value_or("Filesystem") !=
      claim.spec.volumeMode.value_or("Filesystem")) {
    return "incompatible volumeMode";
  }
  const auto& have = volume.spec.accessModes;
  const bool modes = std::all_of(claim.spec.accessModes.begin(), claim.spec.accessModes.end(),
                                 [&have](const auto& mode) {
                                   return std::find(have.begin(), have.end(), mode) != have.end();
                                 });
  return modes ? "" : "incompatible accessMode";
}

VolumePointer bestVolume(const std::vector<VolumePointer>& volumes,
                         const PersistentVolumeClaim& claim) {
  VolumePointer best;
  const auto wanted = storageIn(claim.spec.resources.requests);
  for (const auto& volume : volumes) {
    if (volume->metadata.deletionTimestamp) continue;
    if (refersTo(*volume, claim)) {
      if (storageIn(volume->spec.capacity) < wanted) continue;
      return volume;
    }
    if (volume->spec.claimRef || volume->status.phase != "Available") continue;
    if (!mismatch(*volume, claim).empty() || !selects(claim, *volume)) continue;
    const auto size = storageIn(volume->spec.capacity);
    const auto least = best ? storageIn(best->spec.capacity) : size;
    const bool better =
        !best || size < least || (size == least && volume->metadata.name < best->metadata.name);
    if (better) best = volume;
  }
  return best;
}

PersistentVolume boundVolume(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  PersistentVolume next = volume;
  const bool chosen = !volume.spec.claimRef;
  auto& reference = next.spec.claimRef.getOrCreate();
  if (reference.uid == claim.metadata.uid) return next;
  reference.kind = "PersistentVolumeClaim";
  reference.apiVersion = "v1";
  reference.namespace_ = claim.metadata.namespace_;
  reference.name = claim.metadata.name;
  reference.uid = claim.metadata.uid;
  reference.resourceVersion = claim.metadata.resourceVersion;
  if (chosen) next.metadata.annotations[kBoundByController] = "yes";
  return next;
}

PersistentVolumeClaim boundClaim(const PersistentVolumeClaim& claim,
                                 const PersistentVolume& volume) {
  PersistentVolumeClaim next = claim;
  if (next.spec.volumeName.empty()) {
    next.spec.volumeName = volume.metadata.name;
    next.metadata.annotations[kBoundByController] = "yes";
  }
  next.metadata.annotations[kBindCompleted] = "yes";
  return next;
}

PersistentVolumeClaimStatus boundStatus(const PersistentVolumeClaim& claim,
                                        const PersistentVolume& volume) {
  PersistentVolumeClaimStatus status = claim.status;
  // What a resize made of it later is not ours to change.
  const bool first = status.phase != "Bound";
  status.phase = "Bound";
  status.accessModes = volume.spec.accessModes;
  const auto* size = volume.spec.capacity.get(kStorage);
  if (size != nullptr && (first || !status.capacity.contains(kStorage))) {
    status.capacity[kStorage] = *size;
  }
  return status;
}

}  // namespace coxswain::controllers::persistentvolume
