#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "scheduler/framework/plugin.h"

namespace coxswain::scheduler {

// What configuration tells each plugin (pluginConfig of a profile); defaults as upstream.

struct ResourceWeight {
  std::string name;
  int64_t weight = 1;
  bool operator==(const ResourceWeight&) const = default;
};

/// What a node is worth (0..10) at a utilization (0..100 %); between points it is linear.
struct ShapePoint {
  int32_t utilization = 0;
  int32_t score = 0;
  bool operator==(const ShapePoint&) const = default;
};

struct NodeResourcesFitArgs {
  /// Extended resources that are not looked at, by name and by the part before "/".
  std::vector<std::string> ignoredResources;
  std::vector<std::string> ignoredResourceGroups;
  /// "LeastAllocated", "MostAllocated" or "RequestedToCapacityRatio".
  std::string strategy = "LeastAllocated";
  std::vector<ResourceWeight> resources = {{"cpu", 1}, {"memory", 1}};
  std::vector<ShapePoint> shape;  ///< of RequestedToCapacityRatio
};

struct NodeResourcesBalancedAllocationArgs {
  std::vector<ResourceWeight> resources = {{"cpu", 1}, {"memory", 1}};
};

struct NodeAffinityArgs {
  /// Holds of all pods of the profile, besides their own.
  std::optional<api::core::v1::NodeAffinity> addedAffinity;
};

struct InterPodAffinityArgs {
  int32_t hardPodAffinityWeight = 1;
  bool ignorePreferredTermsOfExistingPods = false;
};

struct PodTopologySpreadArgs {
  /// Of pods that have none. "System": spread softly over nodes and zones; "List": these.
  std::string defaultingType = "System";
  std::vector<api::core::v1::TopologySpreadConstraint> defaultConstraints;
};

struct VolumeBindingArgs {
  int64_t bindTimeoutSeconds = 600;
};

struct PluginArgs {
  NodeResourcesFitArgs nodeResourcesFit;
  NodeResourcesBalancedAllocationArgs balancedAllocation;
  NodeAffinityArgs nodeAffinity;
  InterPodAffinityArgs interPodAffinity;
  PodTopologySpreadArgs podTopologySpread;
  VolumeBindingArgs volumeBinding;
  PreemptionOptions defaultPreemption;
};

}  // namespace coxswain::scheduler
