// What becomes of a claim.

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "api/reflect/equal.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/persistentvolume/controller.h"
#include "controllers/persistentvolume/migration.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using client::kEventNormal;
using client::kEventWarning;

Task<Status> PersistentVolumeBinder::setPhase(ClaimPointer claim, std::string phase,
                                              std::stop_token stop) {
  PersistentVolumeClaim next = *claim;
  next.status.phase = std::move(phase);
  next.status.accessModes.clear();
  next.status.capacity.clear();
  if (next.status == claim->status) co_return Status();
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return written.status();
}

Task<Status> PersistentVolumeBinder::lose(ClaimPointer claim, std::string reason,
                                          std::string message, std::stop_token stop) {
  if (claim->status.phase == "Lost") co_return Status();
  // Told first: whether the write has happened is not always known.
  events().event(*claim, kEventWarning, reason, std::move(message));
  co_return co_await setPhase(claim, "Lost", stop);
}

Task<Status> PersistentVolumeBinder::syncClaim(ClaimPointer claim, std::stop_token stop) {
  const bool bound = claim->metadata.annotations.contains(api::kBindCompletedAnnotation);
  if (!bound && claim->metadata.deletionTimestamp) co_return Status();
  PersistentVolumeClaim mended = *claim;
  if (mendMigration(mended)) {
    CO_TRY(claim, co_await client::update(client(), std::move(mended), "", stop));
  }
  if (bound) co_return co_await syncBound(claim, stop);
  if (!claim->spec.volumeName.empty()) co_return co_await syncNamed(claim, stop);
  co_return co_await syncUnbound(claim, stop);
}

Task<Status> PersistentVolumeBinder::syncUnbound(ClaimPointer claim, std::stop_token stop) {
  auto storageClass = classOf(*claim);
  const bool waits = storageClass && api::waitsForFirstConsumer(*storageClass);
  CO_TRY(auto volume, bestVolume(candidates(*claim), *claim, waits));
  if (volume) co_return co_await bind(volume, claim, stop);
  co_return co_await awaitVolume(claim, stop);
}

Task<Status> PersistentVolumeBinder::syncNamed(ClaimPointer claim, std::stop_token stop) {
  auto volume = volumes_.get<PersistentVolume>(claim->spec.volumeName);
  if (!volume) co_return co_await setPhase(claim, "Pending", stop);
  if (api::isClaimedBy(*volume, *claim)) co_return co_await bind(volume, claim, stop);
  if (volume->spec.claimRef) {
    // A claim that we bound ourselves has lost a race that nobody else can run.
    if (claim->metadata.annotations.contains(api::kBoundByControllerAnnotation)) {
      co_return conflict("persistentvolumeclaims", claim->metadata.name,
                         "invalid binding: volume \"" + volume->metadata.name +
                             "\" is already claimed by \"" + api::claimKeyOf(*volume) + "\"");
    }
    events().event(
        *claim, kEventWarning, "FailedBinding",
        fmt::format("volume \"{}\" already bound to a different claim.", claim->spec.volumeName));
    co_return co_await setPhase(claim, "Pending", stop);
  }
  const auto lacks = mismatch(*volume, *claim);
  if (lacks.empty()) co_return co_await bind(volume, claim, stop);
  events().event(
      *claim, kEventWarning, "VolumeMismatch",
      fmt::format("Cannot bind to requested volume \"{}\": {}", claim->spec.volumeName, lacks));
  co_return co_await setPhase(claim, "Pending", stop);
}

void PersistentVolumeBinder::tellOfWaiting(const PersistentVolumeClaim& claim) {
  std::vector<std::string> names;
  for (const auto& object : pods_.byIndex(kByClaim, api::objectKey(claim.metadata))) {
    const auto& pod = *object.as<Pod>();
    if (pod.spec.nodeName.empty()) names.push_back(pod.metadata.name);
  }
  if (names.empty()) {
    events().event(claim, kEventNormal, "WaitForFirstConsumer",
                   "waiting for first consumer to be created before binding");
    return;
  }
  std::sort(names.begin(), names.end());
  events().event(claim, kEventNormal, "WaitForPodScheduled",
                 fmt::format("waiting for pod{} {} to be scheduled", names.size() > 1 ? "s" : "",
                             fmt::join(names, ",")));
}

