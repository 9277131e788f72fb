#pragma once

#include <string_view>

#include "api/gen/core_v1.h"

namespace coxswain::controllers::persistentvolume {

/// The CSI driver that serves what a provisioner of Kubernetes itself ("kubernetes.io/aws-ebs")
/// once did; empty: there is none.
std::string_view migratedTo(std::string_view provisioner);

/// The driver that took over a volume of this kind; empty: the volume is none such.
std::string_view migratedSource(const api::core::v1::PersistentVolumeSource& source);

/// Sets or removes pv.kubernetes.io/migrated-to by who provisions the claim, or did the volume, and
/// takes kubernetes.io/pv-controller from the finalizers of volumes that are deleted elsewhere.
/// True: something changed.
bool mendMigration(api::core::v1::PersistentVolumeClaim& claim);
bool mendMigration(api::core::v1::PersistentVolume& volume);

}  // namespace coxswain::controllers::persistentvolume
