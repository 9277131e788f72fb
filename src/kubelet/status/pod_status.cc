#include "kubelet/status/pod_status.h"

#include <algorithm>

#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "kubelet/status/conditions.h"
#include "kubelet/status/container_status.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ContainerStatus;
using api::core::v1::PodStatus;

struct Counts {
  int unknown = 0;
  int running = 0;
  int waiting = 0;
  int stopped = 0;
  int succeeded = 0;
};

/// It backs off, which is a way of running.
bool restarts(const ContainerStatus& status) {
  return status.state.waiting && status.lastState.terminated;
}

Counts countInit(const PodPointer& pod, const PodStatus& status, int& failed) {
  Counts counts;
  for (size_t i = 0; i < status.initContainerStatuses.size(); ++i) {
    const auto& c = status.initContainerStatuses[i];
    const auto& spec = pod->spec.initContainers[i];
    PodContainer container{ContainerPointer(pod, &spec),
                           api::isSidecar(spec) ? ContainerKind::Sidecar : ContainerKind::Init, ""};
    if (container.kind == ContainerKind::Sidecar) {
      if (!c.started.value_or(false)) ++counts.waiting;
      continue;
    }
    if (c.state.terminated) {
      if (c.state.terminated->exitCode == 0) continue;
      if (restartsAfterExit(*pod, container, c.state.terminated->exitCode)) {
        ++counts.waiting;
      } else {
        ++failed;
      }
    } else {
      ++counts.waiting;
    }
  }
  return counts;
}

Counts countRegular(const PodPointer& pod, const PodStatus& status, bool terminating,
                    bool& allStay) {
  Counts counts;
  allStay = true;
  for (size_t i = 0; i < status.containerStatuses.size(); ++i) {
    const auto& c = status.containerStatuses[i];
    PodContainer container{ContainerPointer(pod, &pod->spec.containers[i]), ContainerKind::Regular,
                           ""};
    if (c.state.running) {
      ++counts.running;
    } else if (c.state.terminated) {
      ++counts.stopped;
      if (c.state.terminated->exitCode == 0) ++counts.succeeded;
      if (!terminating && restartsAfterExit(*pod, container, c.state.terminated->exitCode)) {
        allStay = false;
      }
    } else if (restarts(c)) {
      ++counts.stopped;
      allStay = false;
    } else if (c.state.waiting) {
      ++counts.waiting;
    } else {
      ++counts.unknown;
    }
  }
  return counts;
}

void addAddresses(const StatusInputs& inputs, PodStatus& status) {
  for (const auto& ip : inputs.hostIps) {
    auto& item = status.hostIPs.emplace_back();
    item.ip = ip;
  }
  if (!inputs.hostIps.empty()) status.hostIP = inputs.hostIps.front();
  std::vector<std::string> ips = inputs.pod->spec.hostNetwork ? inputs.hostIps : inputs.state.ips();
  if (ips.empty()) {
    // A pod that ended keeps the addresses it had.
    status.podIP = inputs.last.podIP;
    status.podIPs = inputs.last.podIPs;
    return;
  }
  status.podIP = ips.front();
  for (auto& ip : ips) status.podIPs.emplace_back().ip = ip;
}

}  // namespace

std::string podPhase(const PodPointer& pod, const PodStatus& status, bool terminating) {
  int initFailed = 0;
  auto init = countInit(pod, status, initFailed);
  bool allStay = true;
  auto main = countRegular(pod, status, terminating, allStay);
  if (initFailed > 0) return "Failed";
  bool initialized = main.running + main.stopped > 0;
  if (init.waiting > 0 && !initialized) return "Pending";
  if (main.waiting > 0) return "Pending";
  if (main.running > 0 && main.unknown == 0) return "Running";
  if (main.stopped > 0 && main.running == 0 && main.unknown == 0) {
    if (!allStay) return "Running";
    return main.stopped == main.succeeded ? "Succeeded" : "Failed";
  }
  return "Pending";
}

PodStatus makePodStatus(const StatusInputs& inputs) {
  PodStatus status;
  status.observedGeneration = inputs.pod->metadata.generation;
  status.startTime =
      inputs.last.startTime ? inputs.last.startTime : std::optional<api::Time>(inputs.now);
  status.qosClass = std::string(api::podQosClass(*inputs.pod));
  status.nominatedNodeName = inputs.pod->status.nominatedNodeName;
  status.resourceClaimStatuses = inputs.pod->status.resourceClaimStatuses;
  status.extendedResourceClaimStatus = inputs.pod->status.extendedResourceClaimStatus;
  status.initContainerStatuses = containerStatuses(inputs, true, false);
  status.containerStatuses = containerStatuses(inputs, false, false);
  status.ephemeralContainerStatuses = containerStatuses(inputs, false, true);
  status.phase = podPhase(inputs.pod, status, inputs.terminating);
  if (!inputs.failReason.empty()) {
    status.phase = "Failed";
    status.reason = inputs.failReason;
    status.message = inputs.failMessage;
  }
  // A phase that is final stays.
  if (inputs.last.phase == "Failed" || inputs.last.phase == "Succeeded") {
    status.phase = inputs.last.phase;
    if (status.reason.empty()) {
      status.reason = inputs.last.reason;
      status.message = inputs.last.message;
    }
  }
  addAddresses(inputs, status);
  status.conditions = podConditions(inputs, status);
  return status;
}

}  // namespace coxswain::kubelet
