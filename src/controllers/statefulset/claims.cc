#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/statefulset/controller.h"
#include "controllers/statefulset/retention.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

Task<Status> StatefulSetController::makeClaims(SetPointer set, int32_t ordinal, bool podIsThere,
                                               std::stop_token stop) {
  const auto podName = fmt::format("{}-{}", set->metadata.name, ordinal);
  for (const auto& pattern : set->spec.volumeClaimTemplates) {
    const auto key = set->metadata.namespace_ + "/" +
                     claimName(pattern.metadata.name, set->metadata.name, ordinal);
    if (const auto known = claims_.get<PersistentVolumeClaim>(key)) {
      if (podIsThere || !known->metadata.deletionTimestamp) continue;
      co_return internalError(fmt::format("pvc {} is being deleted", known->metadata.name));
    }
    PersistentVolumeClaim claim = pattern;
    claim.metadata.name = claimName(pattern.metadata.name, set->metadata.name, ordinal);
    claim.metadata.namespace_ = set->metadata.namespace_;
    if (set->spec.selector) {
      for (const auto& [name, value] : set->spec.selector->matchLabels) {
        claim.metadata.labels[name] = value;
      }
    }
    auto owner = firstOwner(*set);
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

bool StatefulSetController::hasStaleClaims(const StatefulSet& set, int32_t ordinal) const {
  const auto podName = fmt::format("{}-{}", set.metadata.name, ordinal);
  const auto& patterns = set.spec.volumeClaimTemplates;
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
    const auto name = claimName(pattern.metadata.name, set.metadata.name, ordinal);
    const auto claim = claims_.get<PersistentVolumeClaim>(set.metadata.namespace_ + "/" + name);
    return claim && isStale(set, podName, *claim);
  });
}

Task<Status> StatefulSetController::ownClaims(SetPointer set, PodPointer pod, int32_t ordinal,
                                              std::stop_token stop) {
  for (const auto& pattern : set->spec.volumeClaimTemplates) {
    const auto name = claimName(pattern.metadata.name, set->metadata.name, ordinal);
    auto claim = claims_.get<PersistentVolumeClaim>(set->metadata.namespace_ + "/" + name);
    if (!claim || claim->metadata.deletionTimestamp) continue;
    if (hasOtherController(*set, pod->metadata, *claim)) {
      events().event(*set, client::kEventWarning, "ConflictingController",
                     fmt::format("PersistentVolumeClaim {} has a conflicting OwnerReference that "
                                 "acts as a managing controller, the retention policy is ignored "
                                 "for this claim",
                                 name));
    }
    auto owners = correctOwners(*set, pod->metadata, ordinal, *claim);
    if (!owners) continue;
    PersistentVolumeClaim next = *claim;
    next.metadata.ownerReferences = std::move(*owners);
    auto written = co_await client::update(client(), std::move(next), "", stop);
    if (!written.ok() && !isNotFound(written.status())) co_return written.status();
  }
  co_return Status();
}

}  // namespace coxswain::controllers::statefulset