Task<Status> PersistentVolumeBinder::awaitVolume(ClaimPointer claim, std::stop_token stop) {
  if (!api::hasStorageClass(*claim)) {
    if (auto storageClass = defaultClass()) {
      PersistentVolumeClaim next = *claim;
      next.spec.storageClassName = storageClass->metadata.name;
      // Its event brings the claim back.
      auto written = co_await client::update(client(), std::move(next), "", stop);
      co_return written.status();
    }
  }
  auto storageClass = classOf(*claim);
  const bool waits = storageClass && api::waitsForFirstConsumer(*storageClass) &&
                     !claim->metadata.annotations.contains(api::kSelectedNodeAnnotation);
  if (waits) {
    tellOfWaiting(*claim);
  } else if (!api::storageClassOf(*claim).empty()) {
    co_return co_await provision(claim, stop);
  } else {
    events().event(*claim, kEventNormal, "FailedBinding",
                   "no persistent volumes available for this claim and no storage class is set");
  }
  co_return co_await setPhase(claim, "Pending", stop);
}

Task<Status> PersistentVolumeBinder::provision(ClaimPointer claim, std::stop_token stop) {
  if (!options_.dynamicProvisioning) co_return Status();
  auto storageClass = classOf(*claim);
  std::string failure;
  std::string provisioner;
  if (!storageClass) {
    failure =
        fmt::format("storageclass.storage.k8s.io \"{}\" not found", api::storageClassOf(*claim));
  } else {
    provisioner = storageClass->provisioner;
    if (const auto driver = migratedTo(provisioner); !driver.empty()) {
      provisioner = driver;
    } else if (provisioner.starts_with("kubernetes.io/")) {
      failure = "no volume plugin matched name: " + provisioner;
    }
  }
  if (!failure.empty()) {
    events().event(*claim, kEventWarning, "ProvisioningFailed", failure);
    co_return co_await setPhase(claim, "Pending", stop);
  }
  const auto* told = claim->metadata.annotations.get(api::kProvisionerAnnotation);
  if (told == nullptr || *told != provisioner) {
    PersistentVolumeClaim next = *claim;
    next.metadata.annotations[api::kBetaProvisionerAnnotation] = provisioner;
    next.metadata.annotations[api::kProvisionerAnnotation] = provisioner;
    (void)mendMigration(next);
    CO_TRY(claim, co_await client::update(client(), std::move(next), "", stop));
  }
  events().event(*claim, kEventNormal, "ExternalProvisioning",
                 fmt::format("Waiting for a volume to be created either by the external "
                             "provisioner '{}' or manually by the system administrator. If volume "
                             "creation is delayed, please verify that the provisioner is running "
                             "and correctly registered.",
                             provisioner));
  co_return co_await setPhase(claim, "Pending", stop);
}

Task<Status> PersistentVolumeBinder::syncBound(ClaimPointer claim, std::stop_token stop) {
  const auto& name = claim->spec.volumeName;
  if (name.empty()) {
    co_return co_await lose(
        claim, "ClaimLost",
        "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!", stop);
  }
  auto volume = volumes_.get<PersistentVolume>(name);
  if (!volume) {
    // The two caches need not be of one time.
    auto live = co_await client::get<PersistentVolume>(client(), "", name, stop);
    if (!live.ok() && !isNotFound(live.status())) co_return live.status();
    if (live.ok()) volume = *live;
  }
  if (!volume) {
    co_return co_await lose(
        claim, "ClaimLost",
        "Bound claim has lost its PersistentVolume. Data on the volume is lost!", stop);
  }
  const auto& reference = volume->spec.claimRef;
  if (!reference || reference->uid == claim->metadata.uid) {
    co_return co_await bind(volume, claim, stop);
  }
  co_return co_await lose(claim, "ClaimMisbound",
                          "Two claims are bound to the same volume, this one is bound incorrectly",
                          stop);
}

Task<Status> PersistentVolumeBinder::bind(VolumePointer volume, ClaimPointer claim,
                                          std::stop_token stop) {
  // The volume first: once it names the claim, nobody else takes it.
  auto nextVolume = boundVolume(*volume, *claim);
  if (nextVolume != *volume) {
    CO_TRY(volume, co_await client::update(client(), std::move(nextVolume), "", stop));
  }
  CO_TRY(volume, co_await setPhase(volume, "Bound", "", stop));
  auto nextClaim = boundClaim(*claim, *volume);
  if (nextClaim != *claim) {
    CO_TRY(claim, co_await client::update(client(), std::move(nextClaim), "", stop));
  }
  CO_TRY(auto status, boundStatus(*claim, *volume));
  if (api::semanticEqual(status, claim->status)) co_return Status();
  PersistentVolumeClaim next = *claim;
  next.status = std::move(status);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return written.status();
}

}  // namespace coxswain::controllers::persistentvolume
