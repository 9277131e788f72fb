#include "controllers/persistentvolume/controller.h"

#include <fmt/format.h>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "client/resources.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;
using client::kEventNormal;
using client::kEventWarning;

namespace {

constexpr std::string_view kSelectedNode = "volume.kubernetes.io/selected-node";
constexpr std::string_view kProvisionedBy = "pv.kubernetes.io/provisioned-by";

Controller::Options options() {
  Controller::Options o;
  o.name = "persistentvolume-controller";
  o.workers = 1;
  o.queue.maxDelay = 60s;
  return o;
}

std::string claimKeyOf(const PersistentVolume& volume) {
  const auto& reference = volume.spec.claimRef;
  return reference ? reference->namespace_ + "/" + reference->name : "";
}

bool isBound(const PersistentVolumeClaim& claim) {
  return claim.metadata.annotations.contains(kBindCompleted);
}

}  // namespace

PersistentVolumeBinder::PersistentVolumeBinder(const Context& context)
    : Controller(context, options()),
      claims_(use<PersistentVolumeClaim>()),
      volumes_(use<PersistentVolume>()) {
  claims_.addHandler([this](const client::Change& change) { onClaim(change); });
  volumes_.addHandler([this](const client::Change& change) { onVolume(change); });
}

void PersistentVolumeBinder::onClaim(const client::Change& change) {
  const auto& claim = *(change.after ? change.after : change.before).as<PersistentVolumeClaim>();
  if (change.after) queue().add("c|" + api::objectKey(claim.metadata));
  if (!claim.spec.volumeName.empty()) queue().add("v|" + claim.spec.volumeName);
}

void PersistentVolumeBinder::onVolume(const client::Change& change) {
  const auto& volume = *(change.after ? change.after : change.before).as<PersistentVolume>();
  queue().add("v|" + volume.metadata.name);
  const auto claim = claimKeyOf(volume);
  if (!claim.empty()) queue().add("c|" + claim);
  if (!change.after || volume.spec.claimRef || volume.status.phase != "Available") return;
  // A free volume: whoever waits may want it.
  claims_.forEach([this](const api::ConstObject& object) {
    if (!isBound(*object.as<PersistentVolumeClaim>())) {
      queue().add("c|" + client::objectKey(object));
    }
  });
}

std::vector<VolumePointer> PersistentVolumeBinder::volumes() const {
  std::vector<VolumePointer> all;
  volumes_.forEach([&all](const api::ConstObject& object) {
    all.push_back(object.sharedAs<PersistentVolume>());
  });
  return all;
}

Task<Result<Duration>> PersistentVolumeBinder::reconcile(std::string key, std::stop_token stop) {
  Status done;
  if (key.starts_with("c|")) {
    auto claim = claims_.get<PersistentVolumeClaim>(key.substr(2));
    if (claim && !claim->metadata.deletionTimestamp) done = co_await syncClaim(claim, stop);
  } else {
    auto volume = volumes_.get<PersistentVolume>(key.substr(2));
    if (volume) done = co_await syncVolume(volume, stop);
  }
  if (!done.ok() && !isNotFound(done)) co_return done;
  co_return Duration(0);
}

Task<Status> PersistentVolumeBinder::setPhase(VolumePointer volume, std::string phase,
                                              std::string message, std::stop_token stop) {
  if (volume->status.phase == phase && volume->status.message == message) co_return Status();
  PersistentVolume next = *volume;
  next.status.phase = std::move(phase);
  next.status.message = std::move(message);
  next.status.reason.clear();
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return written.status();
}

Task<Status> PersistentVolumeBinder::setPhase(ClaimPointer claim, std::string phase,
                                              std::stop_token stop) {
  if (claim->status.phase == phase) co_return Status();
  PersistentVolumeClaim next = *claim;
  next.status.phase = std::move(phase);
  next.status.accessModes.clear();
  next.status.capacity.clear();
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return written.status();
}

Task<Status> PersistentVolumeBinder::syncClaim(ClaimPointer claim, std::stop_token stop) {
  if (isBound(*claim)) co_return co_await syncBound(claim, stop);
  co_return co_await syncUnbound(claim, stop);
}

