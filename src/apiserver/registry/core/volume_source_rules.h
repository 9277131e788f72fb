#pragma once

#include "api/gen/core_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver::volume_sources {

// What each kind of volume must have, in pods and in persistent volumes: the fields that are
// needed, ranges and forms. `path` is that of the source. Stateless, any thread.

using api::FieldErrors;
using api::FieldPath;
namespace v1 = api::core::v1;

void check(const v1::HostPathVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::GCEPersistentDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::AWSElasticBlockStoreVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::GitRepoVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::NFSVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::ISCSIVolumeSource& source, const FieldPath& path, FieldErrors& errors);
/// `volume`: the name of the persistent volume, which makes a part of the initiator's name.
void check(const v1::ISCSIPersistentVolumeSource& source, std::string_view volume,
           const FieldPath& path, FieldErrors& errors);
void check(const v1::GlusterfsVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::GlusterfsPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::FlockerVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::RBDVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::RBDPersistentVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::QuobyteVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::CephFSVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::CephFSPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::CinderVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::CinderPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::FCVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::FlexVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::FlexPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::AzureFileVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::AzureFilePersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::AzureDiskVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::VsphereVirtualDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::PhotonPersistentDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::PortworxVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::ScaleIOVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::ScaleIOPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::StorageOSVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::StorageOSPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors);
void check(const v1::LocalVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::CSIVolumeSource& source, const FieldPath& path, FieldErrors& errors);
void check(const v1::CSIPersistentVolumeSource& source, const FieldPath& path, FieldErrors& errors);

}  // namespace coxswain::apiserver::volume_sources
