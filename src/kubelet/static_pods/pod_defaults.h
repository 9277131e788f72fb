#pragma once

#include "base/result.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::kubelet {

/// Fills in what an API server would have: static pods never pass one. Rules: defaults.tsv, those
/// of pods that a kubelet acts on.
void applyPodDefaults(api::core::v1::Pod& pod);

/// The faults that would keep a pod from running at all: names, containers, images, mounts; and
/// references to API objects, which static pods may not have. BadRequest "invalid pod: [...]".
Status checkStaticPod(const api::core::v1::Pod& pod);

}  // namespace coxswain::kubelet
