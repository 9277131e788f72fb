#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;

namespace {

constexpr int32_t kFileMode = 0644;

void setIfEmpty(std::string& field, std::string_view value) {
  if (field.empty()) field = value;
}

/// Tag or digest follow the last '/' (a registry may have a port).
std::string_view pullPolicyOf(std::string_view image) {
  const auto digest = image.find('@');
  const bool hasDigest = digest != std::string_view::npos;
  const std::string_view name = image.substr(0, digest);
  const auto slash = name.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? name : name.substr(slash + 1);
  const auto colon = last.rfind(':');
  if (colon == std::string_view::npos) return hasDigest ? "IfNotPresent" : "Always";
  return last.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
}

void setHttpDefaults(api::Box<v1::HTTPGetAction>& action) {
  if (!action) return;
  setIfEmpty(action->path, "/");
  setIfEmpty(action->scheme, "HTTP");
}

void setProbeDefaults(api::Box<v1::Probe>& probe) {
  if (!probe) return;
  if (probe->timeoutSeconds == 0) probe->timeoutSeconds = 1;
  if (probe->periodSeconds == 0) probe->periodSeconds = 10;
  if (probe->successThreshold == 0) probe->successThreshold = 1;
  if (probe->failureThreshold == 0) probe->failureThreshold = 3;
  setHttpDefaults(probe->handler.httpGet);
  // Unlike HTTP, a gRPC service of "" is a value and stays; only absence is filled in.
  if (probe->handler.grpc && !probe->handler.grpc->service) probe->handler.grpc->service = "";
}

void setFieldRefDefaults(api::Box<v1::ObjectFieldSelector>& ref) {
  if (ref) setIfEmpty(ref->apiVersion, "v1");
}

/// Container and EphemeralContainerCommon have the same fields.
template <typename C>
void setContainerDefaults(C& container) {
  setIfEmpty(container.imagePullPolicy, pullPolicyOf(container.image));
  setIfEmpty(container.terminationMessagePath, "/dev/termination-log");
  setIfEmpty(container.terminationMessagePolicy, "File");
  for (auto& port : container.ports) setIfEmpty(port.protocol, "TCP");
  for (auto& variable : container.env) {
    if (!variable.valueFrom) continue;
    setFieldRefDefaults(variable.valueFrom->fieldRef);
    if (auto& file = variable.valueFrom->fileKeyRef; file && !file->optional) {
      file->optional = false;
    }
  }
  roundResources(container.resources.limits);
  roundResources(container.resources.requests);
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  if (container.lifecycle) {
    if (container.lifecycle->postStart) setHttpDefaults(container.lifecycle->postStart->httpGet);
    if (container.lifecycle->preStop) setHttpDefaults(container.lifecycle->preStop->httpGet);
  }
}

void setDownwardDefaults(std::vector<v1::DownwardAPIVolumeFile>& items) {
  for (auto& item : items) setFieldRefDefaults(item.fieldRef);
}

void setProjectedDefaults(v1::ProjectedVolumeSource& projected) {
  if (!projected.defaultMode) projected.defaultMode = kFileMode;
  for (auto& source : projected.sources) {
    if (source.downwardAPI) setDownwardDefaults(source.downwardAPI->items);
    if (source.serviceAccountToken && !source.serviceAccountToken->expirationSeconds) {
      source.serviceAccountToken->expirationSeconds = 3600;
    }
    if (source.podCertificate && !source.podCertificate->maxExpirationSeconds) {
      source.podCertificate->maxExpirationSeconds = 86400;
    }
  }
}

void setNetworkVolumeDefaults(v1::VolumeSource& source) {
  if (source.iscsi) setIfEmpty(source.iscsi->iscsiInterface, "default");
  if (source.rbd) {
    setIfEmpty(source.rbd->pool, "rbd");
    setIfEmpty(source.rbd->user, "admin");
    setIfEmpty(source.rbd->keyring, "/etc/ceph/keyring");
  }
  if (source.scaleIO) {
    setIfEmpty(source.scaleIO->storageMode, "ThinProvisioned");
    setIfEmpty(source.scaleIO->fsType, "xfs");
  }
  if (auto& disk = source.azureDisk) {
    if (!disk->cachingMode) disk->cachingMode = "ReadWrite";
    if (!disk->fsType) disk->fsType = "ext4";
    if (!disk->readOnly) disk->readOnly = false;
    if (!disk->kind) disk->kind = "Shared";
  }
}

void setVolumeDefaults(v1::Volume& volume) {
  v1::VolumeSource& source = volume.volumeSource;
  if (source == v1::VolumeSource()) source.emptyDir.emplace();
  if (source.secret && !source.secret->defaultMode) source.secret->defaultMode = kFileMode;
  if (source.configMap && !source.configMap->defaultMode) source.configMap->defaultMode = kFileMode;
  if (source.downwardAPI) {
    if (!source.downwardAPI->defaultMode) source.downwardAPI->defaultMode = kFileMode;
    setDownwardDefaults(source.downwardAPI->items);
  }
  if (source.projected) setProjectedDefaults(*source.projected);
  if (source.hostPath && !source.hostPath->type) source.hostPath->type = "";
  if (source.ephemeral && source.ephemeral->volumeClaimTemplate) {
    auto& claim = source.ephemeral->volumeClaimTemplate->spec;
    if (!claim.volumeMode) claim.volumeMode = "Filesystem";
    roundResources(claim.resources.limits);
    roundResources(claim.resources.requests);
  }
  if (source.image) setIfEmpty(source.image->pullPolicy, pullPolicyOf(source.image->reference));
  setNetworkVolumeDefaults(source);
}

}  // namespace

void setPodSpecDefaults(v1::PodSpec& spec) {
  for (auto& volume : spec.volumes) setVolumeDefaults(volume);
  for (auto& container : spec.initContainers) setContainerDefaults(container);
  for (auto& container : spec.containers) setContainerDefaults(container);
  for (auto& container : spec.ephemeralContainers) {
    setContainerDefaults(container.ephemeralContainerCommon);
  }
  setIfEmpty(spec.dnsPolicy, "ClusterFirst");
  setIfEmpty(spec.restartPolicy, "Always");
  if (!spec.securityContext) spec.securityContext.emplace();
  if (!spec.terminationGracePeriodSeconds) spec.terminationGracePeriodSeconds = 30;
  setIfEmpty(spec.schedulerName, "default-scheduler");
  // The older name of the field follows the newer one, unless only the older is there.
  if (spec.serviceAccountName.empty()) spec.serviceAccountName = spec.serviceAccount;
  spec.serviceAccount = spec.serviceAccountName;
  roundResources(spec.overhead);
  if (spec.resources) {
    roundResources(spec.resources->limits);
    roundResources(spec.resources->requests);
  }
}

void setPodTemplateDefaults(v1::PodTemplateSpec& podTemplate) {
  setPodSpecDefaults(podTemplate.spec);
}

}  // namespace coxswain::apiserver
