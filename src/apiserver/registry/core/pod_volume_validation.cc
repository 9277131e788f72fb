#include <functional>

#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/persistent_volume_claim.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "apiserver/registry/core/volume_source_rules.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kOneType = "may not specify more than 1 volume type";
constexpr std::string_view kFileMode =
    "must be a number between 0 and 0777 (octal), both inclusive";
constexpr int64_t kMinTokenSeconds = 600;
constexpr int64_t kMaxTokenSeconds = int64_t{1} << 32;

void checkMode(const std::optional<int32_t>& mode, const FieldPath& path, FieldErrors& errors) {
  if (mode && (*mode < 0 || *mode > 0777)) errors.invalid(path, *mode, kFileMode);
}

/// A file's path within a volume.
void checkItemPath(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  pods::checkDescendingPath(value, path, errors);
  if (value.starts_with("..") && !value.starts_with("../"))
    errors.invalid(path, value, "must not start with '..'");
}

/// Where several sources write into one volume: which paths are taken. Doubles are told of at the
/// volume.
class Paths {
 public:
  Paths(const FieldPath& volume, FieldErrors& errors) : volume_(volume), errors_(errors) {}
  /// `told`: what the error shows.
  void take(const std::string& path, std::string_view told) {
    if (!path.empty() && !taken_.insert(path).second)
      errors_.invalid(volume_, told, "conflicting duplicate paths");
  }

 private:
  const FieldPath& volume_;
  FieldErrors& errors_;
  std::set<std::string> taken_;
};

void checkItems(const std::vector<v1::KeyToPath>& items, Paths* taken, std::string_view source,
                const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < items.size(); ++i) {
    const auto at = path.child("items").index(i);
    requireText(items[i].key, at.child("key"), errors);
    if (!requireText(items[i].path, at.child("path"), errors))
      checkItemPath(items[i].path, at.child("path"), errors);
    checkMode(items[i].mode, at.child("mode"), errors);
    if (taken != nullptr) taken->take(items[i].path, source);
  }
}

void checkDownwardItems(const std::vector<v1::DownwardAPIVolumeFile>& items, Paths* taken,
                        const FieldPath& path, FieldErrors& errors) {
  for (const auto& item : items) {
    if (!requireText(item.path, path.child("path"), errors))
      checkItemPath(item.path, path.child("path"), errors);
    if (item.fieldRef) {
      pods::checkFieldRef(*item.fieldRef,
                          {"metadata.annotations", "metadata.labels", "metadata.name",
                           "metadata.namespace", "metadata.uid"},
                          path.child("fieldRef"), errors);
      if (item.resourceFieldRef) {
        errors.invalid(path, "resource",
                       "fieldRef and resourceFieldRef can not be specified simultaneously");
      }
    } else if (item.resourceFieldRef) {
      pods::checkResourceFieldRef(*item.resourceFieldRef, true, path.child("resourceFieldRef"),
                                  errors);
    } else {
      errors.required(path, "one of fieldRef and resourceFieldRef is required");
    }
    checkMode(item.mode, path.child("mode"), errors);
    if (taken != nullptr) taken->take(item.path, item.path);
  }
}

/// `volume`: where upstream tells of the path.
void checkToken(const v1::ServiceAccountTokenProjection& token, const FieldPath& path,
                const FieldPath& volume, FieldErrors& errors) {
  if (token.expirationSeconds) {
    const auto at = path.child("expirationSeconds");
    if (*token.expirationSeconds < kMinTokenSeconds)
      errors.invalid(at, *token.expirationSeconds,
                     "may not specify a duration less than 10 minutes");
    if (*token.expirationSeconds > kMaxTokenSeconds)
      errors.invalid(at, *token.expirationSeconds,
                     "may not specify a duration larger than 2^32 seconds");
  }
  if (!requireText(token.path, volume.child("path"), errors))
    checkItemPath(token.path, volume.child("path"), errors);
}

