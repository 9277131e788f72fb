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

/// Where several sources write into one volume: which paths are taken.
using Paths = std::set<std::string, std::less<>>;

void takePath(Paths* taken, const std::string& path, std::string_view suffixedName,
              const FieldPath& at, FieldErrors& errors) {
  if (taken == nullptr || path.empty()) return;
  if (!taken->insert(path).second) errors.invalid(at, suffixedName, "conflicting duplicate paths");
}

void checkItems(const std::vector<v1::KeyToPath>& items, Paths* taken, std::string_view source,
                const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < items.size(); ++i) {
    const auto at = path.child("items").index(i);
    requireText(items[i].key, at.child("key"), errors);
    if (!requireText(items[i].path, at.child("path"), errors))
      checkItemPath(items[i].path, at.child("path"), errors);
    checkMode(items[i].mode, at.child("mode"), errors);
    takePath(taken, items[i].path, source, path, errors);
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
    takePath(taken, item.path, item.path, path, errors);
  }
}

void checkToken(const v1::ServiceAccountTokenProjection& token, const FieldPath& path,
                FieldErrors& errors) {
  if (token.expirationSeconds) {
    const auto at = path.child("expirationSeconds");
    if (*token.expirationSeconds < kMinTokenSeconds)
      errors.invalid(at, *token.expirationSeconds,
                     "may not specify a duration less than 10 minutes");
    if (*token.expirationSeconds > kMaxTokenSeconds)
      errors.invalid(at, *token.expirationSeconds,
                     "may not specify a duration larger than 2^32 seconds");
  }
  if (!requireText(token.path, path.child("path"), errors))
    checkItemPath(token.path, path.child("path"), errors);
}

void checkTrustBundle(const v1::ClusterTrustBundleProjection& bundle, const FieldPath& path,
                      FieldErrors& errors) {
  if (bundle.name && bundle.signerName) {
    errors.invalid(path, asJson(bundle), "only one of name and signerName may be used");
  } else if (bundle.name) {
    if (!requireText(*bundle.name, path.child("name"), errors) && bundle.labelSelector)
      errors.invalid(path.child("labelSelector"), asJson(*bundle.labelSelector),
                     "labelSelector must be unset if name is specified");
  } else if (bundle.signerName) {
    requireText(*bundle.signerName, path.child("signerName"), errors);
    if (bundle.labelSelector)
      validateLabelSelector(*bundle.labelSelector, path.child("labelSelector"), errors);
  } else {
    errors.required(path, "either name or signerName must be specified");
  }
  if (!requireText(bundle.path, path.child("path"), errors))
    checkItemPath(bundle.path, path.child("path"), errors);
}

void checkCertificate(const v1::PodCertificateProjection& certificate, Paths& taken,
                      const FieldPath& path, FieldErrors& errors) {
  constexpr int32_t kMin = 3600;
  const int32_t max = certificate.signerName.starts_with("kubernetes.io/") ? 86400 : 7862400;
  requireText(certificate.signerName, path.child("signerName"), errors);
  checkOneOf(certificate.keyType,
             {"RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"},
             path.child("keyType"), errors);
  if (certificate.maxExpirationSeconds &&
      (*certificate.maxExpirationSeconds < kMin || *certificate.maxExpirationSeconds > max)) {
    errors.invalid(path.child("maxExpirationSeconds"), *certificate.maxExpirationSeconds,
                   "if provided, maxExpirationSeconds " + api::rangeMessage(kMin, max));
  }
  const std::pair<std::string_view, const std::string*> files[] = {
      {"credentialBundlePath", &certificate.credentialBundlePath},
      {"keyPath", &certificate.keyPath},
      {"certificateChainPath", &certificate.certificateChainPath}};
  bool any = false;
  for (const auto& [name, file] : files) {
    if (file->empty()) continue;
    any = true;
    checkItemPath(*file, path.child(name), errors);
    takePath(&taken, *file, *file, path.child(name), errors);
  }
  if (!any)
    errors.required(path,
                    "specify at least one of credentialBundlePath, keyPath, and "
                    "certificateChainPath");
}

