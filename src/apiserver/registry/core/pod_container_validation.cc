#include <algorithm>
#include <optional>
#include <span>

#include "api/helpers/pods.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

void checkKeyRef(const std::string& name, const std::string& key, const FieldPath& path,
                 FieldErrors& errors) {
  checkDns1123Subdomain(name, path.child("name"), errors);
  if (!requireText(key, path.child("key"), errors))
    errors.invalidEach(path.child("key"), key, api::validateConfigMapKey(key));
}

/// The name of a ConfigMap or Secret all of whose keys are wanted; it may end as a prefix does.
void checkWholeRef(const std::string& name, const FieldPath& path, FieldErrors& errors) {
  if (requireText(name, path, errors)) return;
  errors.invalidEach(path, name, api::validateDns1123Subdomain(api::maskTrailingDash(name)));
}

void checkFileKeyRef(const v1::FileKeySelector& ref, const FieldPath& path, FieldErrors& errors) {
  if (!requireText(ref.key, path.child("key"), errors))
    errors.invalidEach(path.child("key"), ref.key, api::validateEnvVarName(ref.key));
  if (!requireText(ref.volumeName, path.child("volumeName"), errors))
    checkDns1123Label(ref.volumeName, path.child("volumeName"), errors);
  if (!requireText(ref.path, path.child("path"), errors))
    checkNoBacksteps(ref.path, path.child("path"), errors);
}

void checkEnvSource(const v1::EnvVar& variable, const FieldPath& path, FieldErrors& errors) {
  const auto& source = *variable.valueFrom;
  int count = 0;
  if (source.fieldRef) {
    ++count;
    checkFieldRef(*source.fieldRef,
                  {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
                   "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
                   "status.podIPs"},
                  path.child("fieldRef"), errors);
  }
  if (source.resourceFieldRef) {
    ++count;
    checkResourceFieldRef(*source.resourceFieldRef, false, path.child("resourceFieldRef"), errors);
  }
  if (const auto& ref = source.configMapKeyRef) {
    ++count;
    checkKeyRef(ref->localObjectReference.name, ref->key, path.child("configMapKeyRef"), errors);
  }
  if (const auto& ref = source.secretKeyRef) {
    ++count;
    checkKeyRef(ref->localObjectReference.name, ref->key, path.child("secretKeyRef"), errors);
  }
  if (source.fileKeyRef) {
    ++count;
    checkFileKeyRef(*source.fileKeyRef, path.child("fileKeyRef"), errors);
  }
  if (count == 0) {
    errors.invalid(path, "",
                   "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                   "`secretKeyRef` or `fileKeyRef`");
  } else if (!variable.value.empty()) {
    errors.invalid(path, "", "may not be specified when `value` is not empty");
  } else if (count > 1) {
    errors.invalid(path, "", "may not have more than one field specified at a time");
  }
}

void checkEnv(const std::vector<v1::EnvVar>& env, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < env.size(); ++i) {
    const auto at = path.index(i);
    if (!requireText(env[i].name, at.child("name"), errors))
      errors.invalidEach(at.child("name"), env[i].name, api::validateEnvVarName(env[i].name));
    if (env[i].valueFrom) checkEnvSource(env[i], at.child("valueFrom"), errors);
  }
}

void checkEnvFrom(const std::vector<v1::EnvFromSource>& sources, const FieldPath& path,
                  FieldErrors& errors) {
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto& source = sources[i];
    const auto at = path.index(i);
    if (!source.prefix.empty())
      errors.invalidEach(at.child("prefix"), source.prefix, api::validateEnvVarName(source.prefix));
    if (const auto& ref = source.configMapRef) {
      checkWholeRef(ref->localObjectReference.name, at.child("configMapRef", "name"), errors);
    }
    if (const auto& ref = source.secretRef) {
      checkWholeRef(ref->localObjectReference.name, at.child("secretRef", "name"), errors);
    }
    // Upstream leaves the index out of the next two.
    if (source.configMapRef && source.secretRef) {
      errors.invalid(path, "", "may not have more than one field specified at a time");
    } else if (!source.configMapRef && !source.secretRef) {
      errors.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
    }
  }
}

