#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Pod;
}
namespace coxswain::api::apps::v1 {
struct ReplicaSet;
struct ReplicaSetStatus;
}  // namespace coxswain::api::apps::v1

namespace coxswain::controllers::replicaset {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// Active pods by node: of all owners that share the controller of this one.
using PodsByNode = std::unordered_map<std::string, int>;

/// The `count` of `pods` that go first: unassigned before assigned, pending before running, not
/// ready before ready, lower pod-deletion-cost, more crowded node, ready for less time, more
/// restarts, newer. Ages compare by their logarithm.
std::vector<PodPointer> podsToDelete(std::vector<PodPointer> pods, const PodsByNode& byNode,
                                     size_t count, WallTime now);

/// What the status should be. `failure`: what went wrong when pods were made or deleted.
api::apps::v1::ReplicaSetStatus computeStatus(const api::apps::v1::ReplicaSet& set,
                                              const std::vector<PodPointer>& active,
                                              size_t terminating, const Status& failure,
                                              WallTime now);

}  // namespace coxswain::controllers::replicaset
