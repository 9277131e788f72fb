#include "scheduler/volumes/pod_claims.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/reflect/object.h"

namespace coxswain::scheduler {

namespace {

using api::core::v1::Pod;
using api::core::v1::Volume;

std::string ephemeralName(const Pod& pod, const Volume& volume) {
  return pod.metadata.name + "-" + volume.name;
}

}  // namespace

std::vector<PodClaim> claimsOf(const Pod& pod) {
  std::vector<PodClaim> claims;
  for (const auto& volume : pod.spec.volumes) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) {
      claims.push_back({source.persistentVolumeClaim->claimName, false});
    } else if (source.ephemeral) {
      claims.push_back({ephemeralName(pod, volume), true});
    }
  }
  return claims;
}

bool hasClaims(const Pod& pod) {
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [](const Volume& volume) {
    return volume.volumeSource.persistentVolumeClaim || volume.volumeSource.ephemeral;
  });
}

bool usesClaim(const Pod& pod, const std::string& ns, const std::string& name) {
  if (pod.metadata.namespace_ != ns) return false;
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [&](const Volume& volume) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) return source.persistentVolumeClaim->claimName == name;
    return source.ephemeral && ephemeralName(pod, volume) == name;
  });
}

QueueingHint hintOfClaim(const Pod& pod, const ClusterEvent& event) {
  if (!event.newObject) return QueueingHint::Queue;
  const auto& meta = event.newObject->as<api::core::v1::PersistentVolumeClaim>()->metadata;
  return usesClaim(pod, meta.namespace_, meta.name) ? QueueingHint::Queue : QueueingHint::Skip;
}

std::string notOwned(const Pod& pod, const PodClaim& wanted,
                     const api::core::v1::PersistentVolumeClaim& claim) {
  if (!wanted.ephemeral) return "";
  const auto& owners = claim.metadata.ownerReferences;
  const bool owned = std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
    return owner.uid == pod.metadata.uid && owner.controller.value_or(false);
  });
  if (owned) return "";
  const auto& ns = pod.metadata.namespace_;
  return "PVC " + ns + "/" + wanted.name + " was not created for pod " + ns + "/" +
         pod.metadata.name + " (pod is not owner)";
}

std::string missingClaim(const PodClaim& wanted) {
  const auto quoted = "persistentvolumeclaim \"" + wanted.name + "\"";
  return wanted.ephemeral ? "waiting for ephemeral volume controller to create the " + quoted
                          : quoted + " not found";
}

}  // namespace coxswain::scheduler