Task<Result<bool>> PersistentVolumeBinder::waitsForPod(ClaimPointer claim, std::stop_token stop) {
  const auto name = classOf(*claim);
  if (name.empty() || claim->metadata.annotations.contains(kSelectedNode)) co_return false;
  auto found = co_await client::get<StorageClass>(client(), "", name, stop);
  if (isNotFound(found.status())) co_return false;
  if (!found.ok()) co_return found.status();
  co_return (*found)->volumeBindingMode.value_or("Immediate") == "WaitForFirstConsumer";
}

Task<Status> PersistentVolumeBinder::syncUnbound(ClaimPointer claim, std::stop_token stop) {
  if (claim->spec.volumeName.empty()) {
    auto volume = bestVolume(volumes(), *claim);
    if (volume && !volume->spec.claimRef) {
      CO_TRY(bool waits, co_await waitsForPod(claim, stop));
      if (waits) volume = nullptr;
    }
    if (volume) co_return co_await bind(volume, claim, stop);
    co_return co_await await(claim, stop);
  }
  auto volume = volumes_.get<PersistentVolume>(claim->spec.volumeName);
  if (!volume) co_return co_await setPhase(claim, "Pending", stop);
  const bool mine = refersTo(*volume, *claim);
  if (volume->spec.claimRef && !mine) {
    events().event(
        *claim, kEventWarning, "FailedBinding",
        fmt::format("volume \"{}\" already bound to a different claim.", claim->spec.volumeName));
    co_return co_await setPhase(claim, "Pending", stop);
  }
  const auto lacks = mismatch(*volume, *claim);
  if (!lacks.empty()) {
    events().event(
        *claim, kEventWarning, "VolumeMismatch",
        fmt::format("Cannot bind to requested volume \"{}\": {}", claim->spec.volumeName, lacks));
    co_return co_await setPhase(claim, "Pending", stop);
  }
  co_return co_await bind(volume, claim, stop);
}

Task<Status> PersistentVolumeBinder::await(ClaimPointer claim, std::stop_token stop) {
  const auto name = classOf(*claim);
  if (name.empty()) {
    events().event(*claim, kEventNormal, "FailedBinding",
                   "no persistent volumes available for this claim and no storage class is set");
    co_return co_await setPhase(claim, "Pending", stop);
  }
  auto found = co_await client::get<StorageClass>(client(), "", name, stop);
  if (isNotFound(found.status())) {
    events().event(*claim, kEventWarning, "ProvisioningFailed",
                   fmt::format("storageclass.storage.k8s.io \"{}\" not found", name));
    co_return co_await setPhase(claim, "Pending", stop);
  }
  if (!found.ok()) co_return found.status();
  const auto& provisioner = (*found)->provisioner;
  CO_TRY(bool waits, co_await waitsForPod(claim, stop));
  if (waits) {
    events().event(*claim, kEventNormal, "WaitForFirstConsumer",
                   "waiting for first consumer to be created before binding");
  } else if (provisioner == "kubernetes.io/no-provisioner") {
    events().event(*claim, kEventNormal, "FailedBinding",
                   "no persistent volumes available for this claim and its storage class has no "
                   "provisioner");
  } else {
    PersistentVolumeClaim next = *claim;
    next.metadata.annotations["volume.beta.kubernetes.io/storage-provisioner"] = provisioner;
    next.metadata.annotations["volume.kubernetes.io/storage-provisioner"] = provisioner;
    if (next.metadata.annotations != claim->metadata.annotations) {
      CO_TRY(claim, co_await client::update(client(), std::move(next), "", stop));
    }
    events().event(*claim, kEventNormal, "ExternalProvisioning",
                   fmt::format("Waiting for a volume to be created either by the external "
                               "provisioner '{}' or manually by the system administrator. If "
                               "volume creation is delayed, please verify that the provisioner is "
                               "running and correctly registered.",
                               provisioner));
  }
  co_return co_await setPhase(claim, "Pending", stop);
}

