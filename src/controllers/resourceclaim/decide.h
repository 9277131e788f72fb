#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"

namespace coxswain::controllers::resourceclaim {

using ClaimPointer = std::shared_ptr<const api::resource::v1::ResourceClaim>;

/// On claims made from templates: which of the pod's spec.resourceClaims it is.
inline constexpr std::string_view kPodClaimAnnotation = "resource.kubernetes.io/pod-claim-name";
/// On claims that are allocated.
inline constexpr std::string_view kFinalizer = "resource.kubernetes.io/delete-protection";
/// More pods may not share a claim.
inline constexpr size_t kReservedMax = 256;

/// The claim that an entry of spec.resourceClaims is, as far as the pod says.
struct NamedClaim {
  bool known = false;  ///< false: it is made from a template, and the status does not name it yet
  std::string name;    ///< empty although known: none is needed
  bool made = false;   ///< from a template: must be the pod's own
};
NamedClaim claimOf(const api::core::v1::Pod& pod, const api::core::v1::PodResourceClaim& entry);
/// Names of all claims that it has by spec and status.
std::vector<std::string> claimNamesOf(const api::core::v1::Pod& pod);

/// It has ended, or is being deleted and never had a node.
bool isDone(const api::core::v1::Pod& pod);
/// The pod controls the claim.
bool isFor(const api::core::v1::Pod& pod, const api::resource::v1::ResourceClaim& claim);
bool isReservedFor(const api::core::v1::Pod& pod, const api::resource::v1::ResourceClaim& claim);
/// Allocated, not reserved for the pod, and it can be.
bool mustReserve(const api::core::v1::Pod& pod, const api::resource::v1::ResourceClaim& claim);
/// Name and uid of the pod that controls the claim; empty: none does.
std::pair<std::string, std::string> owningPod(const api::resource::v1::ResourceClaim& claim);

/// A new claim of the pod; its generateName has both names, cut in proportion where they are long.
api::resource::v1::ResourceClaim claimFrom(const api::resource::v1::ResourceClaimTemplate& made,
                                           const api::core::v1::Pod& pod,
                                           const api::core::v1::PodResourceClaim& entry);

/// It was made for this entry of the pod.
bool isMadeFor(const api::resource::v1::ResourceClaim& claim, const api::core::v1::Pod& pod,
               const std::string& entry);

/// The body of a patch of a pod's status that names claims; pairs are entry and claim.
std::string statusPatch(const api::core::v1::Pod& pod,
                        const std::vector<std::pair<std::string, std::string>>& claims);

}  // namespace coxswain::controllers::resourceclaim
