#include "kubelet/status/container_status.h"

#include <fmt/format.h>

#include "api/helpers/pods.h"
#include "kubelet/cri/signals.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::ContainerState;
using api::core::v1::ContainerStateTerminated;
using api::core::v1::ContainerStatus;

api::Time timeOf(int64_t nanos) {
  return nanos == 0 ? api::Time::fromUnix(0) : api::Time(WallTime(Duration(nanos)));
}

std::string fullId(const StatusInputs& inputs, const std::string& id) {
  return id.empty() ? "" : inputs.runtimeName + "://" + id;
}

ContainerStateTerminated terminated(const StatusInputs& inputs, const ContainerRun& run) {
  ContainerStateTerminated out;
  out.exitCode = run.exitCode;
  out.reason = run.reason;
  out.message = run.message;
  out.startedAt = timeOf(run.startedAt);
  out.finishedAt = timeOf(run.finishedAt);
  out.containerID = fullId(inputs, run.id);
  return out;
}

ContainerState waitingState(std::string reason, std::string message = "") {
  ContainerState out;
  auto& waiting = out.waiting.emplace();
  waiting.reason = std::move(reason);
  waiting.message = std::move(message);
  return out;
}

ContainerState stateOf(const StatusInputs& inputs, const ContainerRun& run) {
  ContainerState out;
  if (run.running()) {
    out.running.emplace().startedAt = timeOf(run.startedAt);
  } else if (run.exited()) {
    out.terminated = terminated(inputs, run);
  } else {
    out.waiting.emplace().reason = "ContainerCreating";
  }
  return out;
}

const ContainerStatus* lastStatus(const StatusInputs& inputs, const std::string& name) {
  return api::findContainerStatus(inputs.last, name);
}

/// A container that ran once and that the runtime does not know any more.
ContainerState lost(const StatusInputs& inputs, const std::string& message) {
  ContainerState out;
  auto& gone = out.terminated.emplace();
  gone.exitCode = 137;
  gone.reason = "ContainerStatusUnknown";
  gone.message = message;
  gone.startedAt = gone.finishedAt = api::Time::fromUnix(0);
  return out;
}

std::vector<api::core::v1::VolumeMountStatus> mountStatuses(const Container& container) {
  std::vector<api::core::v1::VolumeMountStatus> out;
  for (const auto& mount : container.volumeMounts) {
    api::core::v1::VolumeMountStatus item;
    item.name = mount.name;
    item.mountPath = mount.mountPath;
    item.readOnly = mount.readOnly;
    if (mount.readOnly) {
      bool recursive = mount.recursiveReadOnly.value_or("Disabled") == "Enabled";
      item.recursiveReadOnly = recursive ? "Enabled" : "Disabled";
    }
    out.push_back(std::move(item));
  }
  return out;
}

void describeRun(const StatusInputs& inputs, const ContainerRun& run, ContainerStatus& out) {
  out.restartCount = static_cast<int32_t>(run.restartCount);
  out.image = run.image;
  out.imageID = run.imageRef;
  out.containerID = fullId(inputs, run.id);
  if (run.user && run.user->linux) {
    auto& user = out.user.emplace().linux.emplace();
    user.uid = run.user->linux->uid;
    user.gid = run.user->linux->gid;
    user.supplementalGroups = run.user->linux->supplementalGroups;
  }
}

/// There is no run of it: not started yet, or lost.
void describeAbsent(const StatusInputs& inputs, ContainerStatus& out) {
  const auto* last = lastStatus(inputs, out.name);
  bool ran = last && !last->containerID.empty();
  if (!ran) {
    out.state = waitingState(inputs.pod->spec.initContainers.empty() ? "ContainerCreating"
                                                                     : "PodInitializing");
    if (inputs.terminating && inputs.last.phase != "Pending" && last) {
      out.state = lost(inputs, "The container could not be located when the pod was terminated");
    }
    return;
  }
  out.restartCount = last->restartCount;
  out.image = last->image;
  out.imageID = last->imageID;
  out.containerID = last->containerID;
  if (last->state.terminated) {
    out.state = last->state;
    out.lastState = last->lastState;
    return;
  }
  auto text = inputs.pod->metadata.deletionTimestamp
                  ? "The container could not be located when the pod was deleted.  The container "
                    "used to be Running"
                  : "The container could not be located when the pod was terminated";
  if (inputs.terminating) {
    out.state = lost(inputs, text);
    return;
  }
  out.state = waitingState("ContainerCreating");
  out.lastState = lost(inputs, text);
  out.restartCount = last->restartCount + 1;
}

void describeResources(const Container& spec, const ContainerStatus* last, ContainerStatus& out) {
  if (out.state.terminated && last && last->resources) {
    out.resources = last->resources;
    out.allocatedResources = last->allocatedResources;
    return;
  }
  auto& resources = out.resources.emplace();
  resources.requests = spec.resources.requests;
  resources.limits = spec.resources.limits;
  out.allocatedResources = spec.resources.requests;
}

ContainerStatus statusOf(const StatusInputs& inputs, const PodContainer& container) {
  const Container& spec = *container.spec;
  ContainerStatus out;
  out.name = spec.name;
  out.image = spec.image;
  const auto* run = inputs.state.run(spec.name);
  if (run) {
    describeRun(inputs, *run, out);
    out.state = stateOf(inputs, *run);
    if (const auto* before = inputs.state.run(spec.name, 1); before && before->exited()) {
      out.lastState.terminated = terminated(inputs, *before);
    }
  } else {
    describeAbsent(inputs, out);
  }
  auto waiting = inputs.waiting.find(spec.name);
  if (waiting != inputs.waiting.end() && !out.state.running && !inputs.terminating) {
    // It shows why it does not run; what ended before becomes its past.
    if (out.state.terminated) out.lastState = std::move(out.state);
    out.state = waitingState(waiting->second.reason, waiting->second.message);
  }
  if (out.state.running) {
    auto health = inputs.health(spec.name);
    out.started = health.started;
    out.ready = health.ready && container.kind != ContainerKind::Init;
    if (container.kind == ContainerKind::Init) out.started = true;
    if (container.kind == ContainerKind::Ephemeral) out.ready = false;
  } else {
    out.started = false;
    bool succeeded = out.state.terminated && out.state.terminated->exitCode == 0;
    out.ready = container.kind == ContainerKind::Init && succeeded;
  }
  out.volumeMounts = mountStatuses(spec);
  if (container.kind != ContainerKind::Ephemeral) {
    describeResources(spec, lastStatus(inputs, spec.name), out);
  }
  return out;
}

}  // namespace

std::vector<ContainerStatus> containerStatuses(const StatusInputs& inputs, bool init,
                                               bool ephemeral) {
  std::vector<ContainerStatus> out;
  for (const auto& container : podContainers(inputs.pod)) {
    bool isInit = container.kind == ContainerKind::Init || container.kind == ContainerKind::Sidecar;
    bool isEphemeral = container.kind == ContainerKind::Ephemeral;
    if (isInit == init && isEphemeral == ephemeral) out.push_back(statusOf(inputs, container));
  }
  return out;
}

}  // namespace coxswain::kubelet
