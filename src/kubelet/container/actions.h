#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/container/pod_containers.h"
#include "kubelet/container/pod_state.h"

namespace coxswain::kubelet {

/// What probes say of a running container.
struct ContainerHealth {
  bool started = true;  ///< no startup probe, or it succeeded
  bool livenessFailed = false;
  bool startupFailed = false;
};
using HealthFunction = std::function<ContainerHealth(std::string_view container)>;

/// A container that has to end while its pod goes on.
struct ContainerKill {
  std::string id;
  PodContainer container;
  std::string message;                  ///< of the Killing event
  std::optional<int64_t> graceSeconds;  ///< the probe's own; else the pod's
};

/// What brings a pod nearer to what it should be. Nothing of it has happened yet.
struct PodActions {
  bool createSandbox = false;
  uint32_t attempt = 0;         ///< of the new sandbox
  bool stopOldSandbox = false;  ///< with all in it, first
  std::vector<ContainerKill> kill;
  std::vector<std::string> remove;  ///< runs that were made but never started
  std::vector<PodContainer> start;  ///< in this order
  [[nodiscard]] bool empty() const {
    return !createSandbox && !stopOldSandbox && kill.empty() && remove.empty() && start.empty();
  }
};

/// Decides; a pure function. Containers that failed and may restart are in `start` even while they
/// back off. Init containers come one at a time: call again when the state has changed. A pod whose
/// containers all ended for good has no actions.
/// Upstream: computePodActions of kuberuntime_manager.go.
PodActions decideActions(const PodPointer& pod, const PodState& state,
                         const HealthFunction& health);

}  // namespace coxswain::kubelet