void checkPorts(const std::vector<v1::ContainerPort>& ports, const FieldPath& path,
                FieldErrors& errors) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto& port = ports[i];
    const auto at = path.index(i);
    if (!port.name.empty()) {
      const auto messages = api::validatePortName(port.name);
      errors.invalidEach(at.child("name"), port.name, messages);
      if (messages.empty() && !names.insert(port.name).second)
        errors.duplicate(at.child("name"), port.name);
    }
    if (port.containerPort == 0) {
      errors.required(at.child("containerPort"));
    } else {
      errors.invalidEach(at.child("containerPort"), port.containerPort,
                         api::validatePortNumber(port.containerPort));
    }
    if (port.hostPort != 0) {
      errors.invalidEach(at.child("hostPort"), port.hostPort,
                         api::validatePortNumber(port.hostPort));
    }
    checkOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, at.child("protocol"), errors);
    if (!port.hostIP.empty()) {
      errors.invalidEach(at.child("hostIP"), port.hostIP,
                         api::validateIpForLegacyField(port.hostIP));
    }
  }
}

const v1::Volume* findVolume(const ContainerScope& scope, std::string_view name) {
  const auto found = std::lower_bound(
      scope.volumes.begin(), scope.volumes.end(), name,
      [](const auto* volume, std::string_view wanted) { return volume->name < wanted; });
  return found == scope.volumes.end() || (*found)->name != name ? nullptr : *found;
}

/// The names of what is mounted, or of devices, and where.
struct Places {
  template <typename List, typename Path>
  Places(const List& list, Path path) {
    for (const auto& each : list) {
      names.insert(each.name);
      paths.insert(each.*path);
    }
  }
  std::set<std::string_view> names;
  std::set<std::string_view> paths;
};

template <typename C>
void checkMounts(const C& container, const ContainerScope& scope, const FieldPath& parent,
                 FieldErrors& errors) {
  const auto path = parent.child("volumeMounts");
  std::set<std::string_view> mountPaths;
  const Places devices(container.volumeDevices, &v1::VolumeDevice::devicePath);
  for (size_t i = 0; i < container.volumeMounts.size(); ++i) {
    const auto& mount = container.volumeMounts[i];
    const auto at = path.index(i);
    requireText(mount.name, at.child("name"), errors);
    if (findVolume(scope, mount.name) == nullptr) errors.notFound(at.child("name"), mount.name);
    requireText(mount.mountPath, at.child("mountPath"), errors);
    if (!mountPaths.insert(mount.mountPath).second)
      errors.invalid(at.child("mountPath"), mount.mountPath, "must be unique");
    if (devices.names.contains(mount.name))
      errors.invalid(at.child("name"), mount.name, "must not already exist in volumeDevices");
    if (devices.paths.contains(mount.mountPath)) {
      errors.invalid(at.child("mountPath"), mount.mountPath,
                     "must not already exist as a path in volumeDevices");
    }
    // Upstream leaves the index out of the rest; clients see it so.
    if (!mount.subPath.empty()) checkDescendingPath(mount.subPath, path.child("subPath"), errors);
    if (!mount.subPathExpr.empty()) {
      if (!mount.subPath.empty()) {
        errors.invalid(at.child("subPathExpr"), mount.subPathExpr,
                       "subPathExpr and subPath are mutually exclusive");
      }
      checkDescendingPath(mount.subPathExpr, path.child("subPathExpr"), errors);
    }
    if (mount.mountPropagation) {
      const auto& mode = *mount.mountPropagation;
      const bool privileged =
          container.securityContext && container.securityContext->privileged.value_or(false);
      if (mode != "None" && mode != "HostToContainer" && mode != "Bidirectional") {
        errors.notSupported(path.child("mountPropagation"), mode,
                            {"Bidirectional", "HostToContainer", "None"});
      }
      if (mode == "Bidirectional" && !privileged) {
        errors.forbidden(path.child("mountPropagation"),
                         "Bidirectional mount propagation is available only to privileged "
                         "containers");
      }
    }
    if (mount.recursiveReadOnly) {
      const auto& mode = *mount.recursiveReadOnly;
      const auto child = path.child("recursiveReadOnly");
      if (mode == "Enabled" || mode == "IfPossible") {
        if (!mount.readOnly) errors.forbidden(child, "may only be specified when readOnly is true");
        if (mount.mountPropagation && *mount.mountPropagation != "None") {
          errors.forbidden(child,
                           "may only be specified when mountPropagation is None or not specified");
        }
      } else if (mode != "Disabled") {
        errors.notSupported(child, mode, {"Disabled", "Enabled", "IfPossible"});
      }
    }
  }
}

