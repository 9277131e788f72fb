#pragma once

#include <string>
#include <string_view>

namespace coxswain::api {

namespace core::v1 {
struct PersistentVolume;
struct PersistentVolumeClaim;
}  // namespace core::v1

// What binder, scheduler and provisioners tell each other by annotations of claims and volumes.
inline constexpr std::string_view kBindCompletedAnnotation = "pv.kubernetes.io/bind-completed";
inline constexpr std::string_view kBoundByControllerAnnotation =
    "pv.kubernetes.io/bound-by-controller";
inline constexpr std::string_view kSelectedNodeAnnotation = "volume.kubernetes.io/selected-node";

/// The storage class by annotation or spec; "": none.
std::string storageClassOf(const core::v1::PersistentVolumeClaim& claim);
std::string storageClassOf(const core::v1::PersistentVolume& volume);

/// The binder is done with the claim: it names its volume, and this was noted.
bool isFullyBound(const core::v1::PersistentVolumeClaim& claim);

/// spec.claimRef names the claim; without a uid it is for whoever has the name.
bool isClaimedBy(const core::v1::PersistentVolume& volume,
                 const core::v1::PersistentVolumeClaim& claim);

/// A free volume has the size, mode, access modes, class and labels that the claim asks for.
bool suits(const core::v1::PersistentVolume& volume, const core::v1::PersistentVolumeClaim& claim);

}  // namespace coxswain::api
