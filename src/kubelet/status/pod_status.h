#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/container/pod_runtime.h"
#include "kubelet/prober/probe_manager.h"

namespace coxswain::kubelet {

/// What a pod's status is made of.
struct StatusInputs {
  const PodPointer& pod;                 ///< as the API server or its manifest has it
  const api::core::v1::PodStatus& last;  ///< what was reported last
  const PodState& state;                 ///< of the runtime
  const WaitingReasons& waiting;
  /// Of running containers.
  std::function<ProbeManager::Health(std::string_view container)> health;
  std::string runtimeName = "containerd";  ///< before "://" in container ids
  std::vector<std::string> hostIps;
  /// Containers will not be started any more: what is not running is terminated for good.
  bool terminating = false;
  /// Set once the pod was told to fail: phase Failed with these (Evicted, DeadlineExceeded, ...).
  std::string failReason;
  std::string failMessage;
  api::Time now;
};

/// The status as an API server should see it: phase, conditions, containers' states, addresses.
/// Pure. Upstream: generateAPIPodStatus and convertToAPIContainerStatuses of kubelet_pods.go.
api::core::v1::PodStatus makePodStatus(const StatusInputs& inputs);

/// Pending, Running, Succeeded or Failed, from the containers' states.
std::string podPhase(const PodPointer& pod, const api::core::v1::PodStatus& status,
                     bool terminating);

}  // namespace coxswain::kubelet