Task<Status> PersistentVolumeBinder::syncBound(ClaimPointer claim, std::stop_token stop) {
  const auto& name = claim->spec.volumeName;
  auto volume = name.empty() ? nullptr : volumes_.get<PersistentVolume>(name);
  if (volume && (!volume->spec.claimRef || refersTo(*volume, *claim))) {
    co_return co_await bind(volume, claim, stop);
  }
  if (claim->status.phase != "Lost") {
    events().event(
        *claim, kEventWarning, volume ? "ClaimMisbound" : "ClaimLost",
        volume ? "Two claims are bound to the same volume, this one is bound incorrectly"
               : std::string("Bound claim has lost ") +
                     (name.empty() ? "reference to PersistentVolume" : "its PersistentVolume") +
                     ". Data on the volume is lost!");
  }
  co_return co_await setPhase(claim, "Lost", stop);
}

Task<Status> PersistentVolumeBinder::bind(VolumePointer volume, ClaimPointer claim,
                                          std::stop_token stop) {
  // The volume first: once it names the claim, nobody else takes it.
  auto nextVolume = boundVolume(*volume, *claim);
  if (nextVolume != *volume) {
    CO_TRY(volume, co_await client::update(client(), std::move(nextVolume), "", stop));
  }
  CO_TRY_STATUS(co_await setPhase(volume, "Bound", "", stop));
  auto nextClaim = boundClaim(*claim, *volume);
  if (nextClaim != *claim) {
    CO_TRY(claim, co_await client::update(client(), std::move(nextClaim), "", stop));
  }
  auto status = boundStatus(*claim, *volume);
  if (api::semanticEqual(status, claim->status)) co_return Status();
  PersistentVolumeClaim next = *claim;
  next.status = std::move(status);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return written.status();
}

Task<Status> PersistentVolumeBinder::syncVolume(VolumePointer volume, std::stop_token stop) {
  if (!volume->spec.claimRef || volume->spec.claimRef->uid.empty()) {
    // A volume that failed stays so until somebody looks.
    if (volume->status.phase == "Failed") co_return Status();
    co_return co_await setPhase(volume, "Available", "", stop);
  }
  auto claim = claims_.get<PersistentVolumeClaim>(claimKeyOf(*volume));
  if (!claim) {
    auto live = co_await client::get<PersistentVolumeClaim>(
        client(), volume->spec.claimRef->namespace_, volume->spec.claimRef->name, stop);
    if (live.ok()) co_return Status();  // the cache will show it
    if (!isNotFound(live.status())) co_return live.status();
  }
  if (!claim || claim->metadata.uid != volume->spec.claimRef->uid) {
    co_return co_await release(volume, stop);
  }
  if (claim->spec.volumeName == volume->metadata.name) {
    co_return co_await setPhase(volume, "Bound", "", stop);
  }
  if (claim->spec.volumeName.empty()) {
    queue().add("c|" + api::objectKey(claim->metadata));
    co_return Status();
  }
  // The claim went elsewhere: what we gave is taken back, what people wrote loses its uid only.
  PersistentVolume next = *volume;
  if (next.metadata.annotations.erase(kBoundByController) > 0) {
    next.spec.claimRef.reset();
  } else {
    next.spec.claimRef->uid.clear();
  }
  auto written = co_await client::update(client(), std::move(next), "", stop);
  co_return written.status();
}

Task<Status> PersistentVolumeBinder::release(VolumePointer volume, std::stop_token stop) {
  const bool done = volume->status.phase == "Released" || volume->status.phase == "Failed";
  if (!done) CO_TRY_STATUS(co_await setPhase(volume, "Released", "", stop));
  const bool keeps = volume->spec.persistentVolumeReclaimPolicy != "Delete" ||
                     volume->metadata.annotations.contains(kProvisionedBy) ||
                     volume->spec.persistentVolumeSource.csi;
  // The next round, with the new phase, goes on here.
  if (keeps || volume->status.phase != "Released") co_return Status();
  const auto why = fmt::format(
      "error getting deleter volume plugin for volume \"{}\": no deletable "
      "volume plugin matched",
      volume->metadata.name);
  events().event(*volume, kEventWarning, "VolumeFailedDelete", why);
  co_return co_await setPhase(volume, "Failed", why, stop);
}

}  // namespace coxswain::controllers::persistentvolume
