#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubelet/container/pod_containers.h"

namespace coxswain::api::core::v1 {
struct Node;
}

namespace coxswain::kubelet {

/// Why a pod cannot run here although it was bound here.
struct Rejection {
  std::string reason;  ///< of the pod's status and the event: "OutOfcpu", "NodeAffinity", ...
  std::string message;
};

/// Whether `pod` fits beside `active`, those that run here already. Pure. Static pods are asked for
/// resources only. Upstream: pkg/kubelet/lifecycle/predicate.go.
std::optional<Rejection> admitPod(const api::core::v1::Pod& pod,
                                  const std::vector<PodPointer>& active,
                                  const api::core::v1::Node& node, bool isStatic);

}  // namespace coxswain::kubelet
