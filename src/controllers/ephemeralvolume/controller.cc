#include "controllers/ephemeralvolume/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers::ephemeralvolume {

using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Volume;

namespace {

constexpr Duration kLookAgain = 5s;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "ephemeral_volume";
  o.workers = workers;
  return o;
}

bool hasEphemeral(const Pod& pod) {
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(),
                     [](const Volume& volume) { return volume.volumeSource.ephemeral; });
}

PersistentVolumeClaim claimFor(const Pod& pod, const Volume& volume) {
  PersistentVolumeClaim claim;
  claim.metadata.namespace_ = pod.metadata.namespace_;
  claim.metadata.name = api::claimNameOf(pod, volume);
  claim.metadata.ownerReferences.push_back(api::newControllerRef(pod.metadata, "v1", "Pod"));
  if (const auto& made = volume.volumeSource.ephemeral->volumeClaimTemplate) {
    claim.metadata.annotations = made->metadata.annotations;
    claim.metadata.labels = made->metadata.labels;
    claim.spec = made->spec;
  }
  return claim;
}

}  // namespace

EphemeralVolumeController::EphemeralVolumeController(const Context& context, int workers)
    : Controller(context, options(workers)),
      pods_(use<Pod>()),
      claims_(use<PersistentVolumeClaim>()) {
  addClaimIndex(pods_);
  pods_.addHandler([this](const client::Change& change) {
    const auto* pod = change.after.as<Pod>();
    if (pod == nullptr || pod->metadata.deletionTimestamp || !hasEphemeral(*pod)) return;
    // What volumes a pod has is settled when it is made.
    const auto* before = change.before.as<Pod>();
    if (before != nullptr && before->metadata.uid == pod->metadata.uid) return;
    queue().add(client::objectKey(change.after));
  });
  claims_.addHandler([this](const client::Change& change) {
    if (change.after) return;
    for (const auto& pod : pods_.byIndex(kByClaim, client::objectKey(change.before))) {
      if (hasEphemeral(*pod.as<Pod>())) queue().add(client::objectKey(pod));
    }
  });
}

Task<Status> EphemeralVolumeController::ensureClaim(std::shared_ptr<const Pod> pod,
                                                    const Volume& volume, std::stop_token stop) {
  const auto name = api::claimNameOf(*pod, volume);
  auto claim = claims_.get<PersistentVolumeClaim>(pod->metadata.namespace_ + "/" + name);
  if (!claim) {
    auto made = co_await client::create(client(), claimFor(*pod, volume), stop);
    if (made.ok()) co_return Status();
    // An earlier try of ours may have gone through, unknown to the cache.
    if (!isAlreadyExists(made.status())) co_return made.status().withContext("create PVC " + name);
    CO_TRY(claim, co_await client::get<PersistentVolumeClaim>(client(), pod->metadata.namespace_,
                                                              name, stop));
  }
  co_return api::checkClaimIsForPod(*pod, *claim);
}

Task<Result<Duration>> EphemeralVolumeController::reconcile(std::string key, std::stop_token stop) {
  auto pod = pods_.get<Pod>(key);
  if (!pod || pod->metadata.deletionTimestamp) co_return Duration(0);
  // What is made and deleted before the cache shows it is missed by no second look.
  Duration again(0);
  for (const auto& volume : pod->spec.volumes) {
    if (!volume.volumeSource.ephemeral) continue;
    if (!claims_.get(pod->metadata.namespace_ + "/" + api::claimNameOf(*pod, volume))) {
      again = kLookAgain;
    }
    Status done = co_await ensureClaim(pod, volume, stop);
    if (done.ok()) continue;
    if (!stop.stop_requested()) {
      events().event(*pod, client::kEventWarning, "FailedBinding",
                     fmt::format("ephemeral volume {}: {}", volume.name, done.message()));
    }
    co_return done;
  }
  co_return again;
}

}  // namespace coxswain::controllers::ephemeralvolume
