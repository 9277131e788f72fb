// What becomes of a volume.

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/helpers/volumes.h"
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

namespace {

constexpr const char* kInTreeFinalizer = "kubernetes.io/pv-controller";
// How often what failed, or waits for what shows no event, is tried again.
constexpr Duration kAgain = 15s;

bool isGivenUp(const PersistentVolume& volume) {
  return volume.status.phase == "Released" || volume.status.phase == "Failed";
}

/// Somebody outside this program deletes it.
bool isDeletedElsewhere(const PersistentVolume& volume) {
  const auto* provisioner = volume.metadata.annotations.get(api::kProvisionedByAnnotation);
  return provisioner != nullptr && !provisioner->empty() &&
         !std::string_view(*provisioner).starts_with("kubernetes.io/");
}

/// A folder below /tmp; empty: it is none such.
std::string temporaryFolder(const std::string& path) {
  auto clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean.starts_with("/tmp/") && clean.size() > 5 ? clean : "";
}

}  // namespace

Task<Result<VolumePointer>> PersistentVolumeBinder::setPhase(VolumePointer volume,
                                                             std::string phase, std::string message,
                                                             std::stop_token stop) {
  if (volume->status.phase == phase) co_return volume;
  PersistentVolume next = *volume;
  next.status.phase = std::move(phase);
  next.status.message = std::move(message);
  co_return co_await client::update(client(), std::move(next), "status", stop);
}

Task<Status> PersistentVolumeBinder::fail(VolumePointer volume, std::string reason,
                                          std::string message, std::stop_token stop) {
  if (volume->status.phase == "Failed") co_return Status();
  events().event(*volume, kEventWarning, reason, message);
  auto written = co_await setPhase(volume, "Failed", std::move(message), stop);
  co_return written.status();
}

Task<Result<ClaimPointer>> PersistentVolumeBinder::ownerOf(VolumePointer volume,
                                                           std::stop_token stop) {
  const auto& reference = *volume->spec.claimRef;
  auto claim = claims_.get<PersistentVolumeClaim>(api::claimKeyOf(*volume));
  if (claim && claim->metadata.uid == reference.uid) co_return claim;
  // Nothing is lost by the word of a cache alone.
  auto live = co_await client::get<PersistentVolumeClaim>(client(), reference.namespace_,
                                                          reference.name, stop);
  if (isNotFound(live.status())) co_return ClaimPointer();
  if (!live.ok()) co_return live.status();
  if ((*live)->metadata.uid != reference.uid) co_return ClaimPointer();
  co_return *live;
}

Task<Result<Duration>> PersistentVolumeBinder::syncVolume(VolumePointer volume,
                                                          std::stop_token stop) {
  PersistentVolume mended = *volume;
  if (mendMigration(mended)) {
    CO_TRY(volume, co_await client::update(client(), std::move(mended), "", stop));
  }
  if (!volume->spec.claimRef || volume->spec.claimRef->uid.empty()) {
    CO_TRY(volume, co_await setPhase(volume, "Available", "", stop));
    co_return Duration(0);
  }
  CO_TRY(auto claim, co_await ownerOf(volume, stop));
  if (!claim) co_return co_await release(volume, stop);
  if (claim->spec.volumeName.empty()) {
    if (modesDiffer(*volume, *claim)) {
      events().event(*volume, kEventWarning, "VolumeMismatch",
                     fmt::format("Cannot bind PersistentVolume to requested PersistentVolumeClaim "
                                 "\"{}\" due to incompatible volumeMode.",
                                 claim->metadata.name));
      events().event(*claim, kEventWarning, "VolumeMismatch",
                     fmt::format("Cannot bind PersistentVolume \"{}\" to requested "
                                 "PersistentVolumeClaim due to incompatible volumeMode.",
                                 volume->metadata.name));
      co_return Duration(0);
    }
    queue().add("c|" + api::objectKey(claim->metadata));
    co_return Duration(0);
  }
  if (claim->spec.volumeName == volume->metadata.name) {
    CO_TRY(volume, co_await setPhase(volume, "Bound", "", stop));
    co_return Duration(0);
  }
  // The claim went elsewhere. What was made for it alone is of no use.
  if (volume->metadata.annotations.contains(api::kProvisionedByAnnotation) &&
      volume->spec.persistentVolumeReclaimPolicy == "Delete") {
    co_return co_await release(volume, stop);
  }
  CO_TRY_STATUS(co_await unbind(volume, stop));
  co_return Duration(0);
}

Task<Status> PersistentVolumeBinder::unbind(VolumePointer volume, std::stop_token stop) {
  auto next = unboundVolume(*volume);
  if (next != *volume) {
    CO_TRY(volume, co_await client::update(client(), std::move(next), "", stop));
  }
  CO_TRY(volume, co_await setPhase(volume, "Available", "", stop));
  co_return Status();
}