template <typename C>
void checkDevices(const C& container, const ContainerScope& scope, const FieldPath& parent,
                  FieldErrors& errors) {
  if (container.volumeDevices.empty()) return;
  const auto path = parent.child("volumeDevices");
  std::set<std::string_view> names;
  std::set<std::string_view> paths;
  const Places mounts(container.volumeMounts, &v1::VolumeMount::mountPath);
  for (size_t i = 0; i < container.volumeDevices.size(); ++i) {
    const auto& device = container.volumeDevices[i];
    const auto at = path.index(i);
    const auto name = at.child("name");
    const auto devicePath = at.child("devicePath");
    if (!requireText(device.name, name, errors) && !names.insert(device.name).second)
      errors.invalid(name, device.name, "must be unique");
    if (const auto* volume = findVolume(scope, device.name); volume == nullptr) {
      errors.notFound(name, device.name);
    } else if (!volume->volumeSource.persistentVolumeClaim && !volume->volumeSource.ephemeral) {
      errors.invalid(name, device.name,
                     "can only use volume source type of PersistentVolumeClaim or Ephemeral for "
                     "block mode");
    }
    requireText(device.devicePath, devicePath, errors);
    if (paths.contains(device.devicePath))
      errors.invalid(devicePath, device.devicePath, "must be unique");
    if (hasBacksteps(device.devicePath)) {
      errors.invalid(devicePath, device.devicePath, "can not contain backsteps ('..')");
    } else {
      paths.insert(device.devicePath);
    }
    if (mounts.names.contains(device.name))
      errors.invalid(name, device.name, "must not already exist in volumeMounts");
    if (mounts.paths.contains(device.devicePath)) {
      errors.invalid(devicePath, device.devicePath,
                     "must not already exist as a path in volumeMounts");
    }
  }
}

