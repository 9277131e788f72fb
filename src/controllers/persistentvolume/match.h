#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/result.h"

namespace coxswain::controllers::persistentvolume {

using VolumePointer = std::shared_ptr<const api::core::v1::PersistentVolume>;
using ClaimPointer = std::shared_ptr<const api::core::v1::PersistentVolumeClaim>;

/// It has the size, modes and classes that the claim asks for. Empty: it has; else what it lacks.
std::string mismatch(const api::core::v1::PersistentVolume& volume,
                     const api::core::v1::PersistentVolumeClaim& claim);
/// One is a block device, the other a file system.
bool modesDiffer(const api::core::v1::PersistentVolume& volume,
                 const api::core::v1::PersistentVolumeClaim& claim);

/// The volume that a claim gets. Those with the fewest access modes come first; among them one that
/// was made for this claim, or else the smallest free one that is enough. `madeForItOnly`: others
/// are not for us to give. Null: none. BadRequest for a selector that makes no sense.
Result<VolumePointer> bestVolume(const std::vector<VolumePointer>& volumes,
                                 const api::core::v1::PersistentVolumeClaim& claim,
                                 bool madeForItOnly);

/// The volume bound to the claim; unchanged where it is so.
api::core::v1::PersistentVolume boundVolume(const api::core::v1::PersistentVolume& volume,
                                            const api::core::v1::PersistentVolumeClaim& claim);
/// The volume without the claim: what the controller gave is taken back, what people wrote loses
/// its uid only.
api::core::v1::PersistentVolume unboundVolume(const api::core::v1::PersistentVolume& volume);
/// The claim bound to the volume, without its status.
api::core::v1::PersistentVolumeClaim boundClaim(const api::core::v1::PersistentVolumeClaim& claim,
                                                const api::core::v1::PersistentVolume& volume);
/// Its status then. BadRequest where the volume has no size.
Result<api::core::v1::PersistentVolumeClaimStatus> boundStatus(
    const api::core::v1::PersistentVolumeClaim& claim,
    const api::core::v1::PersistentVolume& volume);

}  // namespace coxswain::controllers::persistentvolume
