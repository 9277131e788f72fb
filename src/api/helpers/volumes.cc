#include "api/helpers/volumes.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/select/labels.h"

namespace coxswain::api {

namespace {

constexpr std::string_view kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

bool fits(const core::v1::PersistentVolume& volume, const core::v1::PersistentVolumeClaim& claim) {
  const auto* have = volume.spec.capacity.get("storage");
  const auto* want = claim.spec.resources.requests.get("storage");
  if (want == nullptr) return true;
  return have != nullptr && !(*have < *want);
}

bool hasModes(const core::v1::PersistentVolume& volume,
              const core::v1::PersistentVolumeClaim& claim) {
  const auto& have = volume.spec.accessModes;
  return std::all_of(claim.spec.accessModes.begin(), claim.spec.accessModes.end(),
                     [&](const std::string& mode) {
                       return std::find(have.begin(), have.end(), mode) != have.end();
                     });
}

bool isSelected(const core::v1::PersistentVolume& volume,
                const core::v1::PersistentVolumeClaim& claim) {
  if (!claim.spec.selector) return true;
  const auto selector = LabelSelector::from(claim.spec.selector.get());
  return selector.ok() && selector->matches(volume.metadata.labels);
}

}  // namespace

std::string storageClassOf(const core::v1::PersistentVolumeClaim& claim) {
  const auto* old = claim.metadata.annotations.get(kClassAnnotation);
  return old != nullptr ? *old : claim.spec.storageClassName.value_or("");
}

std::string storageClassOf(const core::v1::PersistentVolume& volume) {
  const auto* old = volume.metadata.annotations.get(kClassAnnotation);
  return old != nullptr ? *old : volume.spec.storageClassName;
}

bool isFullyBound(const core::v1::PersistentVolumeClaim& claim) {
  return !claim.spec.volumeName.empty() &&
         claim.metadata.annotations.contains(kBindCompletedAnnotation);
}

bool isClaimedBy(const core::v1::PersistentVolume& volume,
                 const core::v1::PersistentVolumeClaim& claim) {
  const auto& reference = volume.spec.claimRef;
  return reference && reference->name == claim.metadata.name &&
         reference->namespace_ == claim.metadata.namespace_ &&
         (reference->uid.empty() || reference->uid == claim.metadata.uid);
}

bool suits(const core::v1::PersistentVolume& volume, const core::v1::PersistentVolumeClaim& claim) {
  return fits(volume, claim) && storageClassOf(volume) == storageClassOf(claim) &&
         volume.spec.volumeMode.value_or("Filesystem") ==
             claim.spec.volumeMode.value_or("Filesystem") &&
         volume.spec.volumeAttributesClassName.value_or("") ==
             claim.spec.volumeAttributesClassName.value_or("") &&
         hasModes(volume, claim) && isSelected(volume, claim);
}

}  // namespace coxswain::api
