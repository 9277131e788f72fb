#include "kubelet/status/conditions.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/helpers/pods.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ContainerStatus;
using api::core::v1::PodCondition;
using api::core::v1::PodStatus;

PodCondition condition(std::string_view type, bool holds, std::string reason = "",
                       std::string message = "") {
  PodCondition out;
  out.type = std::string(type);
  out.status = holds ? "True" : "False";
  out.reason = std::move(reason);
  out.message = std::move(message);
  return out;
}

std::string join(const std::vector<std::string>& parts, const char* separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

/// "containers with unknown status: [a b]" and the like; parts join with ", ".
std::string listed(std::string_view what, const std::vector<std::string>& names) {
  return fmt::format("containers with {}: [{}]", what, fmt::join(names, " "));
}

PodCondition initialized(const StatusInputs& inputs, const PodStatus& status) {
  if (inputs.pod->spec.initContainers.empty()) return condition("Initialized", true);
  // Once a regular container ran, all that came before is done.
  bool mainRan = std::any_of(status.containerStatuses.begin(), status.containerStatuses.end(),
                             [](const ContainerStatus& c) {
                               return c.started.value_or(false) || c.lastState.terminated ||
                                      c.state.terminated || c.state.running;
                             });
  if (status.phase == "Succeeded") return condition("Initialized", true, "PodCompleted");
  if (mainRan) return condition("Initialized", true);
  std::vector<std::string> incomplete;
  for (size_t i = 0; i < status.initContainerStatuses.size(); ++i) {
    const auto& c = status.initContainerStatuses[i];
    bool sidecar = api::isSidecar(inputs.pod->spec.initContainers[i]);
    bool done = sidecar ? c.started.value_or(false) : c.ready;
    if (!done) incomplete.push_back(c.name);
  }
  if (incomplete.empty()) return condition("Initialized", true);
  return condition("Initialized", false, "ContainersNotInitialized",
                   listed("incomplete status", incomplete));
}

PodCondition containersReady(const StatusInputs& inputs, const PodStatus& status,
                             std::string_view type) {
  if (status.phase == "Succeeded") return condition(type, false, "PodCompleted");
  if (status.phase == "Failed") return condition(type, false, "PodFailed");
  std::vector<std::string> unready;
  for (size_t i = 0; i < status.initContainerStatuses.size(); ++i) {
    const auto& c = status.initContainerStatuses[i];
    if (api::isSidecar(inputs.pod->spec.initContainers[i]) && !c.ready) unready.push_back(c.name);
  }
  for (const auto& c : status.containerStatuses) {
    if (!c.ready) unready.push_back(c.name);
  }
  if (unready.empty()) return condition(type, true);
  return condition(type, false, "ContainersNotReady", listed("unready status", unready));
}

PodCondition podReady(const StatusInputs& inputs, const PodStatus& status) {
  auto containers = containersReady(inputs, status, "Ready");
  if (containers.status != "True") return containers;
  std::vector<std::string> messages;
  for (const auto& gate : inputs.pod->spec.readinessGates) {
    const auto* found = api::findPodCondition(inputs.pod->status, gate.conditionType);
    if (!found) {
      messages.push_back(
          fmt::format("corresponding condition of pod readiness gate \"{}\" does not exist.",
                      gate.conditionType));
    } else if (found->status != "True") {
      messages.push_back(
          fmt::format("the status of pod readiness gate \"{}\" is not \"True\", but {}",
                      gate.conditionType, found->status));
    }
  }
  if (messages.empty()) return containers;
  return condition("Ready", false, "ReadinessGatesNotReady", join(messages, ", "));
}

PodCondition readyToStart(const StatusInputs& inputs) {
  const auto* sandbox = inputs.state.sandbox();
  bool ready = sandbox && sandbox->ready && (inputs.pod->spec.hostNetwork || !sandbox->ips.empty());
  return condition("PodReadyToStartContainers", ready);
}

}  // namespace

bool isForeignCondition(std::string_view type) {
  return type != "PodReadyToStartContainers" && type != "Initialized" && type != "Ready" &&
         type != "ContainersReady" && type != "PodScheduled";
}

std::vector<PodCondition> podConditions(const StatusInputs& inputs, const PodStatus& status) {
  std::vector<PodCondition> out;
  auto add = [&](PodCondition c) {
    c.observedGeneration = inputs.pod->metadata.generation;
    const auto* before = api::findPodCondition(inputs.last, c.type);
    bool same = before && before->status == c.status;
    c.lastTransitionTime = same ? before->lastTransitionTime : inputs.now;
    out.push_back(std::move(c));
  };
  add(readyToStart(inputs));
  add(initialized(inputs, status));
  add(podReady(inputs, status));
  add(containersReady(inputs, status, "ContainersReady"));
  if (const auto* scheduled = api::findPodCondition(inputs.pod->status, "PodScheduled")) {
    out.push_back(*scheduled);
  } else {
    add(condition("PodScheduled", true));
  }
  for (const auto& other : inputs.pod->status.conditions) {
    if (isForeignCondition(other.type)) out.push_back(other);
  }
  return out;
}

}  // namespace coxswain::kubelet
