#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/statefulset/controller.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::meta::v1::OwnerReference;

namespace {

bool deletes(const StatefulSet& set, bool scaled) {
  const auto& policy = set.spec.persistentVolumeClaimRetentionPolicy;
  return policy && (scaled ? policy->whenScaled : policy->whenDeleted) == "Delete";
}

/// Whose deletion takes the claim along; nothing: nobody's.
std::optional<OwnerReference> claimOwner(const StatefulSet& set, const Pod* pod, int32_t ordinal) {
  const bool condemned = !ordinalsOf(set).contains(ordinal);
  if (condemned && deletes(set, true)) {
    if (pod == nullptr) return std::nullopt;
    return api::newControllerRef(pod->metadata, "v1", "Pod");
  }
  if (deletes(set, false)) return api::newControllerRef(set.metadata, "apps/v1", "StatefulSet");
  return std::nullopt;
}

}  // namespace

Task<Status> StatefulSetController::makeClaims(SetPointer set, int32_t ordinal,
                                               std::stop_token stop) {
  const auto podName = fmt::format("{}-{}", set->metadata.name, ordinal);
  for (const auto& pattern : set->spec.volumeClaimTemplates) {
    PersistentVolumeClaim claim = pattern;
    claim.metadata.name = claimName(pattern.metadata.name, set->metadata.name, ordinal);
    claim.metadata.namespace_ = set->metadata.namespace_;
    if (set->spec.selector) {
      for (const auto& [key, value] : set->spec.selector->matchLabels) {
        claim.metadata.labels[key] = value;
      }
    }
    if (claims_.get(api::objectKey(claim.metadata))) continue;
    auto owner = claimOwner(*set, nullptr, ordinal);
    if (owner) claim.metadata.ownerReferences.push_back(std::move(*owner));
    const std::string name = claim.metadata.name;
    auto made = co_await client::create(client(), std::move(claim), stop);
    if (isAlreadyExists(made.status())) continue;
    if (!made.ok()) {
      if (!isCanceled(made.status())) {
        events().event(*set, client::kEventWarning, "FailedCreate",
                       fmt::format("create Claim {} for Pod {} in StatefulSet {} failed error: {}",
                                   name, podName, set->metadata.name, made.status().message()));
      }
      co_return made.status();
    }
    events().event(*set, client::kEventNormal, "SuccessfulCreate",
                   fmt::format("create Claim {} Pod {} in StatefulSet {} success", name, podName,
                               set->metadata.name));
  }
  co_return Status();
}

Task<Status> StatefulSetController::ownClaims(SetPointer set, PodPointer pod, int32_t ordinal,
                                              std::stop_token stop) {
  const auto wanted = claimOwner(*set, pod.get(), ordinal);
  for (const auto& pattern : set->spec.volumeClaimTemplates) {
    const auto name = claimName(pattern.metadata.name, set->metadata.name, ordinal);
    auto claim = claims_.get<PersistentVolumeClaim>(set->metadata.namespace_ + "/" + name);
    if (!claim || claim->metadata.deletionTimestamp) continue;
    PersistentVolumeClaim next = *claim;
    auto& owners = next.metadata.ownerReferences;
    std::erase_if(owners, [&](const OwnerReference& owner) {
      const bool ours = owner.uid == set->metadata.uid ||
                        (owner.kind == "Pod" && owner.name == pod->metadata.name);
      return ours && (!wanted || owner.uid != wanted->uid);
    });
    const bool there = wanted && std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
                         return owner.uid == wanted->uid;
                       });
    if (wanted && !there) owners.push_back(*wanted);
    if (owners == claim->metadata.ownerReferences) continue;
    auto written = co_await client::update(client(), std::move(next), "", stop);
    if (!written.ok() && !isNotFound(written.status())) co_return written.status();
  }
  co_return Status();
}

}  // namespace coxswain::controllers::statefulset
