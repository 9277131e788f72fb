#include "controllers/persistentvolume/controller.h"

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/recycler_pods.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::storage::v1::StorageClass;

namespace {

// Claims that are not bound: "c/<class>" where any volume will do, "v/<name>" where one is named.
constexpr const char* kWaiting = "waiting-for";
// Volumes: "f/<class>" of those that anybody may have, "c/<namespace>/<name>" of those for a claim.
constexpr const char* kGiven = "given-to";

Controller::Options baseOptions() {
  Controller::Options o;
  o.name = "persistentvolume-controller";
  o.workers = 1;
  o.queue.maxDelay = 60s;
  return o;
}

std::vector<std::string> waitingValues(const api::ConstObject& object) {
  const auto* claim = object.as<PersistentVolumeClaim>();
  if (claim == nullptr || claim->metadata.annotations.contains(api::kBindCompletedAnnotation)) {
    return {};
  }
  if (!claim->spec.volumeName.empty()) return {"v/" + claim->spec.volumeName};
  return {"c/" + api::storageClassOf(*claim)};
}

std::vector<std::string> givenValues(const api::ConstObject& object) {
  const auto* volume = object.as<PersistentVolume>();
  if (volume == nullptr) return {};
  if (volume->spec.claimRef) return {"c/" + api::claimKeyOf(*volume)};
  if (volume->status.phase != "Available") return {};
  return {"f/" + api::storageClassOf(*volume)};
}

}  // namespace

PersistentVolumeBinder::PersistentVolumeBinder(const Context& context, Options options)
    : Controller(context, baseOptions()),
      options_(std::move(options)),
      claims_(use<PersistentVolumeClaim>()),
      volumes_(use<PersistentVolume>()),
      classes_(use<StorageClass>()),
      pods_(use<Pod>()),
      recycler_(client(), pods_, options_.recycler) {
  claims_.addIndex(kWaiting, waitingValues);
  volumes_.addIndex(kGiven, givenValues);
  addClaimIndex(pods_);
  claims_.addHandler([this](const client::Change& change) { onClaim(change); });
  volumes_.addHandler([this](const client::Change& change) { onVolume(change); });
  classes_.addHandler([this](const client::Change& change) { onClass(change); });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void PersistentVolumeBinder::addWaiting(const std::string& value) {
  for (const auto& claim : claims_.byIndex(kWaiting, value)) {
    queue().add("c|" + client::objectKey(claim));
  }
}

void PersistentVolumeBinder::onClaim(const client::Change& change) {
  const auto& claim = *(change.after ? change.after : change.before).as<PersistentVolumeClaim>();
  const auto key = api::objectKey(claim.metadata);
  if (change.after) queue().add("c|" + key);
  if (!claim.spec.volumeName.empty()) queue().add("v|" + claim.spec.volumeName);
  if (change.after && change.before) return;
  for (const auto& volume : volumes_.byIndex(kGiven, "c/" + key)) {
    queue().add("v|" + client::objectKey(volume));
  }
}

void PersistentVolumeBinder::onVolume(const client::Change& change) {
  const auto* before = change.before.as<PersistentVolume>();
  const auto* after = change.after.as<PersistentVolume>();
  const auto& volume = after != nullptr ? *after : *before;
  if (after != nullptr) queue().add("v|" + volume.metadata.name);
  for (const auto* each : {before, after}) {
    if (each != nullptr && each->spec.claimRef) queue().add("c|" + api::claimKeyOf(*each));
  }
  addWaiting("v/" + volume.metadata.name);
  // A free volume: whoever waits may want it.
  if (after == nullptr || after->spec.claimRef || after->status.phase != "Available") return;
  addWaiting("c/" + api::storageClassOf(*after));
}

void PersistentVolumeBinder::onClass(const client::Change& change) {
  const auto* storageClass = change.after.as<StorageClass>();
  if (storageClass == nullptr) return;
  addWaiting("c/" + storageClass->metadata.name);
  if (api::isDefaultClass(*storageClass)) addWaiting("c/");
}

void PersistentVolumeBinder::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const auto& pod = after != nullptr ? *after : *before;
  if (const auto volume = recycledBy(pod); !volume.empty()) queue().add("v|" + std::string(volume));
  if (pod.spec.volumes.empty()) return;
  // What a waiting claim waits for is told anew when its pods come.
  const bool comes = before == nullptr && after->spec.nodeName.empty();
  if (!comes && after != nullptr) return;
  for (const auto& key : api::claimKeysOf(pod)) {
    auto claim = claims_.get<PersistentVolumeClaim>(key);
    if (!claim) continue;
    if (comes && claim->spec.volumeName.empty()) queue().add("c|" + key);
    // A volume may wait for its last user before it is wiped.
    if (after == nullptr && !claim->spec.volumeName.empty()) {
      queue().add("v|" + claim->spec.volumeName);
    }
  }
  if (after != nullptr) return;
  for (const auto& key : api::claimKeysOf(pod)) {
    for (const auto& volume : volumes_.byIndex(kGiven, "c/" + key)) {
      queue().add("v|" + client::objectKey(volume));
    }
  }
}

std::vector<VolumePointer> PersistentVolumeBinder::candidates(
    const PersistentVolumeClaim& claim) const {
  std::vector<VolumePointer> found;
  for (const auto& value :
       {"c/" + api::objectKey(claim.metadata), "f/" + api::storageClassOf(claim)}) {
    for (const auto& volume : volumes_.byIndex(kGiven, value)) {
      found.push_back(volume.sharedAs<PersistentVolume>());
    }
  }
  return found;
}

PersistentVolumeBinder::ClassPointer PersistentVolumeBinder::classOf(
    const PersistentVolumeClaim& claim) const {
  const auto name = api::storageClassOf(claim);
  return name.empty() ? nullptr : classes_.get<StorageClass>(name);
}

PersistentVolumeBinder::ClassPointer PersistentVolumeBinder::defaultClass() const {
  ClassPointer best;
  classes_.forEach([&best](const api::ConstObject& object) {
    auto each = object.sharedAs<StorageClass>();
    if (!api::isDefaultClass(*each)) return;
    const auto& made = each->metadata.creationTimestamp;
    const bool newer =
        !best || made > best->metadata.creationTimestamp ||
        (made == best->metadata.creationTimestamp && each->metadata.name < best->metadata.name);
    if (newer) best = std::move(each);
  });
  return best;
}

Task<Result<Duration>> PersistentVolumeBinder::reconcile(std::string key, std::stop_token stop) {
  Result<Duration> done = Duration(0);
  if (key.starts_with("c|")) {
    auto claim = claims_.get<PersistentVolumeClaim>(key.substr(2));
    if (claim) {
      Status synced = co_await syncClaim(claim, stop);
      if (!synced.ok()) done = std::move(synced);
    }
  } else {
    auto volume = volumes_.get<PersistentVolume>(key.substr(2));
    if (volume) done = co_await syncVolume(volume, stop);
  }
  if (isNotFound(done.status())) co_return Duration(0);
  co_return done;
}

}  // namespace coxswain::controllers::persistentvolume
