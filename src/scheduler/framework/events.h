#pragma once

#include <cstdint>

namespace coxswain::api {
class ConstObject;
namespace core::v1 {
struct Node;
}
}  // namespace coxswain::api

namespace coxswain::scheduler {

struct NodeInfo;
struct PodInfo;

/// What happened in the cluster that may let a waiting pod in. Bits, of one resource each.
enum EventBit : uint32_t {
  kNodeAdd = 1U << 0,
  kNodeDelete = 1U << 1,
  kNodeAllocatable = 1U << 2,  ///< status.allocatable changed
  kNodeLabel = 1U << 3,
  kNodeTaint = 1U << 4,  ///< spec.taints or spec.unschedulable changed
  kAssignedPodAdd = 1U << 5,
  kAssignedPodDelete = 1U << 6,
  kAssignedPodLabel = 1U << 7,
  kAssignedPodScaleDown = 1U << 8,  ///< it requests less
  kPodSpec = 1U << 9,               ///< the waiting pod itself: labels, tolerations, requests
  kPodGatesGone = 1U << 10,         ///< its last scheduling gate was removed
  kNamespaceLabel = 1U << 11,
  kClaim = 1U << 12,   ///< a persistent volume claim was added or changed
  kVolume = 1U << 13,  ///< a persistent volume was added or changed
  kStorageClass = 1U << 14,
  kCsiNode = 1U << 15,
  kCsiDriver = 1U << 16,
  kCsiCapacity = 1U << 17,       ///< a CSIStorageCapacity was added or changed
  kAttachmentDelete = 1U << 18,  ///< a VolumeAttachment has gone
};

/// Events (bits) that a plugin wants to be asked about.
using EventInterest = uint32_t;

struct ClusterEvent {
  uint32_t events = 0;
  // What changed; null where it is of another resource, or was not there before (is not any more).
  const api::core::v1::Node* oldNode = nullptr;
  const api::core::v1::Node* newNode = nullptr;
  const PodInfo* oldPod = nullptr;
  const PodInfo* newPod = nullptr;
  /// The node that changed, or on which a pod did, with its pods as they are now.
  const NodeInfo* node = nullptr;
  /// Objects of storage, from kClaim on.
  const api::ConstObject* oldObject = nullptr;
  const api::ConstObject* newObject = nullptr;
};

enum class QueueingHint : uint8_t { Skip, Queue };

/// Which node events lie between two versions; zero: nothing the scheduler looks at (a heartbeat).
uint32_t nodeChanges(const api::core::v1::Node& before, const api::core::v1::Node& after);
/// Likewise of a pod that has a node.
uint32_t assignedPodChanges(const PodInfo& before, const PodInfo& after);

}  // namespace coxswain::scheduler