/// Sources of features that are off never get here.
void checkProjected(const v1::ProjectedVolumeSource& projected, const FieldPath& path,
                    FieldErrors& errors) {
  Paths taken(path, errors);
  checkMode(projected.defaultMode, path.child("defaultMode"), errors);
  for (size_t i = 0; i < projected.sources.size(); ++i) {
    const auto& source = projected.sources[i];
    const auto at = path.child("sources").index(i);
    int kinds = 0;
    if (source.secret) {
      ++kinds;
      const auto child = at.child("secret");
      const auto& name = source.secret->localObjectReference.name;
      requireText(name, child.child("name"), errors);
      checkItems(source.secret->items, &taken, name, child, errors);
    }
    if (source.configMap) {
      ++kinds;
      const auto child = at.child("configMap");
      const auto& name = source.configMap->localObjectReference.name;
      requireText(name, child.child("name"), errors);
      checkItems(source.configMap->items, &taken, name, child, errors);
    }
    if (source.downwardAPI) {
      ++kinds;
      checkDownwardItems(source.downwardAPI->items, &taken, at.child("downwardAPI"), errors);
    }
    if (source.serviceAccountToken) {
      ++kinds;
      checkToken(*source.serviceAccountToken, at.child("serviceAccountToken"), path, errors);
    }
    if (kinds > 1) errors.forbidden(at, "may not specify more than 1 volume type per source");
  }
}

void checkEphemeral(const v1::EphemeralVolumeSource& source, const FieldPath& path,
                    FieldErrors& errors) {
  const auto at = path.child("volumeClaimTemplate");
  if (!source.volumeClaimTemplate) {
    errors.required(at);
    return;
  }
  const auto& claim = *source.volumeClaimTemplate;
  validateTemplateMetadata(claim.metadata, at.child("metadata"), errors);
  validatePersistentVolumeClaimSpec(claim.spec, at.child("spec"), errors);
}

/// Visits the sources that are set, in the order upstream looks at them.
class SourceChecker {
 private:
  /// `name`: where its rules tell; `excess`: where it is told that there was one before, which
  /// upstream spells otherwise at times.
  template <typename T, typename F>
  void one(const api::Box<T>& source, std::string_view name, const F& check,
           std::string_view excess = {}) {
    if (!source) return;
    if (count_++ > 0) {
      errors_.forbidden(path_.child(excess.empty() ? name : excess), kOneType);
    } else {
      check(*source, path_.child(name));
    }
  }
  template <typename T>
  auto with(void (*check)(const T&, const FieldPath&, FieldErrors&)) {
    return [this, check](const T& source, const FieldPath& at) { check(source, at, errors_); };
  }
  template <typename T>
  auto text(std::string T::*member, std::string_view name) {
    return [this, member, name](const T& source, const FieldPath& at) {
      requireText(source.*member, at.child(name), errors_);
    };
  }
  /// Sources with rules of their own, the same in templates and pods.
  template <typename T>
  void known(const api::Box<T>& source, std::string_view name, std::string_view excess = {}) {
    one(
        source, name,
        [this](const T& set, const FieldPath& at) { volume_sources::check(set, at, errors_); },
        excess);
  }
  /// What the initiator is named by.
  void checkIscsiName() {
    const auto& iscsi = volume_.volumeSource.iscsi;
    constexpr size_t kMax = 64;
    if (!iscsi || !iscsi->initiatorName) return;
    if (volume_.name.size() + 1 + iscsi->targetPortal.size() <= kMax) return;
    errors_.invalid(
        path_.child("name"), volume_.name,
        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
        "if iscsi.initiatorName is specified.");
  }
  /// The claim of an ephemeral volume is named by pod and volume.
  void checkClaimName() {
    if (pod_ == nullptr || pod_->name.empty() || volume_.name.empty()) return;
    const std::string name = pod_->name + "-" + volume_.name;
    for (const auto& message : api::validateDns1123Subdomain(name)) {
      errors_.invalid(path_.child("name"), volume_.name,
                      "PVC name " + api::goQuote(name) + ": " + message);
    }
  }

 public:
  SourceChecker(const v1::Volume& volume, bool isTemplate, const api::meta::v1::ObjectMeta* pod,
                const FieldPath& path, FieldErrors& errors)
      : volume_(volume), isTemplate_(isTemplate), pod_(pod), path_(path), errors_(errors) {}

