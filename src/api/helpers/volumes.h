#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coxswain::api {

namespace core::v1 {
struct ObjectReference;
struct PersistentVolume;
struct PersistentVolumeClaim;
struct Pod;
struct Volume;
}  // namespace core::v1
namespace storage::v1 {
struct StorageClass;
}

// What binder, scheduler and provisioners tell each other by annotations of claims and volumes.
inline constexpr std::string_view kBindCompletedAnnotation = "pv.kubernetes.io/bind-completed";
inline constexpr std::string_view kBoundByControllerAnnotation =
    "pv.kubernetes.io/bound-by-controller";
inline constexpr std::string_view kSelectedNodeAnnotation = "volume.kubernetes.io/selected-node";
inline constexpr std::string_view kProvisionedByAnnotation = "pv.kubernetes.io/provisioned-by";
inline constexpr std::string_view kMigratedToAnnotation = "pv.kubernetes.io/migrated-to";
inline constexpr std::string_view kProvisionerAnnotation =
    "volume.kubernetes.io/storage-provisioner";
inline constexpr std::string_view kBetaProvisionerAnnotation =
    "volume.beta.kubernetes.io/storage-provisioner";

/// The storage class by annotation or spec; "": none.
std::string storageClassOf(const core::v1::PersistentVolumeClaim& claim);
std::string storageClassOf(const core::v1::PersistentVolume& volume);

/// The binder is done with the claim: it names its volume, and this was noted.
bool isFullyBound(const core::v1::PersistentVolumeClaim& claim);

/// spec.claimRef names the claim; without a uid it is for whoever has the name.
bool isClaimedBy(const core::v1::PersistentVolume& volume,
                 const core::v1::PersistentVolumeClaim& claim);

/// What spec.claimRef of the claim's volume is.
core::v1::ObjectReference claimReference(const core::v1::PersistentVolumeClaim& claim);

/// A free volume has the size, mode, access modes, class and labels that the claim asks for.
bool suits(const core::v1::PersistentVolume& volume, const core::v1::PersistentVolumeClaim& claim);

/// The claim that a volume of the pod is of; an ephemeral one's is "<pod>-<volume>". Empty: none.
std::string claimNameOf(const core::v1::Pod& pod, const core::v1::Volume& volume);
/// "namespace/name" of the claims of all its volumes.
std::vector<std::string> claimKeysOf(const core::v1::Pod& pod);
/// "namespace/name" of spec.claimRef; empty: it has none.
std::string claimKeyOf(const core::v1::PersistentVolume& volume);
/// A claim that an ephemeral volume needs is the pod's own. BadRequest in upstream's words.
Status checkClaimIsForPod(const core::v1::Pod& pod, const core::v1::PersistentVolumeClaim& claim);

/// It says something of a class, be it that it wants none ("").
bool hasStorageClass(const core::v1::PersistentVolumeClaim& claim);
/// For claims that say nothing.
bool isDefaultClass(const storage::v1::StorageClass& storageClass);
bool waitsForFirstConsumer(const storage::v1::StorageClass& storageClass);

}  // namespace coxswain::api
