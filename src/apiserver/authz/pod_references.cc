#include "apiserver/authz/pod_references.h"

#include <algorithm>
#include <string>

#include "api/gen/core_v1.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr const char* kMirror = "kubernetes.io/config.mirror";

/// Hands on what there is to name.
class Visitor {
 public:
  explicit Visitor(const VisitReference& visit) : visit_(visit) {}
  bool name(ReferencedKind kind, std::string_view name) const {
    return !name.empty() && visit_(kind, name);
  }
  template <typename Reference>
  bool secret(const Reference& reference) const {
    return reference && name(ReferencedKind::Secret, reference->name);
  }

 private:
  const VisitReference& visit_;
};

bool visitProjected(const Visitor& visitor, const ProjectedVolumeSource& projected) {
  return std::any_of(
      projected.sources.begin(), projected.sources.end(), [&](const VolumeProjection& one) {
        return (one.secret &&
                visitor.name(ReferencedKind::Secret, one.secret->localObjectReference.name)) ||
               (one.configMap &&
                visitor.name(ReferencedKind::ConfigMap, one.configMap->localObjectReference.name));
      });
}

bool visitVolume(const Visitor& visitor, const Pod& pod, const Volume& volume) {
  const auto& source = volume.volumeSource;
  const auto claim = ReferencedKind::PersistentVolumeClaim;
  if (source.persistentVolumeClaim &&
      visitor.name(claim, source.persistentVolumeClaim->claimName)) {
    return true;
  }
  if (source.ephemeral && visitor.name(claim, pod.metadata.name + "-" + volume.name)) return true;
  const auto secret = ReferencedKind::Secret;
  if (source.secret && visitor.name(secret, source.secret->secretName)) return true;
  if (source.azureFile && visitor.name(secret, source.azureFile->secretName)) return true;
  if (source.csi && visitor.secret(source.csi->nodePublishSecretRef)) return true;
  if (source.cephfs && visitor.secret(source.cephfs->secretRef)) return true;
  if (source.flexVolume && visitor.secret(source.flexVolume->secretRef)) return true;
  if (source.iscsi && visitor.secret(source.iscsi->secretRef)) return true;
  if (source.rbd && visitor.secret(source.rbd->secretRef)) return true;
  if (source.scaleIO && visitor.secret(source.scaleIO->secretRef)) return true;
  if (source.storageos && visitor.secret(source.storageos->secretRef)) return true;
  if (source.configMap &&
      visitor.name(ReferencedKind::ConfigMap, source.configMap->localObjectReference.name)) {
    return true;
  }
  return source.projected && visitProjected(visitor, *source.projected);
}

template <typename C>
bool visitEnvironment(const Visitor& visitor, const C& container) {
  const auto secret = ReferencedKind::Secret;
  const auto configMap = ReferencedKind::ConfigMap;
  for (const auto& from : container.envFrom) {
    if (from.secretRef && visitor.name(secret, from.secretRef->localObjectReference.name)) {
      return true;
    }
    if (from.configMapRef &&
        visitor.name(configMap, from.configMapRef->localObjectReference.name)) {
      return true;
    }
  }
  for (const auto& variable : container.env) {
    if (!variable.valueFrom) continue;
    const auto& from = *variable.valueFrom;
    if (from.secretKeyRef && visitor.name(secret, from.secretKeyRef->localObjectReference.name)) {
      return true;
    }
    if (from.configMapKeyRef &&
        visitor.name(configMap, from.configMapKeyRef->localObjectReference.name)) {
      return true;
    }
  }
  return false;
}

bool visitContainers(const Visitor& visitor, const PodSpec& spec) {
  auto each = [&](const auto& container) { return visitEnvironment(visitor, container); };
  return std::any_of(spec.initContainers.begin(), spec.initContainers.end(), each) ||
         std::any_of(spec.containers.begin(), spec.containers.end(), each) ||
         std::any_of(spec.ephemeralContainers.begin(), spec.ephemeralContainers.end(),
                     [&](const auto& one) { return each(one.ephemeralContainerCommon); });
}

bool visitDevices(const Visitor& visitor, const Pod& pod) {
  const auto kind = ReferencedKind::ResourceClaim;
  for (const auto& claim : pod.spec.resourceClaims) {
    if (claim.resourceClaimName && visitor.name(kind, *claim.resourceClaimName)) return true;
  }
  // Claims that were made from templates are named by the status.
  for (const auto& claim : pod.status.resourceClaimStatuses) {
    if (claim.resourceClaimName && visitor.name(kind, *claim.resourceClaimName)) return true;
  }
  const auto& extended = pod.status.extendedResourceClaimStatus;
  return extended && visitor.name(kind, extended->resourceClaimName);
}

/// A secret in the volume's own words: of the namespace it names, else of its claim's.
template <typename Reference>
bool isSecret(const Reference& reference, std::string_view claimNs, std::string_view ns,
              std::string_view name) {
  if (!reference || reference->name != name) return false;
  return (reference->namespace_.empty() ? claimNs : std::string_view(reference->namespace_)) == ns;
}

bool visitAll(const Pod& pod, const VisitReference& visit) {
  const Visitor visitor(visit);
  const auto& spec = pod.spec;
  if (visitor.name(ReferencedKind::ServiceAccount, spec.serviceAccountName)) return true;
  for (const auto& secret : spec.imagePullSecrets) {
    if (visitor.name(ReferencedKind::Secret, secret.name)) return true;
  }
  for (const auto& volume : spec.volumes) {
    if (visitVolume(visitor, pod, volume)) return true;
  }
  return visitContainers(visitor, spec) || visitDevices(visitor, pod);
}

}  // namespace

bool visitPodReferences(const Pod& pod, const VisitReference& visit) {
  return !pod.metadata.annotations.contains(kMirror) && visitAll(pod, visit);
}

bool podNamesAny(const Pod& pod, ReferencedKind kind) {
  return visitAll(pod, [kind](ReferencedKind one, std::string_view) { return one == kind; });
}

bool podRefersTo(const Pod& pod, ReferencedKind kind, std::string_view name) {
  return visitPodReferences(pod, [&](ReferencedKind oneKind, std::string_view oneName) {
    return oneKind == kind && oneName == name;
  });
}

bool volumeHasSecret(const PersistentVolume& volume, std::string_view ns, std::string_view name) {
  const auto& claim = volume.spec.claimRef;
  const auto claimNs = claim ? std::string_view(claim->namespace_) : std::string_view();
  const auto& source = volume.spec.persistentVolumeSource;
  if (source.azureFile && source.azureFile->secretName == name) {
    const auto& own = source.azureFile->secretNamespace;
    if ((own && !own->empty() ? std::string_view(*own) : claimNs) == ns) return true;
  }
  auto has = [&](const auto& reference) { return isSecret(reference, claimNs, ns, name); };
  if (source.cephfs && has(source.cephfs->secretRef)) return true;
  if (source.flexVolume && has(source.flexVolume->secretRef)) return true;
  if (source.rbd && has(source.rbd->secretRef)) return true;
  if (source.scaleIO && has(source.scaleIO->secretRef)) return true;
  if (source.iscsi && has(source.iscsi->secretRef)) return true;
  if (source.storageos && has(source.storageos->secretRef)) return true;
  return source.csi &&
         (has(source.csi->nodePublishSecretRef) || has(source.csi->nodeStageSecretRef) ||
          has(source.csi->nodeExpandSecretRef));
}

}  // namespace coxswain::apiserver
