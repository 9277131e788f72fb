#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace coxswain::controllers::podgc {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// Of the pods that have ended, those beyond `threshold`: evicted ones first, then the oldest.
std::vector<PodPointer> beyondThreshold(std::vector<PodPointer> ended, size_t threshold);

/// Being deleted without ever having had a node: no kubelet will end it.
bool isUnscheduledTerminating(const api::core::v1::Pod& pod);

/// Being deleted on a node whose kubelet will not return: not ready, with taint
/// node.kubernetes.io/out-of-service.
bool isOutOfService(const api::core::v1::Node& node);

}  // namespace coxswain::controllers::podgc
