#include "apiserver/authz/pod_references.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

template <typename Reference>
bool names(const Reference& reference, std::string_view name) {
  return reference && reference->name == name;
}

bool volumeHasSecret(const VolumeSource& source, std::string_view name) {
  if (source.secret && source.secret->secretName == name) return true;
  if (source.azureFile && source.azureFile->secretName == name) return true;
  if (source.csi && names(source.csi->nodePublishSecretRef, name)) return true;
  if (source.cephfs && names(source.cephfs->secretRef, name)) return true;
  if (source.flexVolume && names(source.flexVolume->secretRef, name)) return true;
  if (source.iscsi && names(source.iscsi->secretRef, name)) return true;
  if (source.rbd && names(source.rbd->secretRef, name)) return true;
  if (source.scaleIO && names(source.scaleIO->secretRef, name)) return true;
  if (source.storageos && names(source.storageos->secretRef, name)) return true;
  if (!source.projected) return false;
  return std::any_of(source.projected->sources.begin(), source.projected->sources.end(),
                     [&](const VolumeProjection& one) {
                       return one.secret && one.secret->localObjectReference.name == name;
                     });
}

bool volumeHasConfigMap(const VolumeSource& source, std::string_view name) {
  if (source.configMap && source.configMap->localObjectReference.name == name) return true;
  if (!source.projected) return false;
  return std::any_of(source.projected->sources.begin(), source.projected->sources.end(),
                     [&](const VolumeProjection& one) {
                       return one.configMap && one.configMap->localObjectReference.name == name;
                     });
}

template <typename C>
bool environmentHas(const C& container, ReferencedKind kind, std::string_view name) {
  const bool secret = kind == ReferencedKind::Secret;
  for (const auto& from : container.envFrom) {
    if (secret && from.secretRef && from.secretRef->localObjectReference.name == name) return true;
    if (!secret && from.configMapRef && from.configMapRef->localObjectReference.name == name) {
      return true;
    }
  }
  for (const auto& variable : container.env) {
    if (!variable.valueFrom) continue;
    const auto& from = *variable.valueFrom;
    if (secret && from.secretKeyRef && from.secretKeyRef->localObjectReference.name == name) {
      return true;
    }
    if (!secret && from.configMapKeyRef &&
        from.configMapKeyRef->localObjectReference.name == name) {
      return true;
    }
  }
  return false;
}

bool anyEnvironmentHas(const PodSpec& spec, ReferencedKind kind, std::string_view name) {
  auto has = [&](const auto& container) { return environmentHas(container, kind, name); };
  return std::any_of(spec.initContainers.begin(), spec.initContainers.end(), has) ||
         std::any_of(spec.containers.begin(), spec.containers.end(), has) ||
         std::any_of(spec.ephemeralContainers.begin(), spec.ephemeralContainers.end(),
                     [&](const auto& one) { return has(one.ephemeralContainerCommon); });
}

bool volumeHasClaim(const Pod& pod, const Volume& volume, std::string_view name) {
  const auto& source = volume.volumeSource;
  if (source.persistentVolumeClaim) return source.persistentVolumeClaim->claimName == name;
  return source.ephemeral && pod.metadata.name + "-" + volume.name == name;
}

}  // namespace

bool podRefersTo(const Pod& pod, ReferencedKind kind, std::string_view name) {
  if (pod.metadata.annotations.contains("kubernetes.io/config.mirror")) return false;
  const auto& spec = pod.spec;
  const auto& volumes = spec.volumes;
  switch (kind) {
    case ReferencedKind::ServiceAccount:
      return spec.serviceAccountName == name;
    case ReferencedKind::PersistentVolumeClaim:
      return std::any_of(volumes.begin(), volumes.end(),
                         [&](const Volume& v) { return volumeHasClaim(pod, v, name); });
    case ReferencedKind::ConfigMap:
      return std::any_of(
                 volumes.begin(), volumes.end(),
                 [&](const Volume& v) { return volumeHasConfigMap(v.volumeSource, name); }) ||
             anyEnvironmentHas(spec, kind, name);
    case ReferencedKind::Secret:
      return std::any_of(spec.imagePullSecrets.begin(), spec.imagePullSecrets.end(),
                         [&](const LocalObjectReference& r) { return r.name == name; }) ||
             std::any_of(volumes.begin(), volumes.end(),
                         [&](const Volume& v) { return volumeHasSecret(v.volumeSource, name); }) ||
             anyEnvironmentHas(spec, kind, name);
  }
  return false;
}

}  // namespace coxswain::apiserver
