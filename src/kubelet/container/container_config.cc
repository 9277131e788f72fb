#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "kubelet/cgroups/resources.h"
#include "kubelet/container/config.h"
#include "kubelet/container/names.h"
#include "kubelet/cri/signals.h"
#include "kubelet/volume/volume_manager.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;

int64_t amount(const api::Map<api::Quantity>& list, std::string_view name, bool milli) {
  const auto* quantity = list.get(name);
  if (!quantity) return 0;
  return milli ? quantity->milliValue() : quantity->value();
}

cri::MountPropagation propagationOf(std::string_view name) {
  if (name == "HostToContainer") return cri::PROPAGATION_HOST_TO_CONTAINER;
  if (name == "Bidirectional") return cri::PROPAGATION_BIDIRECTIONAL;
  return cri::PROPAGATION_PRIVATE;
}

cri::Mount bindMount(std::string hostPath, std::string containerPath, bool readOnly) {
  cri::Mount out;
  out.hostPath = std::move(hostPath);
  out.containerPath = std::move(containerPath);
  out.readonly = readOnly;
  return out;
}

std::vector<cri::Mount> mountsOf(const Container& container, const ContainerInputs& inputs) {
  std::vector<cri::Mount> out;
  bool ownHosts = false;
  for (const auto& mount : inputs.mounts) {
    cri::Mount item = bindMount(mount.hostPath, mount.containerPath, mount.readOnly);
    item.propagation = propagationOf(mount.propagation);
    item.recursiveReadOnly = mount.recursiveReadOnly;
    ownHosts = ownHosts || mount.containerPath == "/etc/hosts";
    out.push_back(std::move(item));
  }
  if (!inputs.hostsFile.empty() && !ownHosts) {
    out.push_back(bindMount(inputs.hostsFile, "/etc/hosts", false));
  }
  if (!inputs.terminationLogFile.empty()) {
    out.push_back(bindMount(inputs.terminationLogFile, container.terminationMessagePath, false));
  }
  return out;
}

/// What a later kubelet must know to end the container without the pod object.
api::Map<std::string> annotationsOf(const Pod& pod, const Container& container,
                                    const ContainerInputs& inputs) {
  api::Map<std::string> out;
  out[kContainerHash] = containerHash(container);
  out[kContainerRestartCount] = std::to_string(inputs.restartCount);
  out[kTerminationMessagePath] = container.terminationMessagePath;
  out[kTerminationMessagePolicy] = container.terminationMessagePolicy;
  if (pod.metadata.deletionGracePeriodSeconds) {
    out[kPodDeletionGracePeriod] = std::to_string(*pod.metadata.deletionGracePeriodSeconds);
  }
  if (pod.spec.terminationGracePeriodSeconds) {
    out[kPodTerminationGracePeriod] = std::to_string(*pod.spec.terminationGracePeriodSeconds);
  }
  if (container.lifecycle && container.lifecycle->preStop) {
    out[kPreStopHandler] = api::encodeJson(*container.lifecycle->preStop);
  }
  if (!container.ports.empty()) {
    std::string text = "[";
    for (const auto& port : container.ports) {
      if (text.size() > 1) text += ",";
      text += api::encodeJson(port);
    }
    out[kContainerPorts] = text + "]";
  }
  return out;
}

}  // namespace

cri::LinuxContainerResources containerResources(const Pod& pod, const Container& container,
                                                const NodeSettings& node) {
  cri::LinuxContainerResources out;
  int64_t request = amount(container.resources.requests, "cpu", true);
  int64_t limit = amount(container.resources.limits, "cpu", true);
  bool asked = container.resources.requests.contains("cpu");
  // A limit without a request counts as one.
  out.cpuShares = static_cast<int64_t>(milliCpuToShares(!asked && limit > 0 ? limit : request));
  out.memoryLimitInBytes = amount(container.resources.limits, "memory", false);
  out.oomScoreAdj = containerOomScore(pod, container, node.memoryCapacity);
  if (node.cpuCfsQuota) {
    out.cpuPeriod =
        std::chrono::duration_cast<std::chrono::microseconds>(node.cpuCfsQuotaPeriod).count();
    out.cpuQuota = milliCpuToQuotaUs(limit, out.cpuPeriod);
  }
  for (const auto& [name, quantity] : container.resources.limits) {
    auto size = hugePageFileSize(name);
    if (size.empty()) continue;
    cri::HugepageLimit huge;
    huge.pageSize = size;
    huge.limit = static_cast<uint64_t>(quantity.value());
    out.hugepageLimits.push_back(std::move(huge));
  }
  // All processes of a container end together when it runs out of memory.
  if (node.cgroupV2) out.unified["memory.oom.group"] = "1";
  return out;
}

cri::ContainerConfig containerConfig(const Pod& pod, const PodContainer& container,
                                     const ContainerInputs& inputs, const NodeSettings& node) {
  const Container& spec = *container.spec;
  cri::ContainerConfig out;
  auto& metadata = out.metadata.getOrCreate();
  metadata.name = spec.name;
  metadata.attempt = inputs.restartCount;
  auto& image = out.image.getOrCreate();
  image.image = inputs.imageRef;
  image.userSpecifiedImage = spec.image;
  out.command = expandCommand(spec.command, inputs.environment);
  out.args = expandCommand(spec.args, inputs.environment);
  out.workingDir = spec.workingDir;
  for (const auto& variable : inputs.environment) {
    cri::KeyValue entry;
    entry.key = variable.name;
    entry.value = variable.value;
    out.envs.push_back(std::move(entry));
  }
  out.mounts = mountsOf(spec, inputs);
  for (const auto& device : inputs.devices) {
    auto& made = out.devices.emplace_back();
    made.containerPath = device.containerPath;
    made.hostPath = device.hostPath;
    made.permissions = device.readOnly ? "r" : "mrw";
  }
  out.labels[kPodNameLabel] = pod.metadata.name;
  out.labels[kPodNamespaceLabel] = pod.metadata.namespace_;
  out.labels[kPodUidLabel] = pod.metadata.uid;
  out.labels[kContainerNameLabel] = spec.name;
  out.annotations = annotationsOf(pod, spec, inputs);
  out.logPath = fmt::format("{}/{}.log", spec.name, inputs.restartCount);
  out.stdin = spec.stdin;
  out.stdinOnce = spec.stdinOnce;
  out.tty = spec.tty;
  auto& linux = out.linux.getOrCreate();
  linux.resources = containerResources(pod, spec, node);
  linux.securityContext = containerSecurity(pod, spec, inputs.user, inputs.targetId,
                                            node.rootDir + "/seccomp", node.seccompDefault);
  if (spec.lifecycle && spec.lifecycle->stopSignal) {
    out.stopSignal = cri::signalNumber(*spec.lifecycle->stopSignal);
  }
  return out;
}

}  // namespace coxswain::kubelet
