#include "api/helpers/volumes.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
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

core::v1::ObjectReference claimReference(const core::v1::PersistentVolumeClaim& claim) {
  core::v1::ObjectReference reference;
  reference.kind = "PersistentVolumeClaim";
  reference.apiVersion = "v1";
  reference.namespace_ = claim.metadata.namespace_;
  reference.name = claim.metadata.name;
  reference.uid = claim.metadata.uid;
  reference.resourceVersion = claim.metadata.resourceVersion;
  return reference;
}

bool suits(const core::v1::PersistentVolume& volume, const core::v1::PersistentVolumeClaim& claim) {
  return fits(volume, claim) && storageClassOf(volume) == storageClassOf(claim) &&
         volume.spec.volumeMode.value_or("Filesystem") ==
             claim.spec.volumeMode.value_or("Filesystem") &&
         volume.spec.volumeAttributesClassName.value_or("") ==
             claim.spec.volumeAttributesClassName.value_or("") &&
         hasModes(volume, claim) && isSelected(volume, claim);
}

std::string claimNameOf(const core::v1::Pod& pod, const core::v1::Volume& volume) {
  const auto& source = volume.volumeSource;
  if (source.persistentVolumeClaim) return source.persistentVolumeClaim->claimName;
  if (source.ephemeral) return pod.metadata.name + "-" + volume.name;
  return "";
}

std::vector<std::string> claimKeysOf(const core::v1::Pod& pod) {
  std::vector<std::string> keys;
  for (const auto& volume : pod.spec.volumes) {
    auto name = claimNameOf(pod, volume);
    if (!name.empty()) keys.push_back(pod.metadata.namespace_ + "/" + name);
  }
  return keys;
}

std::string claimKeyOf(const core::v1::PersistentVolume& volume) {
  const auto& reference = volume.spec.claimRef;
  return reference ? reference->namespace_ + "/" + reference->name : "";
}

Status checkClaimIsForPod(const core::v1::Pod& pod, const core::v1::PersistentVolumeClaim& claim) {
  if (claim.metadata.namespace_ == pod.metadata.namespace_ &&
      isControlledBy(claim.metadata, pod.metadata)) {
    return {};
  }
  return badRequest("PVC " + objectKey(claim.metadata) + " was not created for pod " +
                    objectKey(pod.metadata) + " (pod is not owner)");
}

bool hasStorageClass(const core::v1::PersistentVolumeClaim& claim) {
  return claim.spec.storageClassName || claim.metadata.annotations.contains(kClassAnnotation);
}

bool isDefaultClass(const storage::v1::StorageClass& storageClass) {
  for (std::string_view name : {"storageclass.kubernetes.io/is-default-class",
                                "storageclass.beta.kubernetes.io/is-default-class"}) {
    const auto* value = storageClass.metadata.annotations.get(name);
    if (value != nullptr && *value == "true") return true;
  }
  return false;
}

bool waitsForFirstConsumer(const storage::v1::StorageClass& storageClass) {
  return storageClass.volumeBindingMode == "WaitForFirstConsumer";
}

}  // namespace coxswain::api
