#pragma once

#include "kubelet/status/pod_status.h"

namespace coxswain::kubelet {

/// PodReadyToStartContainers, Initialized, Ready, ContainersReady, PodScheduled, in this order,
/// with those of others (readiness gates, DisruptionTarget) kept behind. `status` has everything
/// else.
std::vector<api::core::v1::PodCondition> podConditions(const StatusInputs& inputs,
                                                       const api::core::v1::PodStatus& status);

/// Somebody else's: neither made here nor touched.
bool isForeignCondition(std::string_view type);

}  // namespace coxswain::kubelet
