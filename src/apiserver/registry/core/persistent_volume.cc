#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/reflect/box.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/core/volume_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeSource;
using api::core::v1::PersistentVolumeSpec;
using api::core::v1::SecretReference;

namespace {

bool hasBackstep(std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return false;
}

void checkPath(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (requireText(value, path, errors)) return;
  if (hasBackstep(value)) errors.invalid(path, value, "must not contain '..'");
}

/// Names of the sources that are set.
std::vector<std::string_view> sourcesOf(const PersistentVolumeSource& source) {
  std::vector<std::string_view> names;
  for (const auto& field : PersistentVolumeSource::info().fields) {
    if (static_cast<const api::BoxBase*>(field.in(&source))->pointer) names.push_back(field.name);
  }
  return names;
}

void checkSecret(const api::Box<SecretReference>& secret, const FieldPath& path,
                 FieldErrors& errors) {
  if (!secret) return;
  requireText(secret->name, path.child("name"), errors);
  requireText(secret->namespace_, path.child("namespace"), errors);
}

void checkCsi(const api::core::v1::CSIPersistentVolumeSource& csi, const FieldPath& path,
              FieldErrors& errors) {
  const auto driver = path.child("driver");
  if (!requireText(csi.driver, driver, errors)) {
    if (csi.driver.size() > 63) errors.tooLong(driver, 63);
    std::string lower = csi.driver;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    checkDns1123Subdomain(lower, driver, errors);
  }
  requireText(csi.volumeHandle, path.child("volumeHandle"), errors);
  checkSecret(csi.controllerPublishSecretRef, path.child("controllerPublishSecretRef"), errors);
  checkSecret(csi.controllerExpandSecretRef, path.child("controllerExpandSecretRef"), errors);
  checkSecret(csi.nodePublishSecretRef, path.child("nodePublishSecretRef"), errors);
  checkSecret(csi.nodeExpandSecretRef, path.child("nodeExpandSecretRef"), errors);
}

void checkSource(const PersistentVolumeSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto& source = spec.persistentVolumeSource;
  const auto names = sourcesOf(source);
  if (names.empty()) return errors.required(path, "must specify a volume type");
  for (size_t i = 1; i < names.size(); ++i) {
    errors.forbidden(path.child(names[i]), "may not specify more than 1 volume type");
  }
  if (source.hostPath) {
    checkPath(source.hostPath->path, path.child("hostPath").child("path"), errors);
  }
  if (source.nfs) {
    const auto at = path.child("nfs");
    requireText(source.nfs->server, at.child("server"), errors);
    if (!requireText(source.nfs->path, at.child("path"), errors) &&
        !source.nfs->path.starts_with('/')) {
      errors.invalid(at.child("path"), source.nfs->path, "must be an absolute path");
    }
  }
  if (source.local) {
    checkPath(source.local->path, path.child("local").child("path"), errors);
    if (!spec.nodeAffinity || !spec.nodeAffinity->required) {
      errors.required(path.child("nodeAffinity"), "Local volume requires node affinity");
    }
  }
  if (source.csi) checkCsi(*source.csi, path.child("csi"), errors);
}

void checkCapacity(const PersistentVolumeSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.capacity.empty()) errors.required(path);
  if (!spec.capacity.contains("storage") || spec.capacity.size() > 1) {
    std::string shown = "{";
    for (const auto& [name, quantity] : spec.capacity) {
      if (shown.size() > 1) shown += ",";
      api::appendJsonQuoted(shown, name);
      shown += ":";
      api::appendJsonQuoted(shown, quantity.str());
    }
    errors.notSupported(path, api::FieldValue::json(shown + "}"), {"storage"});
  }
  for (const auto& [name, quantity] : spec.capacity) {
    if (quantity.sign() <= 0) errors.invalid(path.key(name), quantity, "must be greater than zero");
  }
}

bool isRoot(std::string_view path) {
  return !path.empty() && path.find_first_not_of("/.") == std::string_view::npos &&
         path.starts_with('/') && path.find("..") == std::string_view::npos;
}

constexpr std::string_view kNotInline = "may not be specified in the context of inline volumes";

/// What a volume that stands within another object must not have, or must have.
void checkInline(const PersistentVolumeSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.claimRef) errors.forbidden(path.child("claimRef"), kNotInline);
  if (!spec.capacity.empty()) errors.forbidden(path.child("capacity"), kNotInline);
  if (!spec.persistentVolumeSource.csi) {
    errors.required(path.child("csi"), "has to be specified in the context of inline volumes");
  }
}

