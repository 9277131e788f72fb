#include "scheduler/volumes/pod_volumes.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/scheduling.h"
#include "api/helpers/volumes.h"
#include "scheduler/volumes/pod_claims.h"

namespace coxswain::scheduler {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

api::Quantity storageIn(const api::Map<api::Quantity>& resources) {
  const auto* amount = resources.get("storage");
  return amount == nullptr ? api::Quantity() : *amount;
}

bool hasSpace(const api::storage::v1::CSIStorageCapacity& capacity, const api::Quantity& wanted) {
  const auto& limit = capacity.maximumVolumeSize ? capacity.maximumVolumeSize : capacity.capacity;
  return limit && !(*limit < wanted);
}

void readProvisioner(const VolumeState& state, DelayedClaim& delayed) {
  const auto& storageClass = *delayed.storageClass;
  delayed.provisions = !storageClass.provisioner.empty() &&
                       storageClass.provisioner != "kubernetes.io/no-provisioner";
  if (!delayed.provisions) return;
  const auto driver = state.csiDriver(storageClass.provisioner);
  if (!driver || !driver->spec.storageCapacity.value_or(false)) return;
  delayed.asksCapacity = true;
  const auto wanted = storageIn(delayed.claim->spec.resources.requests);
  for (const auto& capacity : state.capacitiesOfClass(storageClass.metadata.name)) {
    if (!capacity->nodeTopology || !hasSpace(*capacity, wanted)) continue;
    auto selector = api::LabelSelector::from(capacity->nodeTopology.get());
    if (selector.ok()) delayed.room.push_back(std::move(*selector));
  }
}

void readCandidates(const VolumeState& state, DelayedClaim& delayed) {
  const auto& claim = *delayed.claim;
  for (auto& volume : state.volumesOfClass(delayed.storageClass->metadata.name)) {
    if (volume->metadata.deletionTimestamp) continue;
    const std::string* taker = state.takenBy(volume->metadata.name);
    const bool mine = taker ? *taker == delayed.key : api::isClaimedBy(*volume, claim);
    if (!mine && (taker || volume->spec.claimRef)) continue;
    if (mine) {
      if (storageIn(volume->spec.capacity) < storageIn(claim.spec.resources.requests)) continue;
      delayed.candidates = {std::move(volume)};
      return;
    }
    if (volume->status.phase == "Available" && api::suits(*volume, claim))
      delayed.candidates.push_back(std::move(volume));
  }
  std::sort(delayed.candidates.begin(), delayed.candidates.end(),
            [](const VolumePtr& a, const VolumePtr& b) {
              const auto sizeA = storageIn(a->spec.capacity);
              const auto sizeB = storageIn(b->spec.capacity);
              if (sizeA < sizeB || sizeB < sizeA) return sizeA < sizeB;
              return a->metadata.name < b->metadata.name;
            });
}

/// Empty: it was read.
std::string readClaim(const VolumeState& state, const PodInfo& pod, const PodClaim& wanted,
                      PodVolumes& volumes) {
  auto claim = state.claim(pod.meta->namespace_, wanted.name);
  if (!claim) return missingClaim(wanted);
  const auto quoted = "persistentvolumeclaim \"" + wanted.name + "\"";
  if (claim->status.phase == "Lost")
    return quoted + " bound to non-existent persistentvolume \"" + claim->spec.volumeName + "\"";
  if (claim->metadata.deletionTimestamp) return quoted + " is being deleted";
  if (auto why = notOwned(pod, wanted, *claim); !why.empty()) return why;
  if (api::isFullyBound(*claim)) {
    volumes.bound.push_back(state.volume(claim->spec.volumeName));
    return "";
  }
  DelayedClaim delayed;
  const auto name = api::storageClassOf(*claim);
  if (claim->spec.volumeName.empty() && !name.empty())
    delayed.storageClass = state.storageClass(name);
  if (!delayed.storageClass ||
      delayed.storageClass->volumeBindingMode.value_or("Immediate") != "WaitForFirstConsumer")
    return "pod has unbound immediate PersistentVolumeClaims";
  delayed.key = api::objectKey(claim->metadata);
  delayed.selectedNode = state.selectedNode(*claim);
  delayed.claim = std::move(claim);
  volumes.delayed.push_back(std::move(delayed));
  return "";
}

bool isAllowedBy(const api::storage::v1::StorageClass& storageClass, const Node& node) {
  const auto& terms = storageClass.allowedTopologies;
  return terms.empty() || std::any_of(terms.begin(), terms.end(), [&](const auto& term) {
           const auto& all = term.matchLabelExpressions;
           return !all.empty() && std::all_of(all.begin(), all.end(), [&](const auto& one) {
             const auto* value = node.metadata.labels.get(one.key);
             return value &&
                    std::find(one.values.begin(), one.values.end(), *value) != one.values.end();
           });
         });
}

enum class Provisioning : uint8_t { Possible, Impossible, NoSpace };

Provisioning provisioningOn(const DelayedClaim& delayed, const Node& node) {
  if (!delayed.provisions || !isAllowedBy(*delayed.storageClass, node))
    return Provisioning::Impossible;
  if (!delayed.asksCapacity) return Provisioning::Possible;
  const bool room = std::any_of(
      delayed.room.begin(), delayed.room.end(),
      [&](const api::LabelSelector& where) { return where.matches(node.metadata.labels); });
  return room ? Provisioning::Possible : Provisioning::NoSpace;
}

Provisioning placeDelayed(const std::vector<DelayedClaim>& delayed, const Node& node,
                          VolumePlan* plan) {
  std::vector<const PersistentVolume*> used;
  for (const auto& claim : delayed) {
    const bool elsewhere = !claim.selectedNode.empty() && claim.selectedNode != node.metadata.name;
    if (elsewhere) return Provisioning::Impossible;
    const VolumePtr* match = nullptr;
    if (claim.selectedNode.empty()) {
      for (const auto& candidate : claim.candidates) {
        if (std::find(used.begin(), used.end(), candidate.get()) != used.end()) continue;
        if (!isReachable(*candidate, node)) continue;
        match = &candidate;
        break;
      }
    }
    if (match) {
      if (delayed.size() > 1) used.push_back(match->get());
      if (plan) plan->matches.push_back({*match, claim.claim});
      continue;
    }
    const auto made = provisioningOn(claim, node);
    if (made != Provisioning::Possible) return made;
    if (plan) plan->provisions.push_back({claim.claim});
  }
  return Provisioning::Possible;
}

}  // namespace

