#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "base/result.h"

namespace coxswain::controllers::localpath {

/// Who makes volumes out of folders of a node. One a node.
struct LocalPathOptions {
  std::string provisioner = "coxswain.dev/local-path";
  std::string className = "local-path";
  std::string nodeName;
  std::string root;  ///< folder of the volumes' folders, on this node
};

/// PersistentVolumes that provisioners made have it until their data are gone.
inline constexpr const char* kFinalizer = "external-provisioner.volume.kubernetes.io/finalizer";

/// "pvc-<uid of the claim>".
std::string volumeNameOf(const api::core::v1::PersistentVolumeClaim& claim);
/// The volume that a folder of volumeFor is named after; empty: it is no such folder.
std::string volumeOf(const std::string& folder);
/// What the claim asks for can be given. BadRequest: not by folders.
Status checkClaim(const api::core::v1::PersistentVolumeClaim& claim);
/// The volume of a claim: a local one of this node, in "<root>/<volume>_<namespace>_<claim>".
api::core::v1::PersistentVolume volumeFor(const api::core::v1::PersistentVolumeClaim& claim,
                                          const api::storage::v1::StorageClass& storageClass,
                                          const LocalPathOptions& options);
/// The folder of a volume that we made. BadRequest where the volume names any other: what is not
/// right below `root` and called after the volume is never removed.
Result<std::string> folderOf(const api::core::v1::PersistentVolume& volume,
                             const LocalPathOptions& options);
/// It is of this provisioner, and of this node.
bool isOurs(const api::core::v1::PersistentVolume& volume, const LocalPathOptions& options);
/// The class that claims get: binds with the first pod, deletes with the claim.
api::storage::v1::StorageClass storageClassOf(const LocalPathOptions& options, bool isDefault);

}  // namespace coxswain::controllers::localpath
