#include "controllers/localpath/folder.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/volumes.h"
#include "runtime/files.h"

namespace coxswain::controllers::localpath {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;

namespace {

constexpr const char* kHostname = "kubernetes.io/hostname";
constexpr size_t kFileNameMax = 255;

std::string folderName(const PersistentVolumeClaim& claim) {
  auto name = volumeNameOf(claim) + "_" + claim.metadata.namespace_ + "_" + claim.metadata.name;
  return name.substr(0, kFileNameMax);
}

}  // namespace

std::string volumeNameOf(const PersistentVolumeClaim& claim) {
  return "pvc-" + claim.metadata.uid;
}

std::string volumeOf(const std::string& folder) {
  const auto end = folder.find('_');
  if (!folder.starts_with("pvc-") || end == std::string::npos) return "";
  return folder.substr(0, end);
}

Status checkClaim(const PersistentVolumeClaim& claim) {
  if (claim.spec.selector) return badRequest("claim.Spec.Selector is not supported");
  if (claim.spec.volumeMode == "Block") return badRequest("block volumes are not supported");
  if (claim.spec.dataSource || claim.spec.dataSourceRef) {
    return badRequest("volumes that begin with data of another are not supported");
  }
  const bool shared = std::any_of(
      claim.spec.accessModes.begin(), claim.spec.accessModes.end(),
      [](const auto& mode) { return mode != "ReadWriteOnce" && mode != "ReadWriteOncePod"; });
  if (shared) return badRequest("NodePath only supports ReadWriteOnce and ReadWriteOncePod");
  return {};
}

PersistentVolume volumeFor(const PersistentVolumeClaim& claim, const StorageClass& storageClass,
                           const LocalPathOptions& options) {
  PersistentVolume volume;
  volume.metadata.name = volumeNameOf(claim);
  volume.metadata.annotations[api::kProvisionedByAnnotation] = options.provisioner;
  volume.metadata.finalizers = {kFinalizer};
  auto& spec = volume.spec;
  spec.persistentVolumeReclaimPolicy = storageClass.reclaimPolicy.value_or("Delete");
  spec.accessModes = claim.spec.accessModes;
  spec.volumeMode = "Filesystem";
  spec.storageClassName = storageClass.metadata.name;
  spec.mountOptions = storageClass.mountOptions;
  if (const auto* size = claim.spec.resources.requests.get("storage")) {
    spec.capacity["storage"] = *size;
  }
  spec.claimRef.getOrCreate() = api::claimReference(claim);
  spec.persistentVolumeSource.local.getOrCreate().path = joinPath(options.root, folderName(claim));
  auto& term =
      spec.nodeAffinity.getOrCreate().required.getOrCreate().nodeSelectorTerms.emplace_back();
  auto& here = term.matchExpressions.emplace_back();
  here.key = kHostname;
  here.operator_ = "In";
  here.values = {options.nodeName};
  return volume;
}

Result<std::string> folderOf(const PersistentVolume& volume, const LocalPathOptions& options) {
  const auto& local = volume.spec.persistentVolumeSource.local;
  const std::string path = local ? local->path : "";
  const bool ours = !options.root.empty() && parentPath(path) == options.root &&
                    baseName(path).starts_with(volume.metadata.name + "_");
  if (!ours) return badRequest("\"" + path + "\" is no folder of this volume");
  return path;
}

bool isOurs(const PersistentVolume& volume, const LocalPathOptions& options) {
  const auto* by = volume.metadata.annotations.get(api::kProvisionedByAnnotation);
  if (by == nullptr || *by != options.provisioner) return false;
  const auto& affinity = volume.spec.nodeAffinity;
  if (!affinity || !affinity->required) return false;
  const auto& terms = affinity->required->nodeSelectorTerms;
  return terms.size() == 1 && terms[0].matchExpressions.size() == 1 &&
         terms[0].matchExpressions[0].key == kHostname &&
         terms[0].matchExpressions[0].values == std::vector<std::string>{options.nodeName};
}

StorageClass storageClassOf(const LocalPathOptions& options, bool isDefault) {
  StorageClass made;
  made.metadata.name = options.className;
  if (isDefault) made.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
  made.provisioner = options.provisioner;
  made.reclaimPolicy = "Delete";
  made.volumeBindingMode = "WaitForFirstConsumer";
  return made;
}

}  // namespace coxswain::controllers::localpath