bool isReachable(const PersistentVolume& volume, const Node& node) {
  const auto& affinity = volume.spec.nodeAffinity;
  return !affinity || !affinity->required || api::matchesNodeSelector(*affinity->required, node);
}

std::string readVolumes(const VolumeState& state, const PodInfo& pod, PodVolumes& volumes) {
  const auto claims = claimsOf(pod);
  for (size_t i = 0; i < claims.size(); ++i) {
    const auto& wanted = claims[i];
    // A claim may be mounted by several of the pod's volumes.
    const auto end = claims.begin() + static_cast<ptrdiff_t>(i);
    const bool again = std::any_of(
        claims.begin(), end, [&](const PodClaim& before) { return before.name == wanted.name; });
    if (again) continue;
    auto why = readClaim(state, pod, wanted, volumes);
    if (!why.empty()) return why;
  }
  // The smallest claim first, so that it does not take what only fits a larger one.
  std::stable_sort(volumes.delayed.begin(), volumes.delayed.end(),
                   [](const DelayedClaim& a, const DelayedClaim& b) {
                     return storageIn(a.claim->spec.resources.requests) <
                            storageIn(b.claim->spec.resources.requests);
                   });
  for (auto& delayed : volumes.delayed) {
    readCandidates(state, delayed);
    readProvisioner(state, delayed);
  }
  return "";
}

Code planVolumes(const PodVolumes& volumes, const Node& node, Reasons& reasons, VolumePlan* plan) {
  const size_t before = reasons.size();
  for (const auto& volume : volumes.bound) {
    if (!volume) {
      reasons.push_back(
          "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
      break;
    }
    if (isReachable(*volume, node)) continue;
    reasons.push_back("node(s) didn't match PersistentVolume's node affinity");
    break;
  }
  switch (placeDelayed(volumes.delayed, node, plan)) {
    case Provisioning::Possible:
      break;
    case Provisioning::Impossible:
      reasons.push_back("node(s) didn't find available persistent volumes to bind");
      break;
    case Provisioning::NoSpace:
      reasons.push_back("node(s) did not have enough free storage");
      break;
  }
  return reasons.size() == before ? Code::Success : Code::UnschedulableAndUnresolvable;
}

}  // namespace coxswain::scheduler
