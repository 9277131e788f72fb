#pragma once

#include "kubelet/status/pod_status.h"

namespace coxswain::kubelet {

/// The statuses of a kind of containers, in the pod's order.
std::vector<api::core::v1::ContainerStatus> containerStatuses(const StatusInputs& inputs, bool init,
                                                              bool ephemeral);

}  // namespace coxswain::kubelet
