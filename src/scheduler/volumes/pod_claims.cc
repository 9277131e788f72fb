#include "scheduler/volumes/pod_claims.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/object.h"
#include "scheduler/cache/pod_info.h"

namespace coxswain::scheduler {

namespace {

using api::core::v1::Volume;

std::string ephemeralName(const PodInfo& pod, const Volume& volume) {
  return pod.meta->name + "-" + volume.name;
}

}  // namespace

std::vector<PodClaim> claimsOf(const PodInfo& pod) {
  std::vector<PodClaim> claims;
  for (const auto& volume : pod.volumes) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) {
      claims.push_back({source.persistentVolumeClaim->claimName, false});
    } else if (source.ephemeral) {
      claims.push_back({ephemeralName(pod, volume), true});
    }
  }
  return claims;
}

bool hasClaims(const PodInfo& pod) {
  return std::any_of(pod.volumes.begin(), pod.volumes.end(), [](const Volume& volume) {
    return volume.volumeSource.persistentVolumeClaim || volume.volumeSource.ephemeral;
  });
}

bool usesClaim(const PodInfo& pod, const std::string& ns, const std::string& name) {
  if (pod.meta->namespace_ != ns) return false;
  return std::any_of(pod.volumes.begin(), pod.volumes.end(), [&](const Volume& volume) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) return source.persistentVolumeClaim->claimName == name;
    return source.ephemeral && ephemeralName(pod, volume) == name;
  });
}

QueueingHint hintOfClaim(const PodInfo& pod, const ClusterEvent& event) {
  if (!event.newObject) return QueueingHint::Queue;
  const auto& meta = event.newObject->as<api::core::v1::PersistentVolumeClaim>()->metadata;
  return usesClaim(pod, meta.namespace_, meta.name) ? QueueingHint::Queue : QueueingHint::Skip;
}

std::string notOwned(const PodInfo& pod, const PodClaim& wanted,
                     const api::core::v1::PersistentVolumeClaim& claim) {
  if (!wanted.ephemeral) return "";
  const auto& owners = claim.metadata.ownerReferences;
  const bool owned = std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
    return owner.uid == pod.meta->uid && owner.controller.value_or(false);
  });
  if (owned) return "";
  const auto& ns = pod.meta->namespace_;
  return "PVC " + ns + "/" + wanted.name + " was not created for pod " + ns + "/" + pod.meta->name +
         " (pod is not owner)";
}

std::string missingClaim(const PodClaim& wanted) {
  const auto quoted = "persistentvolumeclaim \"" + wanted.name + "\"";
  return wanted.ephemeral ? "waiting for ephemeral volume controller to create the " + quoted
                          : quoted + " not found";
}

}  // namespace coxswain::scheduler
