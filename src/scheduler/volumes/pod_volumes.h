#pragma once

#include <string>
#include <vector>

#include "api/select/labels.h"
#include "scheduler/framework/plugin.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler {

/// A claim whose volume is found or made once its first pod has a node.
struct DelayedClaim {
  ClaimPtr claim;
  StorageClassPtr storageClass;
  std::string key;
  std::string selectedNode;  ///< its volume is made there, and nowhere else; empty: open
  /// Volumes that exist and suit, the smallest first, if only the node is right.
  std::vector<VolumePtr> candidates;
  bool provisions = false;    ///< the class can make a volume
  bool asksCapacity = false;  ///< its driver tells where it has room: `room`
  std::vector<api::LabelSelector> room;
};

/// What binding a pod to one node does to its claims.
struct VolumePlan {
  struct Match {
    VolumePtr volume;
    ClaimPtr claim;
    bool taken = false;  ///< by this pod, in VolumeState
  };
  struct Provision {
    ClaimPtr claim;
    bool selected = false;
  };
  std::vector<Match> matches;
  std::vector<Provision> provisions;
  [[nodiscard]] bool empty() const { return matches.empty() && provisions.empty(); }
};

/// The volumes of a pod's claims, worked out once a cycle.
struct PodVolumes final : PluginState {
  std::vector<VolumePtr> bound;  ///< null: the claim's volume does not exist
  std::vector<DelayedClaim> delayed;
  VolumePlan plan;  ///< of the node that was chosen, from Reserve on
};

/// Reads the pod's claims into `volumes`. Empty: the pod can be placed; else why it cannot.
std::string readVolumes(const VolumeState& state, const PodInfo& pod, PodVolumes& volumes);

/// Can the node have the volumes? Adds to `reasons` where not; fills `plan`, if there is one, where
/// it can. Allocates nothing without a plan, but for pods of several delayed claims.
Code planVolumes(const PodVolumes& volumes, const api::core::v1::Node& node, Reasons& reasons,
                 VolumePlan* plan);

/// spec.nodeAffinity of the volume, if any, admits the node.
bool isReachable(const api::core::v1::PersistentVolume& volume, const api::core::v1::Node& node);

}  // namespace coxswain::scheduler
