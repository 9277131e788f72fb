#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "api/meta/time.h"
#include "client/client.h"
#include "kubelet/volume/plugin.h"

namespace coxswain::api::core::v1 {
struct PersistentVolume;
struct PersistentVolumeClaim;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

/// A claim and the volume that it is bound to.
struct BoundClaim {
  std::shared_ptr<const api::core::v1::PersistentVolumeClaim> claim;
  std::shared_ptr<const api::core::v1::PersistentVolume> volume;
};

/// Which claim a volume of a pod means: its own name, or that of an ephemeral volume.
std::string claimNameOf(const api::core::v1::Pod& pod, const api::core::v1::Volume& volume);

/// Both of them. Failures start with "error processing PVC ".
/// Upstream: volumemanager/populator.
Task<Result<BoundClaim>> findBoundClaim(client::Client& client, VolumeRequest request,
                                        std::stop_token stop);

/// The claim has the size of its volume: its status says so, and what told of growing goes.
/// Conflict where somebody else wrote it meanwhile.
Task<Status> writeGrownClaim(client::Client& client, BoundClaim bound, std::stop_token stop);
/// The node could not grow it; `infeasible`: and never will.
Task<Status> writeGrowthFailure(client::Client& client, BoundClaim bound, std::string why,
                                bool infeasible, api::Time now, std::stop_token stop);

}  // namespace coxswain::kubelet
