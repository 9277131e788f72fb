#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace coxswain::controllers::persistentvolume {

using VolumePointer = std::shared_ptr<const api::core::v1::PersistentVolume>;
using ClaimPointer = std::shared_ptr<const api::core::v1::PersistentVolumeClaim>;

inline constexpr std::string_view kBindCompleted = "pv.kubernetes.io/bind-completed";
inline constexpr std::string_view kBoundByController = "pv.kubernetes.io/bound-by-controller";

/// The storage class by annotation or spec; "": none.
std::string classOf(const api::core::v1::PersistentVolumeClaim& claim);
std::string classOf(const api::core::v1::PersistentVolume& volume);

/// spec.claimRef names the claim; without a uid it is for whoever has the name.
bool refersTo(const api::core::v1::PersistentVolume& volume,
              const api::core::v1::PersistentVolumeClaim& claim);

/// It has the size, modes and class that the claim asks for. Empty: it has; else what it lacks.
std::string mismatch(const api::core::v1::PersistentVolume& volume,
                     const api::core::v1::PersistentVolumeClaim& claim);

/// The volume made for this claim, or else the smallest free one that is enough. Null: none.
VolumePointer bestVolume(const std::vector<VolumePointer>& volumes,
                         const api::core::v1::PersistentVolumeClaim& claim);

/// The volume bound to the claim; unchanged where it is so.
api::core::v1::PersistentVolume boundVolume(const api::core::v1::PersistentVolume& volume,
                                            const api::core::v1::PersistentVolumeClaim& claim);
/// The claim bound to the volume, without its status.
api::core::v1::PersistentVolumeClaim boundClaim(const api::core::v1::PersistentVolumeClaim& claim,
                                                const api::core::v1::PersistentVolume& volume);
/// Its status then.
api::core::v1::PersistentVolumeClaimStatus boundStatus(
    const api::core::v1::PersistentVolumeClaim& claim,
    const api::core::v1::PersistentVolume& volume);

}  // namespace coxswain::controllers::persistentvolume
