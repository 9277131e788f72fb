#pragma once

#include <string>
#include <vector>

#include "scheduler/framework/events.h"

namespace coxswain::api::core::v1 {
struct PersistentVolumeClaim;
}

namespace coxswain::scheduler {

/// A claim that a pod uses, in the pod's namespace.
struct PodClaim {
  std::string name;
  bool ephemeral = false;  ///< made for this pod, from its template
};

/// In the order of the pod's volumes. Costs nothing where there is none.
std::vector<PodClaim> claimsOf(const PodInfo& pod);
bool hasClaims(const PodInfo& pod);
/// Does the pod use the claim `name` of its namespace?
bool usesClaim(const PodInfo& pod, const std::string& ns, const std::string& name);

/// Of an event of claims: those that the pod uses wake it. A claim that is gone may wake any.
QueueingHint hintOfClaim(const PodInfo& pod, const ClusterEvent& event);

/// Empty: an ephemeral claim that was made for the pod (or one that is not ephemeral); else why
/// not.
std::string notOwned(const PodInfo& pod, const PodClaim& wanted,
                     const api::core::v1::PersistentVolumeClaim& claim);

/// `persistentvolumeclaim "c" not found`, or that it is still to be made for the pod.
std::string missingClaim(const PodClaim& wanted);

}  // namespace coxswain::scheduler
