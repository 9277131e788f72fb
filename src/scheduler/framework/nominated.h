#pragma once

#include "scheduler/framework/framework.h"

namespace coxswain::scheduler {

/// Framework::filter on a node for whose nominated pods room is being made: those of the same or a
/// higher priority count too, and the pod must fit both with and without them (they may not come
/// after all, and it must not rely on them). `state` is as it was afterwards.
Code filterBesideNominated(const Framework& framework, CycleState& state, const PodInfo& pod,
                           const NodeInfo& node, const Snapshot& snapshot, Reasons& reasons,
                           uint32_t& rejectedBy);

}  // namespace coxswain::scheduler
