#pragma once

#include "api/names/field_error.h"

namespace coxswain::api::core::v1 {
struct PersistentVolumeClaim;
struct PersistentVolumeClaimSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

/// Defaults of a claim, also of those in volumeClaimTemplates.
void setPersistentVolumeClaimDefaults(api::core::v1::PersistentVolumeClaim& claim);
/// Rules of a claim's spec, also of those that volumes of pods bring along.
void validatePersistentVolumeClaimSpec(const api::core::v1::PersistentVolumeClaimSpec& spec,
                                       const api::FieldPath& path, api::FieldErrors& errors);

}  // namespace coxswain::apiserver
