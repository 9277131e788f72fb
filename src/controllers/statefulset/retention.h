#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coxswain::api {
namespace apps::v1 {
struct StatefulSet;
}
namespace core::v1 {
struct PersistentVolumeClaim;
}
namespace meta::v1 {
struct ObjectMeta;
struct OwnerReference;
}  // namespace meta::v1
}  // namespace coxswain::api

// Whose deletion takes a claim along, by spec.persistentVolumeClaimRetentionPolicy.
// Upstream: pkg/controller/statefulset/stateful_set_utils.go.
namespace coxswain::controllers::statefulset {

/// Owner of a claim that is made for a pod of the set which is wanted; nothing: none.
std::optional<api::meta::v1::OwnerReference> firstOwner(const api::apps::v1::StatefulSet& set);

/// The owners the claim of this pod should have; nothing: those it has are right, or are of a set
/// or pod of before, and so the garbage collector's.
std::optional<std::vector<api::meta::v1::OwnerReference>> correctOwners(
    const api::apps::v1::StatefulSet& set, const api::meta::v1::ObjectMeta& pod, int32_t ordinal,
    const api::core::v1::PersistentVolumeClaim& claim);

/// Somebody else manages the claim, so that the policy cannot be followed.
bool hasOtherController(const api::apps::v1::StatefulSet& set, const api::meta::v1::ObjectMeta& pod,
                        const api::core::v1::PersistentVolumeClaim& claim);

/// The claim goes along with a pod of before: a new pod of this name must wait until it is gone.
bool isStale(const api::apps::v1::StatefulSet& set, const std::string& podName,
             const api::core::v1::PersistentVolumeClaim& claim);

}  // namespace coxswain::controllers::statefulset
