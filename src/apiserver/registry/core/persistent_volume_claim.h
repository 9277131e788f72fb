#pragma once

namespace coxswain::api::core::v1 {
struct PersistentVolumeClaim;
}

namespace coxswain::apiserver {

/// Defaults of a claim, also of those in volumeClaimTemplates.
void setPersistentVolumeClaimDefaults(api::core::v1::PersistentVolumeClaim& claim);

}  // namespace coxswain::apiserver
