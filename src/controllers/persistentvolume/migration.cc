#include "controllers/persistentvolume/migration.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/helpers/volumes.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

constexpr const char* kInTreeFinalizer = "kubernetes.io/pv-controller";
constexpr std::string_view kInTreePrefix = "kubernetes.io/";

struct Row {
  std::string_view provisioner;
  std::string_view driver;
};

constexpr Row kRows[] = {
    {"kubernetes.io/aws-ebs", "ebs.csi.aws.com"},
    {"kubernetes.io/azure-disk", "disk.csi.azure.com"},
    {"kubernetes.io/azure-file", "file.csi.azure.com"},
    {"kubernetes.io/cinder", "cinder.csi.openstack.org"},
    {"kubernetes.io/gce-pd", "pd.csi.storage.gke.io"},
    {"kubernetes.io/portworx-volume", "pxd.portworx.com"},
    {"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"},
};

bool mendAnnotation(api::Map<std::string>& annotations, std::string_view provisioner) {
  const auto driver = migratedTo(provisioner);
  const auto* present = annotations.get(api::kMigratedToAnnotation);
  if (driver.empty()) return annotations.erase(api::kMigratedToAnnotation) > 0;
  if (present != nullptr && *present == driver) return false;
  annotations[api::kMigratedToAnnotation] = driver;
  return true;
}

}  // namespace

std::string_view migratedTo(std::string_view provisioner) {
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const Row& row) { return row.provisioner == provisioner; });
  return found == std::end(kRows) ? std::string_view() : found->driver;
}

std::string_view migratedSource(const api::core::v1::PersistentVolumeSource& source) {
  if (source.awsElasticBlockStore) return migratedTo("kubernetes.io/aws-ebs");
  if (source.azureDisk) return migratedTo("kubernetes.io/azure-disk");
  if (source.azureFile) return migratedTo("kubernetes.io/azure-file");
  if (source.cinder) return migratedTo("kubernetes.io/cinder");
  if (source.gcePersistentDisk) return migratedTo("kubernetes.io/gce-pd");
  if (source.portworxVolume) return migratedTo("kubernetes.io/portworx-volume");
  if (source.vsphereVolume) return migratedTo("kubernetes.io/vsphere-volume");
  return "";
}

bool mendMigration(PersistentVolumeClaim& claim) {
  auto& annotations = claim.metadata.annotations;
  const auto* provisioner = annotations.get(api::kProvisionerAnnotation);
  if (provisioner == nullptr) provisioner = annotations.get(api::kBetaProvisionerAnnotation);
  return provisioner != nullptr && mendAnnotation(annotations, std::string(*provisioner));
}

bool mendMigration(PersistentVolume& volume) {
  auto& meta = volume.metadata;
  const auto* found = meta.annotations.get(api::kProvisionedByAnnotation);
  if (found == nullptr) return false;
  const std::string provisioner = *found;
  bool changed = mendAnnotation(meta.annotations, provisioner);
  // It guards volumes whose data we delete; those of others have guards of their own.
  const bool ours = provisioner.starts_with(kInTreePrefix) && migratedTo(provisioner).empty();
  const bool guarded = ours && volume.spec.persistentVolumeReclaimPolicy == "Delete";
  const bool is = std::count(meta.finalizers.begin(), meta.finalizers.end(), kInTreeFinalizer) > 0;
  if (is == guarded || (guarded && meta.deletionTimestamp)) return changed;
  if (guarded) {
    meta.finalizers.emplace_back(kInTreeFinalizer);
  } else if (ours || !migratedTo(provisioner).empty()) {
    std::erase(meta.finalizers, kInTreeFinalizer);
  } else {
    return changed;
  }
  return true;
}

}  // namespace coxswain::controllers::persistentvolume