  void run() {
    const auto& s = volume_.volumeSource;
    one(s.emptyDir, "emptyDir", [&](const auto& source, const FieldPath& at) {
      if (source.sizeLimit && source.sizeLimit->sign() < 0) {
        errors_.forbidden(at.child("sizeLimit"),
                          "SizeLimit field must be a valid resource quantity");
      }
    });
    known(s.hostPath, "hostPath");
    known(s.gitRepo, "gitRepo");
    known(s.gcePersistentDisk, "persistentDisk", "gcePersistentDisk");
    known(s.awsElasticBlockStore, "awsElasticBlockStore");
    one(s.secret, "secret", [&](const auto& source, const FieldPath& at) {
      requireText(source.secretName, at.child("secretName"), errors_);
      checkMode(source.defaultMode, at.child("defaultMode"), errors_);
      checkItems(source.items, nullptr, {}, at, errors_);
    });
    known(s.nfs, "nfs");
    known(s.iscsi, "iscsi");
    checkIscsiName();
    known(s.glusterfs, "glusterfs");
    known(s.flocker, "flocker");
    one(s.persistentVolumeClaim, "persistentVolumeClaim",
        text(&v1::PersistentVolumeClaimVolumeSource::claimName, "claimName"));
    known(s.rbd, "rbd");
    known(s.cinder, "cinder");
    known(s.cephfs, "cephfs", "cephFS");
    known(s.quobyte, "quobyte");
    one(
        s.downwardAPI, "downwardAPI",
        [&](const auto& source, const FieldPath& at) {
          checkMode(source.defaultMode, at.child("defaultMode"), errors_);
          checkDownwardItems(source.items, nullptr, at, errors_);
        },
        "downwarAPI");
    known(s.fc, "fc");
    known(s.flexVolume, "flexVolume");
    one(s.configMap, "configMap", [&](const auto& source, const FieldPath& at) {
      requireText(source.localObjectReference.name, at.child("name"), errors_);
      checkMode(source.defaultMode, at.child("defaultMode"), errors_);
      checkItems(source.items, nullptr, {}, at, errors_);
    });
    known(s.azureFile, "azureFile");
    known(s.vsphereVolume, "vsphereVolume");
    known(s.photonPersistentDisk, "photonPersistentDisk");
    known(s.portworxVolume, "portworxVolume");
    known(s.azureDisk, "azureDisk");
    known(s.storageos, "storageos");
    one(s.projected, "projected", with(checkProjected));
    known(s.scaleIO, "scaleIO");
    known(s.csi, "csi");
    one(s.ephemeral, "ephemeral", [&](const auto& source, const FieldPath& at) {
      checkEphemeral(source, at, errors_);
      checkClaimName();
    });
    one(s.image, "image", [&](const auto& source, const FieldPath& at) {
      // A template may leave the reference to whoever makes pods of it.
      if (!isTemplate_) requireText(source.reference, at.child("reference"), errors_);
      checkOneOf(source.pullPolicy, {"Always", "IfNotPresent", "Never"}, at.child("pullPolicy"),
                 errors_);
    });
    if (count_ == 0) errors_.required(path_, "must specify a volume type");
  }

 private:
  const v1::Volume& volume_;
  const bool isTemplate_;
  const api::meta::v1::ObjectMeta* pod_;
  const FieldPath& path_;
  FieldErrors& errors_;
  int count_ = 0;
};

}  // namespace

namespace pods {

std::vector<const v1::Volume*> checkVolumes(const std::vector<v1::Volume>& volumes, bool isTemplate,
                                            const FieldPath& path, FieldErrors& errors,
                                            const api::meta::v1::ObjectMeta* pod) {
  std::vector<const v1::Volume*> valid;
  std::set<std::string_view> names;
  std::set<std::string> made;  // claims of ephemeral volumes
  if (pod != nullptr && !pod->name.empty()) {
    for (const auto& volume : volumes) {
      if (volume.volumeSource.ephemeral) made.insert(pod->name + "-" + volume.name);
    }
  }
  for (size_t i = 0; i < volumes.size(); ++i) {
    const auto& volume = volumes[i];
    const size_t before = errors.size();
    const auto at = path.index(i);
    SourceChecker(volume, isTemplate, pod, at, errors).run();
    const auto name = at.child("name");
    if (!requireText(volume.name, name, errors)) {
      errors.invalidEach(name, volume.name, api::validateDns1123Label(volume.name));
      if (names.contains(volume.name)) errors.duplicate(name, volume.name);
    }
    if (errors.size() == before) {
      names.insert(volume.name);
      valid.push_back(&volume);
    }
    const auto& claim = volume.volumeSource.persistentVolumeClaim;
    if (claim && made.contains(claim->claimName)) {
      errors.invalid(at.child("persistentVolumeClaim", "claimName"), claim->claimName,
                     "must not reference a PVC that gets created for an ephemeral volume");
    }
  }
  return valid;
}

}  // namespace pods

void validateVolumes(const std::vector<v1::Volume>& volumes, bool isTemplate, const FieldPath& path,
                     FieldErrors& errors) {
  pods::checkVolumes(volumes, isTemplate, path, errors);
}

}  // namespace coxswain::apiserver
