#include <utility>

#include "api/gen/core_v1.h"
#include "api/reflect/box.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/core/volume_rules.h"
#include "apiserver/registry/core/volume_source_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeSource;
using api::core::v1::PersistentVolumeSpec;

namespace {

/// One source is set, and it has what its kind must have. Looked at in upstream's order.
class SourceChecker {
 public:
  SourceChecker(const FieldPath& path, FieldErrors& errors) : path_(path), errors_(errors) {}

  void run(const PersistentVolumeSpec& spec, std::string_view volume) {
    const auto& s = spec.persistentVolumeSource;
    one(s.hostPath, "hostPath");
    one(s.gcePersistentDisk, "persistentDisk", "gcePersistentDisk");
    one(s.awsElasticBlockStore, "awsElasticBlockStore");
    one(s.glusterfs, "glusterfs");
    one(s.flocker, "flocker");
    one(s.nfs, "nfs");
    one(s.rbd, "rbd");
    one(s.quobyte, "quobyte");
    one(s.cephfs, "cephfs", "cephFS");
    if (first(s.iscsi, "iscsi")) {
      volume_sources::check(*s.iscsi, volume, path_.child("iscsi"), errors_);
    }
    one(s.cinder, "cinder");
    one(s.fc, "fc");
    // Beside others it is not told of, as upstream.
    if (s.flexVolume) {
      found_ = true;
      volume_sources::check(*s.flexVolume, path_.child("flexVolume"), errors_);
    }
    one(s.azureFile, "azureFile");
    one(s.vsphereVolume, "vsphereVolume");
    one(s.photonPersistentDisk, "photonPersistentDisk");
    one(s.portworxVolume, "portworxVolume");
    one(s.azureDisk, "azureDisk");
    one(s.scaleIO, "scaleIO");
    if (first(s.local, "local")) {
      volume_sources::check(*s.local, path_.child("local"), errors_);
      if (!spec.nodeAffinity)
        errors_.required(path_.child("nodeAffinity"), "Local volume requires node affinity");
    }
    one(s.storageos, "storageos");
    one(s.csi, "csi");
    if (!found_) errors_.required(path_, "must specify a volume type");
  }

 private:
  template <typename T>
  bool first(const api::Box<T>& source, std::string_view name) {
    if (!source) return false;
    if (found_) errors_.forbidden(path_.child(name), "may not specify more than 1 volume type");
    return !std::exchange(found_, true);
  }
  /// `excess`: how upstream spells it where there was one before, if not as elsewhere.
  template <typename T>
  void one(const api::Box<T>& source, std::string_view name, std::string_view excess = {}) {
    if (first(source, excess.empty() ? name : excess))
      volume_sources::check(*source, path_.child(name), errors_);
  }

  const FieldPath& path_;
  FieldErrors& errors_;
  bool found_ = false;
};

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
    const auto at = path.key(name);
    if (quantity.value() < 0)
      errors.invalid(at, quantity.value(), "must be a valid resource quantity");
    if (quantity.sign() <= 0) errors.invalid(at, quantity, "must be greater than zero");
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

/// `volume`: the name of the object.
void checkSpec(const PersistentVolumeSpec& spec, std::string_view volume, bool isInline,
               const FieldPath& path, FieldErrors& errors) {
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
  SourceChecker(path, errors).run(spec, volume);
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
    errors.forbidden(
        path.child("volumeMode"),
        "may not specify volumeMode other than Filesystem in the context of inline volumes");
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

/// Labels that got a new name when they became stable.
void takeStableNames(api::core::v1::VolumeNodeAffinity& affinity,
                     const api::core::v1::VolumeNodeAffinity& next) {
  static constexpr std::pair<std::string_view, std::string_view> kStable[] = {
      {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
      {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
      {"beta.kubernetes.io/os", "kubernetes.io/os"},
      {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
      {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"}};
  if (!affinity.required || !next.required) return;
  auto& terms = affinity.required->nodeSelectorTerms;
  const auto& others = next.required->nodeSelectorTerms;
  const auto rename = [](auto& list, const auto& wanted) {
    for (size_t i = 0; i < list.size() && i < wanted.size(); ++i) {
      for (const auto& [beta, stable] : kStable) {
        if (list[i].key == beta && wanted[i].key == stable) list[i].key = stable;
      }
    }
  };
  for (size_t i = 0; i < terms.size() && i < others.size(); ++i) {
    rename(terms[i].matchExpressions, others[i].matchExpressions);
    rename(terms[i].matchFields, others[i].matchFields);
  }
}

bool keepsAffinity(const PersistentVolumeSpec& next,
                   const api::core::v1::VolumeNodeAffinity& current) {
  if (!next.nodeAffinity) return false;
  auto renamed = current;
  takeStableNames(renamed, *next.nodeAffinity);
  return api::semanticEqual(renamed, *next.nodeAffinity);
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
    checkSpec(volume.spec, volume.metadata.name, false, FieldPath("spec"), errors);
  }
  void checkUpdate(const PersistentVolume& next, const PersistentVolume& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    auto source = next.spec.persistentVolumeSource;
    const auto& was = current.spec.persistentVolumeSource;
    // A reference that was missing may be filled in.
    if (was.csi && source.csi && !was.csi->controllerExpandSecretRef) {
      source.csi->controllerExpandSecretRef.reset();
    }
    if (!api::semanticEqual(source, was)) {
      errors.forbidden(
          FieldPath("spec").child("persistentvolumesource"),
          "spec.persistentvolumesource is immutable after creation\n" + objectDiff(was, source));
    }
    checkImmutable(next.spec.volumeMode, current.spec.volumeMode, FieldPath("volumeMode"), errors);
    if (current.spec.nodeAffinity && !keepsAffinity(next.spec, *current.spec.nodeAffinity)) {
      errors.invalid(FieldPath("nodeAffinity"),
                     next.spec.nodeAffinity
                         ? api::FieldValue::json(internalJson(*next.spec.nodeAffinity))
                         : api::FieldValue(nullptr),
                     "field is immutable, except for updating from beta label to GA");
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
    if (mode == "ReadWriteOncePod") {
      pod = true;
    } else if (mode == "ReadOnlyMany" || mode == "ReadWriteMany" || mode == "ReadWriteOnce") {
      other = true;
    } else {
      errors.notSupported(path, mode,
                          {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    }
  }
  if (pod && other) {
    errors.forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

void checkInlineVolumeSpec(const PersistentVolumeSpec& spec, const FieldPath& path,
                           FieldErrors& errors) {
  checkSpec(spec, "", true, path, errors);
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
