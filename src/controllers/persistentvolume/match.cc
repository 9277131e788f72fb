#include "controllers/persistentvolume/match.h"

#include <algorithm>
#include <tuple>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "api/select/labels.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::PersistentVolumeClaimStatus;

namespace {

constexpr std::string_view kStorage = "storage";

api::Quantity storageIn(const api::Map<api::Quantity>& resources) {
  const auto* amount = resources.get(kStorage);
  return amount == nullptr ? api::Quantity() : *amount;
}

bool hasModes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const auto& have = volume.spec.accessModes;
  return std::all_of(claim.spec.accessModes.begin(), claim.spec.accessModes.end(),
                     [&have](const auto& mode) {
                       return std::find(have.begin(), have.end(), mode) != have.end();
                     });
}

bool attributesDiffer(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.volumeAttributesClassName.value_or("") !=
         claim.spec.volumeAttributesClassName.value_or("");
}

/// Better volumes come first.
auto rank(const PersistentVolume& volume, bool madeForIt) {
  auto modes = volume.spec.accessModes;
  std::sort(modes.begin(), modes.end());
  modes.erase(std::unique(modes.begin(), modes.end()), modes.end());
  const size_t count = modes.size();
  return std::tuple(count, std::move(modes), !madeForIt, storageIn(volume.spec.capacity),
                    std::string_view(volume.metadata.name));
}

}  // namespace

bool modesDiffer(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.volumeMode.value_or("Filesystem") !=
         claim.spec.volumeMode.value_or("Filesystem");
}

std::string mismatch(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (storageIn(volume.spec.capacity) < storageIn(claim.spec.resources.requests)) {
    return "requested PV is too small";
  }
  if (api::storageClassOf(volume) != api::storageClassOf(claim))
    return "storageClassName does not match";
  if (attributesDiffer(volume, claim)) return "volumeAttributesClassName does not match";
  if (modesDiffer(volume, claim)) return "incompatible volumeMode";
  return hasModes(volume, claim) ? "" : "incompatible accessMode";
}

Result<VolumePointer> bestVolume(const std::vector<VolumePointer>& volumes,
                                 const PersistentVolumeClaim& claim, bool madeForItOnly) {
  std::optional<api::LabelSelector> selector;
  if (claim.spec.selector) {
    auto parsed = api::LabelSelector::from(claim.spec.selector.get());
    if (!parsed.ok()) {
      return badRequest("error creating internal label selector for claim: " +
                        api::objectKey(claim.metadata) + ": " + parsed.status().message());
    }
    selector = std::move(*parsed);
  }
  const auto wanted = storageIn(claim.spec.resources.requests);
  const auto className = api::storageClassOf(claim);
  VolumePointer best;
  bool bestIsMadeForIt = false;
  for (const auto& volume : volumes) {
    const bool madeForIt = api::isClaimedBy(*volume, claim);
    if (volume->spec.claimRef && !madeForIt) continue;
    if (volume->metadata.deletionTimestamp || !hasModes(*volume, claim) ||
        storageIn(volume->spec.capacity) < wanted || modesDiffer(*volume, claim) ||
        attributesDiffer(*volume, claim)) {
      continue;
    }
    if (!madeForIt) {
      if (madeForItOnly || volume->status.phase != "Available") continue;
      if (selector && !selector->matches(volume->metadata.labels)) continue;
      if (api::storageClassOf(*volume) != className) continue;
    }
    if (best && rank(*best, bestIsMadeForIt) < rank(*volume, madeForIt)) continue;
    best = volume;
    bestIsMadeForIt = madeForIt;
  }
  return best;
}

PersistentVolume boundVolume(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  PersistentVolume next = volume;
  const bool chosen = !api::isClaimedBy(volume, claim);
  auto& reference = next.spec.claimRef.getOrCreate();
  if (!chosen && reference.uid == claim.metadata.uid) return next;
  reference = api::claimReference(claim);
  if (chosen) next.metadata.annotations[api::kBoundByControllerAnnotation] = "yes";
  return next;
}

PersistentVolume unboundVolume(const PersistentVolume& volume) {
  PersistentVolume next = volume;
  if (next.metadata.annotations.erase(api::kBoundByControllerAnnotation) > 0) {
    next.spec.claimRef = nullptr;
  } else if (next.spec.claimRef) {
    next.spec.claimRef->uid.clear();
  }
  return next;
}

PersistentVolumeClaim boundClaim(const PersistentVolumeClaim& claim,
                                 const PersistentVolume& volume) {
  PersistentVolumeClaim next = claim;
  if (next.spec.volumeName != volume.metadata.name) {
    next.spec.volumeName = volume.metadata.name;
    next.metadata.annotations[api::kBoundByControllerAnnotation] = "yes";
  }
  next.metadata.annotations[api::kBindCompletedAnnotation] = "yes";
  return next;
}

Result<PersistentVolumeClaimStatus> boundStatus(const PersistentVolumeClaim& claim,
                                                const PersistentVolume& volume) {
  PersistentVolumeClaimStatus status = claim.status;
  status.accessModes = volume.spec.accessModes;
  if (status.phase == "Bound") return status;
  const auto* size = volume.spec.capacity.get(kStorage);
  if (size == nullptr) {
    return badRequest("PersistentVolume \"" + volume.metadata.name +
                      "\" is without a storage capacity");
  }
  // What a resize makes of it later is not ours to change.
  const auto* told = status.capacity.get(kStorage);
  if (told == nullptr || *told != *size) status.capacity = volume.spec.capacity;
  if (status.phase != "Lost") {
    status.currentVolumeAttributesClassName = volume.spec.volumeAttributesClassName;
  }
  status.phase = "Bound";
  return status;
}

}  // namespace coxswain::controllers::persistentvolume