Task<Result<Duration>> PersistentVolumeBinder::release(VolumePointer volume, std::stop_token stop) {
  if (!isGivenUp(*volume)) {
    CO_TRY(volume, co_await setPhase(volume, "Released", "", stop));
  }
  if (volume->metadata.annotations.contains(api::kMigratedToAnnotation)) co_return Duration(0);
  const auto& policy = volume->spec.persistentVolumeReclaimPolicy;
  if (policy == "Retain") co_return Duration(0);
  // What follows cannot be taken back: what the cache shows may have been undone by our last round.
  CO_TRY(auto live,
         co_await client::get<PersistentVolume>(client(), "", volume->metadata.name, stop));
  if (live->metadata.uid != volume->metadata.uid || live->spec.claimRef != volume->spec.claimRef ||
      !isGivenUp(*live)) {
    co_return Duration(0);
  }
  volume = std::move(live);
  if (policy == "Recycle") co_return co_await recycle(volume, stop);
  if (policy == "Delete") co_return co_await deleteVolume(volume, stop);
  CO_TRY_STATUS(co_await fail(volume, "VolumeUnknownReclaimPolicy",
                              "Volume has unrecognized PersistentVolumeReclaimPolicy", stop));
  co_return Duration(0);
}

Task<Result<Duration>> PersistentVolumeBinder::deleteVolume(VolumePointer volume,
                                                            std::stop_token stop) {
  if (isDeletedElsewhere(*volume)) co_return Duration(0);
  const auto& source = volume->spec.persistentVolumeSource;
  std::string failure;
  bool again = false;
  if (!source.hostPath || !options_.removeHostPath) {
    failure = fmt::format(
        "error getting deleter volume plugin for volume \"{}\": no deletable volume plugin matched",
        volume->metadata.name);
  } else if (const auto path = temporaryFolder(source.hostPath->path); path.empty()) {
    failure =
        "host_path deleter only supports /tmp/.+ but received provided " + source.hostPath->path;
  } else if (Status removed = options_.removeHostPath(path); !removed.ok()) {
    failure = removed.message();
    again = true;
  }
  if (!failure.empty()) {
    CO_TRY_STATUS(co_await fail(volume, "VolumeFailedDelete", std::move(failure), stop));
    co_return again ? kAgain : Duration(0);
  }
  PersistentVolume next = *volume;
  if (api::removeFinalizer(next.metadata, kInTreeFinalizer)) {
    CO_TRY(volume, co_await client::update(client(), std::move(next), "", stop));
  }
  client::DeleteOptions options;
  options.uid = volume->metadata.uid;
  CO_TRY_STATUS(co_await client().remove(client::resourceOf<PersistentVolume>(), "",
                                         volume->metadata.name, options, stop));
  co_return Duration(0);
}

Task<Result<Duration>> PersistentVolumeBinder::recycle(VolumePointer volume, std::stop_token stop) {
  // A newer claim of the name has its pods, and another volume.
  if (!claims_.get(api::claimKeyOf(*volume))) {
    std::set<std::string> users;
    for (const auto& object : pods_.byIndex(kByClaim, api::claimKeyOf(*volume))) {
      const auto& pod = *object.as<Pod>();
      if (!api::isPodTerminal(pod)) users.insert(api::objectKey(pod.metadata));
    }
    if (!users.empty()) {
      events().event(*volume, kEventNormal, "VolumeFailedRecycle",
                     fmt::format("Volume is used by pods: {}", fmt::join(users, ",")));
      co_return kAgain;
    }
  }
  if (!isRecyclable(*volume)) {
    CO_TRY_STATUS(co_await fail(volume, "VolumeFailedRecycle",
                                "No recycler plugin found for the volume!", stop));
    co_return Duration(0);
  }
  auto step = co_await recycler_.step(volume, stop);
  if (!step.ok()) {
    // What the pod itself says is a bad request of ours; the rest may pass.
    const auto reason = step.status().reason();
    const bool lasting =
        reason == Reason::BadRequest || reason == Reason::Forbidden || reason == Reason::Invalid;
    if (!lasting) co_return step.status();
    CO_TRY_STATUS(co_await fail(volume, "VolumeFailedRecycle",
                                "Recycle failed: " + step.status().message(), stop));
    co_return kAgain;
  }
  if (*step == Recycler::State::Working) co_return Duration(0);
  events().event(*volume, kEventNormal, "VolumeRecycled", "Volume recycled");
  CO_TRY_STATUS(co_await unbind(volume, stop));
  co_return Duration(0);
}

}  // namespace coxswain::controllers::persistentvolume
