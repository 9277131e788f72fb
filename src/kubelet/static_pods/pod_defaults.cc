#include "kubelet/static_pods/pod_defaults.h"

#include <set>
#include <string>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"
#include "api/names/names.h"
#include "kubelet/env/object_cache.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::Probe;
using api::core::v1::Volume;

namespace {

constexpr int32_t kFileMode = 0644;

template <typename T>
void orElse(T& value, T otherwise) {
  if (value == T()) value = std::move(otherwise);
}

void defaultHttp(api::Box<api::core::v1::HTTPGetAction>& action) {
  if (!action) return;
  orElse<std::string>(action->path, "/");
  orElse<std::string>(action->scheme, "HTTP");
}

void defaultProbe(api::Box<Probe>& probe) {
  if (!probe) return;
  orElse(probe->timeoutSeconds, 1);
  orElse(probe->periodSeconds, 10);
  orElse(probe->successThreshold, 1);
  orElse(probe->failureThreshold, 3);
  defaultHttp(probe->handler.httpGet);
  if (probe->handler.grpc && !probe->handler.grpc->service) probe->handler.grpc->service = "";
}

std::string pullPolicy(const std::string& image) {
  const size_t slash = image.rfind('/');
  const std::string name = slash == std::string::npos ? image : image.substr(slash + 1);
  if (name.find('@') != std::string::npos) return "IfNotPresent";
  const size_t colon = name.find(':');
  const bool latest = colon == std::string::npos || name.substr(colon + 1) == "latest";
  return latest ? "Always" : "IfNotPresent";
}

void defaultContainer(Container& container, bool hostNetwork) {
  if (container.imagePullPolicy.empty()) container.imagePullPolicy = pullPolicy(container.image);
  orElse<std::string>(container.terminationMessagePath, "/dev/termination-log");
  orElse<std::string>(container.terminationMessagePolicy, "File");
  for (auto& port : container.ports) {
    orElse<std::string>(port.protocol, "TCP");
    if (hostNetwork) orElse(port.hostPort, port.containerPort);
  }
  for (const auto& [name, limit] : container.resources.limits) {
    container.resources.requests.try_emplace(name, limit);
  }
  for (auto& variable : container.env) {
    if (variable.valueFrom && variable.valueFrom->fieldRef) {
      orElse<std::string>(variable.valueFrom->fieldRef->apiVersion, "v1");
    }
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  if (!container.lifecycle) return;
  if (container.lifecycle->postStart) defaultHttp(container.lifecycle->postStart->httpGet);
  if (container.lifecycle->preStop) defaultHttp(container.lifecycle->preStop->httpGet);
}

bool hasSource(const api::core::v1::VolumeSource& source) {
  return source != api::core::v1::VolumeSource();
}

void defaultVolume(Volume& volume) {
  auto& source = volume.volumeSource;
  if (!hasSource(source)) source.emptyDir.emplace();
  if (source.hostPath && !source.hostPath->type) source.hostPath->type = "";
  if (source.downwardAPI && !source.downwardAPI->defaultMode) {
    source.downwardAPI->defaultMode = kFileMode;
  }
  if (source.projected && !source.projected->defaultMode) {
    source.projected->defaultMode = kFileMode;
  }
}

using api::FieldErrors;
using api::FieldPath;

void checkContainers(const std::vector<Container>& containers, const FieldPath& path,
                     const std::set<std::string>& volumes, std::set<std::string>& names,
                     FieldErrors& errors) {
  for (size_t i = 0; i < containers.size(); ++i) {
    const auto& container = containers[i];
    const FieldPath at = path.index(i);
    if (container.name.empty()) {
      errors.required(at.child("name"), "");
    } else {
      errors.invalidEach(at.child("name"), container.name,
                         api::validateDns1123Label(container.name));
      if (!names.insert(container.name).second) {
        errors.duplicate(at.child("name"), container.name);
      }
    }
    if (container.image.empty()) errors.required(at.child("image"), "");
    const FieldPath mounts = at.child("volumeMounts");
    for (size_t m = 0; m < container.volumeMounts.size(); ++m) {
      const auto& mount = container.volumeMounts[m];
      const FieldPath mountPath = mounts.index(m);
      if (!volumes.contains(mount.name)) errors.notFound(mountPath.child("name"), mount.name);
      if (mount.mountPath.empty()) errors.required(mountPath.child("mountPath"), "");
    }
  }
}

}  // namespace

void applyPodDefaults(Pod& pod) {
  auto& spec = pod.spec;
  orElse<std::string>(spec.dnsPolicy, "ClusterFirst");
  orElse<std::string>(spec.restartPolicy, "Always");
  orElse<std::string>(spec.schedulerName, "default-scheduler");
  if (!spec.securityContext) spec.securityContext.emplace();
  if (!spec.terminationGracePeriodSeconds) spec.terminationGracePeriodSeconds = 30;
  if (!spec.enableServiceLinks) spec.enableServiceLinks = true;
  for (auto& container : spec.initContainers) defaultContainer(container, spec.hostNetwork);
  for (auto& container : spec.containers) defaultContainer(container, spec.hostNetwork);
  for (auto& volume : spec.volumes) defaultVolume(volume);
}

Status checkStaticPod(const Pod& pod) {
  FieldErrors errors;
  const FieldPath metadata("metadata");
  if (pod.metadata.name.empty()) {
    errors.required(metadata.child("name"), "name or generateName is required");
  } else {
    errors.invalidEach(metadata.child("name"), pod.metadata.name,
                       api::validateDns1123Subdomain(pod.metadata.name));
  }
  errors.invalidEach(metadata.child("namespace"), pod.metadata.namespace_,
                     api::validateDns1123Label(pod.metadata.namespace_));
  // It names folders.
  errors.invalidEach(metadata.child("uid"), pod.metadata.uid,
                     api::validatePathSegmentName(pod.metadata.uid));
  const FieldPath spec("spec");
  std::set<std::string> volumes;
  const FieldPath volumesPath = spec.child("volumes");
  for (size_t i = 0; i < pod.spec.volumes.size(); ++i) {
    const FieldPath at = volumesPath.index(i);
    const std::string& name = pod.spec.volumes[i].name;
    errors.invalidEach(at.child("name"), name, api::validateDns1123Label(name));
    if (!volumes.insert(name).second) errors.duplicate(at.child("name"), name);
  }
  if (pod.spec.containers.empty()) errors.required(spec.child("containers"), "");
  std::set<std::string> names;
  checkContainers(pod.spec.initContainers, spec.child("initContainers"), volumes, names, errors);
  checkContainers(pod.spec.containers, spec.child("containers"), volumes, names, errors);
  if (!pod.spec.serviceAccountName.empty()) {
    errors.forbidden(spec.child("serviceAccountName"), "static pods may not reference API objects");
  }
  if (!pod.spec.ephemeralContainers.empty()) {
    errors.forbidden(spec.child("ephemeralContainers"),
                     "static pods may not have ephemeral containers");
  }
  if (!referencedObjects(pod).empty()) {
    errors.forbidden(spec, "static pods may not reference ConfigMaps or Secrets");
  }
  const Status status = errors.toStatus("Pod", pod.metadata.name);
  return status.ok() ? status : badRequest("invalid pod: " + status.message());
}

}  // namespace coxswain::kubelet
