// Volumes: of the core group and storage.k8s.io.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::core::v1;     // NOLINT
using namespace api::storage::v1;  // NOLINT

constexpr std::string_view kBetaClass = "volume.beta.kubernetes.io/storage-class";

std::string accessModes(const std::vector<std::string>& modes) {
  constexpr std::pair<std::string_view, std::string_view> kShort[] = {{"ReadWriteOnce", "RWO"},
                                                                      {"ReadOnlyMany", "ROX"},
                                                                      {"ReadWriteMany", "RWX"},
                                                                      {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> out;
  for (const auto& [mode, text] : kShort) {
    if (std::ranges::find(modes, mode) != modes.end()) out.emplace_back(text);
  }
  return join(out, ",");
}

constexpr Column kVolumeColumns[] = {
    kName,      {"Capacity"}, {"Access Modes"},  {"Reclaim Policy"},
    {"Status"}, {"Claim"},    {"StorageClass"},  {"VolumeAttributesClass"},
    {"Reason"}, kAge,         wide("VolumeMode")};

void printVolume(const PersistentVolume& volume, Row& row) {
  const auto& spec = volume.spec;
  const api::Quantity* storage = spec.capacity.get("storage");
  const std::string* beta = volume.metadata.annotations.get(kBetaClass);
  row.text(volume.metadata.name)
      .text(storage ? storage->str() : "0")
      .text(accessModes(spec.accessModes))
      .text(spec.persistentVolumeReclaimPolicy)
      .text(volume.metadata.deletionTimestamp ? "Terminating" : volume.status.phase)
      .text(spec.claimRef ? spec.claimRef->namespace_ + "/" + spec.claimRef->name : "")
      .text(beta ? *beta : spec.storageClassName)
      .text(spec.volumeAttributesClassName.value_or("<unset>"))
      .text(volume.status.reason)
      .age(volume.metadata)
      .text(spec.volumeMode.value_or("<unset>"));
}

constexpr Column kClaimColumns[] = {kName,
                                    {"Status"},
                                    {"Volume"},
                                    {"Capacity"},
                                    {"Access Modes"},
                                    {"StorageClass"},
                                    {"VolumeAttributesClass"},
                                    kAge,
                                    wide("VolumeMode")};

void printClaim(const PersistentVolumeClaim& claim, Row& row) {
  std::string capacity;
  std::string modes;
  if (!claim.spec.volumeName.empty()) {
    const api::Quantity* storage = claim.status.capacity.get("storage");
    capacity = storage ? storage->str() : "0";
    modes = accessModes(claim.status.accessModes);
  }
  const std::string* beta = claim.metadata.annotations.get(kBetaClass);
  row.text(claim.metadata.name)
      .text(claim.metadata.deletionTimestamp ? "Terminating" : claim.status.phase)
      .text(claim.spec.volumeName)
      .text(capacity)
      .text(modes)
      .text(beta ? *beta : claim.spec.storageClassName.value_or(""))
      .text(claim.spec.volumeAttributesClassName.value_or("<unset>"))
      .age(claim.metadata)
      .text(claim.spec.volumeMode.value_or("<unset>"));
}

constexpr Column kStorageClassColumns[] = {
    kName, {"Provisioner"}, {"ReclaimPolicy"}, {"VolumeBindingMode"}, {"AllowVolumeExpansion"},
    kAge};

void printStorageClass(const StorageClass& object, Row& row) {
  std::string name = object.metadata.name;
  for (const char* key : {"storageclass.kubernetes.io/is-default-class",
                          "storageclass.beta.kubernetes.io/is-default-class"}) {
    const std::string* value = object.metadata.annotations.get(key);
    if (!value || *value != "true") continue;
    name += " (default)";
    break;
  }
  row.text(name)
      .text(object.provisioner)
      .text(object.reclaimPolicy.value_or("Delete"))
      .text(object.volumeBindingMode.value_or("Immediate"))
      .flag(object.allowVolumeExpansion.value_or(false))
      .age(object.metadata);
}

constexpr Column kAttributesClassColumns[] = {kName, {"DriverName"}, kAge};
void printAttributesClass(const VolumeAttributesClass& object, Row& row) {
  row.text(object.metadata.name).text(object.driverName).age(object.metadata);
}

constexpr Column kAttachmentColumns[] = {
    kName, {"Attacher", "string", "name"}, {"PV"}, {"Node"}, boolean("Attached"), kAge};
void printAttachment(const VolumeAttachment& object, Row& row) {
  row.text(object.metadata.name)
      .text(object.spec.attacher)
      .text(object.spec.source.persistentVolumeName.value_or(""))
      .text(object.spec.nodeName)
      .flag(object.status.attached)
      .age(object.metadata);
}

constexpr Column kCsiNodeColumns[] = {kName, integer("Drivers"), kAge};
void printCsiNode(const CSINode& object, Row& row) {
  row.text(object.metadata.name)
      .number(static_cast<int64_t>(object.spec.drivers.size()))
      .age(object.metadata);
}

constexpr Column kCsiDriverColumns[] = {kName,
                                        boolean("AttachRequired"),
                                        boolean("PodInfoOnMount"),
                                        boolean("StorageCapacity"),
                                        {"TokenRequests"},
                                        boolean("RequiresRepublish"),
                                        {"Modes"},
                                        kAge};

void printCsiDriver(const CSIDriver& driver, Row& row) {
  const auto& spec = driver.spec;
  std::vector<std::string> audiences;
  for (const auto& request : spec.tokenRequests) audiences.push_back(request.audience);
  row.text(driver.metadata.name)
      .flag(spec.attachRequired.value_or(true))
      .flag(spec.podInfoOnMount.value_or(false))
      .flag(spec.storageCapacity.value_or(false))
      .text(audiences.empty() ? "<unset>" : join(audiences, ","))
      .flag(spec.requiresRepublish.value_or(false))
      .textOr(join(spec.volumeLifecycleModes, ","), "<none>")
      .age(driver.metadata);
}

constexpr Column kCapacityColumns[] = {kName, {"StorageClassName"}, {"Capacity"}};
void printCapacity(const CSIStorageCapacity& object, Row& row) {
  row.text(object.metadata.name)
      .text(object.storageClassName)
      .text(object.capacity ? object.capacity->str() : "<unset>");
}

}  // namespace

std::span<const Printer> storagePrinters() {
  static const Printer all[] = {
      printer<PersistentVolume, printVolume>(kVolumeColumns),
      printer<PersistentVolumeClaim, printClaim>(kClaimColumns),
      printer<StorageClass, printStorageClass>(kStorageClassColumns),
      printer<VolumeAttributesClass, printAttributesClass>(kAttributesClassColumns),
      printer<VolumeAttachment, printAttachment>(kAttachmentColumns),
      printer<CSINode, printCsiNode>(kCsiNodeColumns),
      printer<CSIDriver, printCsiDriver>(kCsiDriverColumns),
      printer<CSIStorageCapacity, printCapacity>(kCapacityColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
