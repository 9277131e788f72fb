#include "controllers/resourceclaim/decide.h"

#include <algorithm>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::resourceclaim {

using api::core::v1::Pod;
using api::core::v1::PodResourceClaim;
using api::core::v1::PodResourceClaimStatus;
using api::resource::v1::ResourceClaim;
using api::resource::v1::ResourceClaimTemplate;

NamedClaim claimOf(const Pod& pod, const PodResourceClaim& entry) {
  if (entry.resourceClaimName) return {true, *entry.resourceClaimName, false};
  // A kind of source that we do not know needs no claim of ours.
  if (!entry.resourceClaimTemplateName) return {true, "", false};
  for (const auto& status : pod.status.resourceClaimStatuses) {
    if (status.name == entry.name) return {true, status.resourceClaimName.value_or(""), true};
  }
  return {};
}

std::vector<std::string> claimNamesOf(const Pod& pod) {
  std::vector<std::string> names;
  for (const auto& entry : pod.spec.resourceClaims) {
    auto claim = claimOf(pod, entry);
    if (!claim.name.empty()) names.push_back(std::move(claim.name));
  }
  if (pod.status.extendedResourceClaimStatus) {
    names.push_back(pod.status.extendedResourceClaimStatus->resourceClaimName);
  }
  return names;
}

bool isDone(const Pod& pod) {
  return api::isPodTerminal(pod) ||
         (pod.metadata.deletionTimestamp.has_value() && pod.spec.nodeName.empty());
}

bool isFor(const Pod& pod, const ResourceClaim& claim) {
  return pod.metadata.namespace_ == claim.metadata.namespace_ &&
         api::isControlledBy(claim.metadata, pod.metadata);
}

bool isReservedFor(const Pod& pod, const ResourceClaim& claim) {
  const auto& reserved = claim.status.reservedFor;
  return std::any_of(reserved.begin(), reserved.end(),
                     [&pod](const auto& who) { return who.uid == pod.metadata.uid; });
}

bool mustReserve(const Pod& pod, const ResourceClaim& claim) {
  return claim.status.allocation && !isReservedFor(pod, claim) &&
         claim.status.reservedFor.size() < kReservedMax;
}

std::pair<std::string, std::string> owningPod(const ResourceClaim& claim) {
  const auto* owner = api::controllerOf(claim.metadata);
  if (owner == nullptr || owner->apiVersion != "v1" || owner->kind != "Pod") return {};
  return {owner->name, owner->uid};
}

ResourceClaim claimFrom(const ResourceClaimTemplate& made, const Pod& pod,
                        const PodResourceClaim& entry) {
  // A name has 63 characters at most, six of them a hyphen and what is random.
  constexpr size_t kBaseMax = 57;
  ResourceClaim claim;
  auto& meta = claim.metadata;
  meta.namespace_ = pod.metadata.namespace_;
  const auto& podName = pod.metadata.name;
  meta.generateName = podName + "-" + entry.name + "-";
  const size_t length = meta.generateName.size();
  if (length > kBaseMax) {
    const auto front = podName.substr(0, podName.size() * kBaseMax / length);
    meta.generateName = front + "-" + entry.name.substr(0, entry.name.size() * kBaseMax / length);
  }
  meta.labels = made.spec.metadata.labels;
  meta.annotations = made.spec.metadata.annotations;
  meta.annotations[kPodClaimAnnotation] = entry.name;
  meta.ownerReferences.push_back(api::newControllerRef(pod.metadata, "v1", "Pod"));
  claim.spec = made.spec.spec;
  return claim;
}

bool isMadeFor(const ResourceClaim& claim, const Pod& pod, const std::string& entry) {
  const auto* name = claim.metadata.annotations.get(kPodClaimAnnotation);
  return name != nullptr && *name == entry && isFor(pod, claim);
}

std::string statusPatch(const Pod& pod,
                        const std::vector<std::pair<std::string, std::string>>& claims) {
  std::string body =
      "{\"metadata\":{\"uid\":\"" + pod.metadata.uid + "\"},\"status\":{\"resourceClaimStatuses\":";
  char separator = '[';
  for (const auto& [entry, name] : claims) {
    PodResourceClaimStatus status;
    status.name = entry;
    status.resourceClaimName = name;
    body += separator;
    separator = ',';
    api::encodeJson(PodResourceClaimStatus::info(), &status, body);
  }
  return body + "]}}";
}

}  // namespace coxswain::controllers::resourceclaim