void checkSpec(const PersistentVolumeSpec& spec, bool isInline, const FieldPath& path,
               FieldErrors& errors) {
  if (isInline) checkInline(spec, path, errors);
  const auto modes = path.child("accessModes");
  if (spec.accessModes.empty()) errors.required(modes);
  checkAccessModes(spec.accessModes, modes, errors);
  if (!isInline) checkCapacity(spec, path.child("capacity"), errors);
  const auto reclaim = path.child("persistentVolumeReclaimPolicy");
  if (isInline && !spec.persistentVolumeReclaimPolicy.empty()) {
    if (spec.persistentVolumeReclaimPolicy != "Retain") {
      errors.forbidden(reclaim, "may only be Retain in the context of inline volumes");
    }
  } else if (!spec.persistentVolumeReclaimPolicy.empty()) {
    checkOneOf(spec.persistentVolumeReclaimPolicy, {"Delete", "Recycle", "Retain"}, reclaim,
               errors);
  }
  const auto affinity = path.child("nodeAffinity");
  if (isInline && spec.nodeAffinity) {
    errors.forbidden(affinity, kNotInline);
  } else if (spec.nodeAffinity) {
    if (spec.nodeAffinity->required) {
      validateNodeSelector(*spec.nodeAffinity->required, affinity.child("required"), errors);
    } else {
      errors.required(affinity.child("required"), "must specify required node constraints");
    }
  }
  checkSource(spec, path, errors);
  const auto& hostPath = spec.persistentVolumeSource.hostPath;
  if (hostPath && isRoot(hostPath->path) && spec.persistentVolumeReclaimPolicy == "Recycle") {
    errors.forbidden(reclaim, "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (isInline && !spec.storageClassName.empty()) {
    errors.forbidden(path.child("storageClassName"), kNotInline);
  } else if (!spec.storageClassName.empty()) {
    checkDns1123Subdomain(spec.storageClassName, path.child("storageClassName"), errors);
  }
  if (!isInline) {
    checkVolumeMode(spec.volumeMode, path.child("volumeMode"), errors);
  } else if (spec.volumeMode && *spec.volumeMode != "Filesystem") {
    errors.forbidden(path.child("volumeMode"),
                     "may only be Filesystem in the context of inline volumes");
  }
  if (spec.volumeAttributesClassName) {
    const auto at = path.child("volumeAttributesClassName");
    if (spec.volumeAttributesClassName->empty()) {
      errors.required(at, "an empty string is disallowed");
    } else {
      checkDns1123Subdomain(*spec.volumeAttributesClassName, at, errors);
    }
    if (!spec.persistentVolumeSource.csi) {
      errors.required(path.child("csi"),
                      "has to be specified when using volumeAttributesClassName");
    }
  }
}

class PersistentVolumeStrategy final : public TypedStrategy<PersistentVolume> {
 public:
  PersistentVolumeStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void defaults(PersistentVolume& volume) const override {
    if (volume.status.phase.empty()) volume.status.phase = "Pending";
    auto& spec = volume.spec;
    if (spec.persistentVolumeReclaimPolicy.empty()) spec.persistentVolumeReclaimPolicy = "Retain";
    if (!spec.volumeMode) spec.volumeMode = "Filesystem";
    roundResources(spec.capacity);
    setPersistentVolumeSourceDefaults(spec.persistentVolumeSource);
  }
  void beforeCreate(PersistentVolume& volume) const override {
    volume.status.phase = "Pending";
    volume.status.lastPhaseTransitionTime = api::Time(wallNow());
  }
  void check(const PersistentVolume& volume, FieldErrors& errors) const override {
    checkSpec(volume.spec, false, FieldPath("spec"), errors);
  }
  void checkUpdate(const PersistentVolume& next, const PersistentVolume& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    auto allowed = current.spec.persistentVolumeSource;
    if (allowed.csi && next.spec.persistentVolumeSource.csi &&
        !allowed.csi->controllerExpandSecretRef) {
      allowed.csi->controllerExpandSecretRef =
          next.spec.persistentVolumeSource.csi->controllerExpandSecretRef;
    }
    if (!api::semanticEqual(allowed, next.spec.persistentVolumeSource)) {
      errors.forbidden(FieldPath("spec").child("persistentvolumesource"),
                       "spec.persistentvolumesource is immutable after creation");
    }
    checkImmutable(next.spec.volumeMode, current.spec.volumeMode, FieldPath("volumeMode"), errors);
    if (current.spec.nodeAffinity && !(next.spec.nodeAffinity == current.spec.nodeAffinity)) {
      errors.invalid(
          FieldPath("nodeAffinity"),
          next.spec.nodeAffinity ? asJson(*next.spec.nodeAffinity) : api::FieldValue(nullptr),
          kImmutableText);
    }
    if (current.spec.volumeAttributesClassName && !next.spec.volumeAttributesClassName) {
      errors.forbidden(FieldPath("spec").child("volumeAttributesClassName"),
                       "update from non-nil value to nil is forbidden");
    }
  }
  void beforeStatusUpdate(PersistentVolume& next, const PersistentVolume& current) const override {
    if (next.status.phase == current.status.phase) return;
    const auto& time = next.status.lastPhaseTransitionTime;
    if (!time || time == current.status.lastPhaseTransitionTime) {
      next.status.lastPhaseTransitionTime = api::Time(wallNow());
    }
  }
  void warn(const PersistentVolume& next, const PersistentVolume*,
            std::vector<std::string>& out) const override {
    const auto annotation = [&](std::string_view key, std::string_view text) {
      if (!next.metadata.annotations.contains(key)) return;
      out.push_back("metadata.annotations[" + std::string(key) + "]: " + std::string(text));
    };
    annotation("volume.beta.kubernetes.io/storage-class",
               "deprecated since v1.8; use \"storageClassName\" attribute instead");
    annotation("volume.beta.kubernetes.io/mount-options",
               "deprecated since v1.31; use \"mountOptions\" attribute instead");
    const auto& source = next.spec.persistentVolumeSource;
    const auto old = [&](bool set, std::string_view field, std::string_view text) {
      if (set) out.push_back("spec." + std::string(field) + ": " + std::string(text));
    };
    old(source.cephfs.has_value(), "cephfs", "deprecated in v1.28, non-functional in v1.31+");
    old(source.photonPersistentDisk.has_value(), "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+");
    old(source.rbd.has_value(), "rbd", "deprecated in v1.28, non-functional in v1.31+");
    old(source.scaleIO.has_value(), "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
    old(source.storageos.has_value(), "storageOS", "deprecated in v1.22, non-functional in v1.25+");
    old(source.glusterfs.has_value(), "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
    if (next.spec.persistentVolumeReclaimPolicy == "Recycle") {
      out.emplace_back(
          "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, "
          "the recommended approach is to use dynamic provisioning.");
    }
  }

 private:
  static WallTime wallNow() {
    return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  }
};

}  // namespace

void setPersistentVolumeSourceDefaults(PersistentVolumeSource& source) {
  const auto fill = [](std::string& field, const char* value) {
    if (field.empty()) field = value;
  };
  if (source.hostPath && !source.hostPath->type) source.hostPath->type.emplace();
  if (source.iscsi) fill(source.iscsi->iscsiInterface, "default");
  if (source.rbd) {
    fill(source.rbd->pool, "rbd");
    fill(source.rbd->user, "admin");
    fill(source.rbd->keyring, "/etc/ceph/keyring");
  }
  if (source.scaleIO) {
    fill(source.scaleIO->storageMode, "ThinProvisioned");
    fill(source.scaleIO->fsType, "xfs");
  }
  if (source.azureDisk) {
    auto& disk = *source.azureDisk;
    if (!disk.cachingMode) disk.cachingMode = "ReadWrite";
    if (!disk.kind) disk.kind = "Shared";
    if (!disk.fsType) disk.fsType = "ext4";
    if (!disk.readOnly) disk.readOnly = false;
  }
}

void checkAccessModes(const std::vector<std::string>& modes, const FieldPath& path,
                      FieldErrors& errors) {
  bool pod = false;
  bool other = false;
  for (const auto& mode : modes) {
    if (mode != "ReadOnlyMany" && mode != "ReadWriteMany" && mode != "ReadWriteOnce" &&
        mode != "ReadWriteOncePod") {
      errors.notSupported(path, mode,
                          {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    }
    (mode == "ReadWriteOncePod" ? pod : other) = true;
  }
  if (pod && other) {
    errors.forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

void checkInlineVolumeSpec(const PersistentVolumeSpec& spec, const FieldPath& path,
                           FieldErrors& errors) {
  checkSpec(spec, true, path, errors);
}

void checkVolumeMode(const std::optional<std::string>& mode, const FieldPath& path,
                     FieldErrors& errors) {
  if (mode && *mode != "Block" && *mode != "Filesystem") {
    errors.notSupported(path, *mode, {"Block", "Filesystem"});
  }
}

std::unique_ptr<Strategy> makePersistentVolumeStrategy() {
  return std::make_unique<PersistentVolumeStrategy>();
}

}  // namespace coxswain::apiserver