void checkResizePolicy(const std::vector<v1::ContainerResizePolicy>& policies,
                       const std::string& podRestartPolicy, const FieldPath& path,
                       FieldErrors& errors) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < policies.size(); ++i) {
    const auto& policy = policies[i];
    // Only the double has an index, as upstream.
    if (!seen.insert(policy.resourceName).second)
      errors.duplicate(path.index(i), policy.resourceName);
    checkOneOf(policy.resourceName, {"cpu", "memory"}, path, errors);
    checkOneOf(policy.restartPolicy, {"NotRequired", "RestartContainer"}, path, errors);
    if (podRestartPolicy == "Never" && policy.restartPolicy != "NotRequired") {
      errors.invalid(path, policy.restartPolicy,
                     "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}

void checkRestartRules(const v1::Container& container, const FieldPath& path, FieldErrors& errors) {
  const auto& policy = container.restartPolicy;
  if (policy && *policy != "Always" && *policy != "Never" && *policy != "OnFailure") {
    errors.notSupported(path.child("restartPolicy"), *policy, {"Always", "Never", "OnFailure"});
  }
  const auto& rules = container.restartPolicyRules;
  if (rules.empty()) return;
  if (!container.restartPolicy)
    errors.required(path.child("restartPolicy"),
                    "must specify restartPolicy when restart rules are used");
  const auto list = path.child("restartPolicyRules");
  if (rules.size() > 20) errors.tooMany(list, static_cast<int64_t>(rules.size()), 20);
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto at = list.index(i);
    if (rules[i].action != "Restart" && rules[i].action != "RestartAllContainers") {
      errors.notSupported(at.child("action"), rules[i].action, {"Restart", "RestartAllContainers"});
    }
    const auto exit = at.child("exitCodes");
    if (!rules[i].exitCodes) {
      errors.required(exit, "must be specified");
      continue;
    }
    const auto& op = rules[i].exitCodes->operator_;
    if (op != "In" && op != "NotIn")
      errors.notSupported(exit.child("operator"), op, {"In", "NotIn"});
    const auto& values = rules[i].exitCodes->values;
    if (values.size() > 255)
      errors.tooMany(exit.child("values"), static_cast<int64_t>(values.size()), 255);
  }
}

/// A sidecar has no rules; others are checked where they have a policy, as upstream.
void checkInitRestart(const v1::Container& container, const FieldPath& path, FieldErrors& errors) {
  if (!container.restartPolicy) return;
  if (!api::isSidecar(container)) return checkRestartRules(container, path, errors);
  if (!container.restartPolicyRules.empty()) {
    errors.forbidden(path.child("restartPolicyRules"),
                     "restartPolicyRules are not allowed for init containers with restart policy "
                     "Always");
  }
}

/// What all kinds of containers must satisfy.
template <typename C>
void checkCommon(const C& container, const ContainerScope& scope, const FieldPath& path,
                 FieldErrors& errors) {
  const v1::PodSpec& spec = scope.spec;
  if (!requireText(container.name, path.child("name"), errors))
    errors.invalidEach(path.child("name"), container.name,
                       api::validateDns1123Label(container.name));
  requireText(container.image, path.child("image"), errors);
  checkOneOf(container.terminationMessagePolicy, {"File", "FallbackToLogsOnError"},
             path.child("terminationMessagePolicy"), errors);
  checkPorts(container.ports, path.child("ports"), errors);
  checkEnv(container.env, path.child("env"), errors);
  checkEnvFrom(container.envFrom, path.child("envFrom"), errors);
  checkMounts(container, scope, path, errors);
  checkDevices(container, scope, path, errors);
  checkOneOf(container.imagePullPolicy, {"Always", "IfNotPresent", "Never"},
             path.child("imagePullPolicy"), errors);
  validateResourceRequirements(container.resources, scope.claims, path.child("resources"), errors);
  checkResizePolicy(container.resizePolicy, spec.restartPolicy, path.child("resizePolicy"), errors);
  if (container.securityContext) {
    checkSecurityContext(*container.securityContext, spec.hostUsers.value_or(true),
                         path.child("securityContext"), errors);
  }
}

/// Probes and lifecycle of a container that runs on.
void checkLongRunning(const v1::Container& container, const v1::PodSpec& spec,
                      const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kOne = "must be 1";
  if (container.lifecycle)
    checkLifecycle(*container.lifecycle, spec, path.child("lifecycle"), errors);
  if (const auto& probe = container.livenessProbe) {
    const auto at = path.child("livenessProbe");
    checkProbe(*probe, at, errors);
    if (probe->successThreshold != 1)
      errors.invalid(at.child("successThreshold"), probe->successThreshold, kOne);
  }
  if (const auto& probe = container.readinessProbe) {
    const auto at = path.child("readinessProbe");
    checkProbe(*probe, at, errors);
    if (probe->terminationGracePeriodSeconds) {
      errors.invalid(at.child("terminationGracePeriodSeconds"),
                     *probe->terminationGracePeriodSeconds, "must not be set for readinessProbes");
    }
  }
  if (const auto& probe = container.startupProbe) {
    const auto at = path.child("startupProbe");
    checkProbe(*probe, at, errors);
    if (probe->successThreshold != 1)
      errors.invalid(at.child("successThreshold"), probe->successThreshold, kOne);
  }
}

void checkInitOnly(const v1::Container& container, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kText =
      "may not be set for init containers without restartPolicy=Always";
  if (container.lifecycle) errors.forbidden(path.child("lifecycle"), kText);
  if (container.livenessProbe) errors.forbidden(path.child("livenessProbe"), kText);
  if (container.readinessProbe) errors.forbidden(path.child("readinessProbe"), kText);
  if (container.startupProbe) errors.forbidden(path.child("startupProbe"), kText);
}

void checkEphemeral(const v1::EphemeralContainer& container, const ContainerScope& scope,
                    std::set<std::string_view>& names, const FieldPath& path, FieldErrors& errors) {
  const v1::PodSpec& spec = scope.spec;
  constexpr std::string_view kText = "cannot be set for an Ephemeral Container";
  const auto& common = container.ephemeralContainerCommon;
  checkCommon(common, scope, path, errors);
  checkImageText(common.image, path.child("image"), errors);
  if (!names.insert(common.name).second) errors.duplicate(path.child("name"), common.name);
  if (const auto& target = container.targetContainerName; !target.empty()) {
    const auto named = [&](const auto& c) { return c.name == target; };
    if (std::none_of(spec.containers.begin(), spec.containers.end(), named) &&
        std::none_of(spec.initContainers.begin(), spec.initContainers.end(), named))
      errors.notFound(path.child("targetContainerName"), target);
  }
  const auto refuse = [&](bool set, std::string_view member) {
    if (set) errors.forbidden(path.child(member), kText);
  };
  refuse(!common.ports.empty(), "ports");
  refuse(!(common.resources == v1::ResourceRequirements()), "resources");
  refuse(!common.resizePolicy.empty(), "resizePolicy");
  refuse(common.restartPolicy.has_value(), "restartPolicy");
  refuse(!common.restartPolicyRules.empty(), "restartPolicyRules");
  refuse(static_cast<bool>(common.livenessProbe), "livenessProbe");
  refuse(static_cast<bool>(common.readinessProbe), "readinessProbe");
  refuse(static_cast<bool>(common.startupProbe), "startupProbe");
  refuse(static_cast<bool>(common.lifecycle), "lifecycle");
  for (size_t i = 0; i < common.volumeMounts.size(); ++i) {
    const auto at = path.child("volumeMounts").index(i);
    if (!common.volumeMounts[i].subPath.empty()) errors.forbidden(at.child("subPath"), kText);
    if (!common.volumeMounts[i].subPathExpr.empty())
      errors.forbidden(at.child("subPathExpr"), kText);
  }
}

/// Two containers must not want the same port of the host.
void checkHostPorts(std::span<const v1::Container> containers, const FieldPath& path,
                    std::set<std::string>& taken, FieldErrors& errors) {
  for (size_t c = 0; c < containers.size(); ++c) {
    for (size_t p = 0; p < containers[c].ports.size(); ++p) {
      const auto& port = containers[c].ports[p];
      if (port.hostPort == 0) continue;
      std::string key = port.protocol + "/" + port.hostIP + "/" + std::to_string(port.hostPort);
      if (taken.contains(key)) {
        errors.duplicate(path.index(c).child("ports").index(p).child("hostPort"), key);
      } else {
        taken.insert(std::move(key));
      }
    }
  }
}

}  // namespace

void checkContainers(const ContainerScope& scope, const FieldPath& path, FieldErrors& errors) {
  const v1::PodSpec& spec = scope.spec;
  std::set<std::string_view> names;
  const auto list = path.child("containers");
  if (spec.containers.empty()) errors.required(list);
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    const auto& container = spec.containers[i];
    const auto at = list.index(i);
    checkCommon(container, scope, at, errors);
    if (!names.insert(container.name).second) errors.duplicate(at.child("name"), container.name);
    checkLongRunning(container, spec, at, errors);
    checkRestartRules(container, at, errors);
  }
  std::set<std::string> hostPorts;
  checkHostPorts(spec.containers, list, hostPorts, errors);

  const auto initList = path.child("initContainers");
  for (size_t i = 0; i < spec.initContainers.size(); ++i) {
    const auto& container = spec.initContainers[i];
    const auto at = initList.index(i);
    checkCommon(container, scope, at, errors);
    checkInitRestart(container, at, errors);
    if (names.contains(container.name)) {
      errors.duplicate(at.child("name"), container.name);
    } else if (!container.name.empty()) {
      names.insert(container.name);
    }
    // Init containers run one after the other: only those of one container must differ.
    std::set<std::string> own;
    checkHostPorts({&container, 1}, initList, own, errors);
    if (api::isSidecar(container)) {
      checkLongRunning(container, spec, at, errors);
    } else {
      checkInitOnly(container, at, errors);
    }
  }

  checkEphemeralContainers(scope, path.child("ephemeralContainers"), errors);
}

void checkImageText(std::string_view image, const FieldPath& path, FieldErrors& errors) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  if (!image.empty() && (space(image.front()) || space(image.back())))
    errors.invalid(path, image, "must not have leading or trailing whitespace");
}

void checkEphemeralContainers(const ContainerScope& scope, const FieldPath& path,
                              FieldErrors& errors) {
  std::set<std::string_view> names;
  for (const auto& container : scope.spec.containers) names.insert(container.name);
  for (const auto& container : scope.spec.initContainers) names.insert(container.name);
  const auto& list = scope.spec.ephemeralContainers;
  for (size_t i = 0; i < list.size(); ++i) {
    checkEphemeral(list[i], scope, names, path.index(i), errors);
  }
}

}  // namespace coxswain::apiserver::pods