void checkProjected(const v1::ProjectedVolumeSource& projected, const FieldPath& path,
                    FieldErrors& errors) {
  Paths taken;
  checkMode(projected.defaultMode, path.child("defaultMode"), errors);
  for (size_t i = 0; i < projected.sources.size(); ++i) {
    const auto& source = projected.sources[i];
    const auto at = path.child("sources").index(i);
    int kinds = 0;
    const auto next = [&](std::string_view name) {
      if (kinds++ == 0) return true;
      errors.forbidden(at.child(name), kOneType);
      return false;
    };
    if (source.secret && next("secret")) {
      const auto child = at.child("secret");
      requireText(source.secret->localObjectReference.name, child.child("name"), errors);
      checkItems(source.secret->items, &taken, source.secret->localObjectReference.name, child,
                 errors);
    }
    if (source.configMap && next("configMap")) {
      const auto child = at.child("configMap");
      requireText(source.configMap->localObjectReference.name, child.child("name"), errors);
      checkItems(source.configMap->items, &taken, source.configMap->localObjectReference.name,
                 child, errors);
    }
    if (source.downwardAPI && next("downwardAPI"))
      checkDownwardItems(source.downwardAPI->items, &taken, at.child("downwardAPI"), errors);
    if (source.serviceAccountToken && next("serviceAccountToken")) {
      const auto child = at.child("serviceAccountToken");
      checkToken(*source.serviceAccountToken, child, errors);
      takePath(&taken, source.serviceAccountToken->path, source.serviceAccountToken->path, child,
               errors);
    }
    if (source.clusterTrustBundle && next("clusterTrustBundle")) {
      const auto child = at.child("clusterTrustBundle");
      checkTrustBundle(*source.clusterTrustBundle, child, errors);
      takePath(&taken, source.clusterTrustBundle->path, source.clusterTrustBundle->path, child,
               errors);
    }
    if (source.podCertificate && next("podCertificate"))
      checkCertificate(*source.podCertificate, taken, at.child("podCertificate"), errors);
    if (kinds == 0) errors.required(at, "must specify a volume type");
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

/// The claim of an ephemeral volume is named by pod and volume.
void checkClaimName(const v1::Volume& volume, const api::meta::v1::ObjectMeta* pod,
                    const FieldPath& path, FieldErrors& errors) {
  if (!volume.volumeSource.ephemeral || !pod || pod->name.empty() || volume.name.empty()) return;
  const std::string name = pod->name + "-" + volume.name;
  for (const auto& message : api::validateDns1123Subdomain(name)) {
    errors.invalid(path.child("name"), volume.name,
                   "PVC name " + api::goQuote(name) + ": " + message);
  }
}

/// Visits the sources that are set, in the order upstream looks at them.
class SourceChecker {
 private:
  template <typename T, typename F>
  void one(const api::Box<T>& source, std::string_view name, const F& check) {
    if (!source) return;
    const auto at = path_.child(name);
    if (count_++ > 0) {
      errors_.forbidden(at, kOneType);
    } else {
      check(*source, at);
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
  void known(const api::Box<T>& source, std::string_view name) {
    one(source, name,
        [this](const T& set, const FieldPath& at) { volume_sources::check(set, at, errors_); });
  }

 public:
  SourceChecker(const v1::Volume& volume, bool isTemplate, const FieldPath& path,
                FieldErrors& errors)
      : volume_(volume), isTemplate_(isTemplate), path_(path), errors_(errors) {}

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
    known(s.gcePersistentDisk, "gcePersistentDisk");
    known(s.awsElasticBlockStore, "awsElasticBlockStore");
    one(s.secret, "secret", [&](const auto& source, const FieldPath& at) {
      requireText(source.secretName, at.child("secretName"), errors_);
      checkMode(source.defaultMode, at.child("defaultMode"), errors_);
      checkItems(source.items, nullptr, {}, at, errors_);
    });
    known(s.nfs, "nfs");
    known(s.iscsi, "iscsi");
    known(s.glusterfs, "glusterfs");
    known(s.flocker, "flocker");
    one(s.persistentVolumeClaim, "persistentVolumeClaim",
        text(&v1::PersistentVolumeClaimVolumeSource::claimName, "claimName"));
    known(s.rbd, "rbd");
    known(s.cinder, "cinder");
    known(s.cephfs, "cephfs");
    known(s.quobyte, "quobyte");
    one(s.downwardAPI, "downwardAPI", [&](const auto& source, const FieldPath& at) {
      checkMode(source.defaultMode, at.child("defaultMode"), errors_);
      checkDownwardItems(source.items, nullptr, at, errors_);
    });
    known(s.fc, "fc");
    known(s.flexVolume, "flexVolume");
    known(s.azureFile, "azureFile");
    one(s.configMap, "configMap", [&](const auto& source, const FieldPath& at) {
      requireText(source.localObjectReference.name, at.child("name"), errors_);
      checkMode(source.defaultMode, at.child("defaultMode"), errors_);
      checkItems(source.items, nullptr, {}, at, errors_);
    });
    known(s.vsphereVolume, "vsphereVolume");
    known(s.photonPersistentDisk, "photonPersistentDisk");
    known(s.portworxVolume, "portworxVolume");
    known(s.azureDisk, "azureDisk");
    known(s.storageos, "storageos");
    known(s.scaleIO, "scaleIO");
    one(s.projected, "projected", with(checkProjected));
    known(s.csi, "csi");
    one(s.ephemeral, "ephemeral", with(checkEphemeral));
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
  for (size_t i = 0; i < volumes.size(); ++i) {
    const auto& volume = volumes[i];
    const size_t before = errors.size();
    const auto at = path.index(i);
    SourceChecker(volume, isTemplate, at, errors).run();
    checkClaimName(volume, pod, at, errors);
    const auto name = at.child("name");
    if (!requireText(volume.name, name, errors)) {
      errors.invalidEach(name, volume.name, api::validateDns1123Label(volume.name));
      if (names.contains(volume.name)) errors.duplicate(name, volume.name);
    }
    if (errors.size() == before) {
      names.insert(volume.name);
      valid.push_back(&volume);
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
