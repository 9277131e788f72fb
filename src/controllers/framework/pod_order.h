#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/meta/time.h"
#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

// Which of two pods is missed less, and so goes first where there are too many. Negative: the
// first. Upstream: ActivePods and ActivePodsWithRanks of pkg/controller/controller_utils.go.
namespace coxswain::controllers {

/// Without a node before with one, pending before unknown before running, not ready before ready.
int compareStages(const api::core::v1::Pod& a, const api::core::v1::Pod& b);
/// The one that restarted more often, by its container that did most; where that is equal, by its
/// sidecars.
int compareRestarts(const api::core::v1::Pod& a, const api::core::v1::Pod& b);
/// Zero: it is not ready.
api::Time readySince(const api::core::v1::Pod& pod);
/// By stage, then ready for less time, then restarts, then the newer. Times that are unknown count
/// as the newest.
void sortLeastMissedFirst(std::vector<std::shared_ptr<const api::core::v1::Pod>>& pods);

/// When the next of the ready pods becomes available; zero: none is waited for.
Duration untilNextAvailable(const std::vector<std::shared_ptr<const api::core::v1::Pod>>& pods,
                            int32_t minReadySeconds, WallTime now);

}  // namespace coxswain::controllers
