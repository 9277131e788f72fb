#include "controllers/localpath/provisioner.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"
#include "runtime/one_shot.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::localpath {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;
using client::kEventNormal;
using client::kEventWarning;

namespace {

const Logger kLog("localpath");

constexpr Duration kRetry = 1s;
constexpr uint32_t kRootMode = 0711;
// Whoever the pod runs as writes there; who may look there is settled by the folder above.
constexpr uint32_t kFolderMode = 0777;

Controller::Options baseOptions(const LocalPathOptions& options) {
  Controller::Options o;
  o.name = options.provisioner + "_" + options.nodeName;
  o.workers = 2;
  o.queue.maxDelay = 60s;
  return o;
}

}  // namespace

Task<Status> removeFolderAside(std::string path) {
  OneShot<Status> done;
  std::jthread worker([done, path]() mutable {
    SystemFiles files;
    done.set(files.removeAll(path));
  });
  auto removed = co_await done.wait();
  co_return removed ? std::move(*removed) : canceled();
}

LocalPathProvisioner::LocalPathProvisioner(const Context& context, LocalPathOptions options,
                                           Files& files, RemoveFolder remove)
    : Controller(context, baseOptions(options)),
      options_(std::move(options)),
      files_(files),
      remove_(std::move(remove)),
      claims_(use<PersistentVolumeClaim>()),
      volumes_(use<PersistentVolume>()) {
  claims_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    const auto* claim = change.after.as<PersistentVolumeClaim>();
    if ((claim != nullptr && isAsked(*claim)) || making_.contains(key)) queue().add("c|" + key);
  });
  volumes_.addHandler([this](const client::Change& change) {
    const auto* volume = change.after.as<PersistentVolume>();
    if (volume == nullptr || !isOurs(*volume, options_)) return;
    queue().add("v|" + volume->metadata.name);
    made(api::claimKeyOf(*volume), volume->metadata.name);
  });
}

void LocalPathProvisioner::made(const std::string& key, const std::string& volume) {
  auto found = making_.find(key);
  if (found == making_.end() || found->second.volume != volume) return;
  making_.erase(found);
  if (auto claim = claims_.get<PersistentVolumeClaim>(key)) {
    events().event(*claim, kEventNormal, "ProvisioningSucceeded",
                   "Successfully provisioned volume " + volume);
  }
}

bool LocalPathProvisioner::isAsked(const PersistentVolumeClaim& claim) const {
  if (!claim.spec.volumeName.empty() || claim.metadata.deletionTimestamp) return false;
  const auto& annotations = claim.metadata.annotations;
  const auto* node = annotations.get(api::kSelectedNodeAnnotation);
  const auto* provisioner = annotations.get(api::kProvisionerAnnotation);
  if (provisioner == nullptr) provisioner = annotations.get(api::kBetaProvisionerAnnotation);
  return node != nullptr && *node == options_.nodeName && provisioner != nullptr &&
         *provisioner == options_.provisioner;
}

Task<Status> LocalPathProvisioner::prepare(std::stop_token stop) {
  auto folders = files_.list(options_.root);
  if (!folders.ok()) co_return Status();  // there are none, or the first claim tells
  for (const auto& folder : *folders) {
    Status swept = co_await sweep(folder, stop);
    while (!swept.ok()) {
      CO_TRY_STATUS(co_await sleepFor(kRetry, stop));
      swept = co_await sweep(folder, stop);
    }
  }
  co_return Status();
}

Task<Status> LocalPathProvisioner::sweep(const std::string& folder, std::stop_token stop) {
  const auto volume = volumeOf(folder);
  const auto path = joinPath(options_.root, folder);
  const auto inside = files_.list(path);
  if (volume.empty() || !inside.ok() || !inside->empty()) co_return Status();
  auto known = co_await client::get<PersistentVolume>(client(), "", volume, stop);
  if (known.ok()) co_return Status();
  if (!isNotFound(known.status())) co_return known.status();
  Status removed = files_.remove(path);
  kLog.info("removed the folder of a volume that was never made",
            {{"folder", path}, {"error", removed}});
  co_return Status();
}

Task<void> LocalPathProvisioner::background(std::stop_token stop) {
  while (!stop.stop_requested()) {
    Status made = co_await ensureClass(stop);
    if (made.ok()) co_return;
    kLog.warn("no storage class", {{"class", options_.className}, {"error", made}});
    Status slept = co_await sleepFor(kRetry, stop);
    if (!slept.ok()) co_return;
  }
}

Task<Status> LocalPathProvisioner::ensureClass(std::stop_token stop) {
  client::ListOptions all;
  CO_TRY(auto classes,
         co_await client().list(client::resourceOf<StorageClass>(), "", std::move(all), stop));
  bool isDefault = true;
  for (const auto& object : classes.items) {
    const auto& each = *object.as<StorageClass>();
    if (each.metadata.name == options_.className) co_return Status();
    if (api::isDefaultClass(each)) isDefault = false;
  }
  auto made = co_await client::create(client(), storageClassOf(options_, isDefault), stop);
  if (isAlreadyExists(made.status())) co_return Status();
  co_return made.status();
}

Task<Result<Duration>> LocalPathProvisioner::reconcile(std::string key, std::stop_token stop) {
  Status done;
  const auto name = key.substr(2);
  if (key.starts_with("c|")) {
    auto claim = claims_.get<PersistentVolumeClaim>(name);
    if (claim && isAsked(*claim)) {
      done = co_await provision(claim, stop);
    } else {
      done = co_await forget(name, stop);
    }
  } else {
    auto volume = volumes_.get<PersistentVolume>(name);
    if (volume && isOurs(*volume, options_)) done = co_await syncVolume(volume, stop);
  }
  CO_TRY_STATUS(std::move(done));
  co_return Duration(0);
}

void LocalPathProvisioner::tellFailed(const PersistentVolumeClaim& claim, const std::string& why) {
  events().event(claim, kEventWarning, "ProvisioningFailed",
                 fmt::format("failed to provision volume with StorageClass \"{}\": {}",
                             api::storageClassOf(claim), why));
}

Task<Status> LocalPathProvisioner::provision(ClaimPointer claim, std::stop_token stop) {
  if (volumes_.get(volumeNameOf(*claim))) co_return Status();  // the binder's turn
  auto found = co_await client::get<StorageClass>(client(), "", api::storageClassOf(*claim), stop);
  if (!found.ok()) {
    if (isNotFound(found.status())) tellFailed(*claim, found.status().message());
    co_return found.status();
  }
  // The class was made anew since the claim was told whose it is.
  if ((*found)->provisioner != options_.provisioner) co_return Status();
  if (Status can = checkClaim(*claim); !can.ok()) {
    tellFailed(*claim, can.message());
    co_return Status();
  }
  events().event(*claim, kEventNormal, "Provisioning",
                 fmt::format("External provisioner is provisioning volume for claim \"{}\"",
                             api::objectKey(claim->metadata)));
  auto volume = volumeFor(*claim, **found, options_);
  Status made = co_await create(claim, std::move(volume), stop);
  if (!made.ok() && !stop.stop_requested()) tellFailed(*claim, made.message());
  co_return made;
}

Task<Status> LocalPathProvisioner::create(ClaimPointer claim, PersistentVolume volume,
                                          std::stop_token stop) {
  const auto key = api::objectKey(claim->metadata);
  const std::string name = volume.metadata.name;
  const std::string folder = volume.spec.persistentVolumeSource.local->path;
  CO_TRY_STATUS(files_.mkdirs(options_.root, kRootMode));
  CO_TRY_STATUS(files_.mkdirs(folder, kFolderMode));
  making_.insert_or_assign(key, Making{name, folder});
  auto created = co_await client::create(client(), std::move(volume), stop);
  if (!created.ok() && !isAlreadyExists(created.status())) co_return created.status();
  made(key, name);
  co_return Status();
}

Task<Status> LocalPathProvisioner::forget(std::string key, std::stop_token stop) {
  auto found = making_.find(key);
  if (found == making_.end()) co_return Status();
  const Making making = found->second;
  auto volume = co_await client::get<PersistentVolume>(client(), "", making.volume, stop);
  if (!volume.ok() && !isNotFound(volume.status())) co_return volume.status();
  // Without a volume nobody can have written there.
  if (!volume.ok()) CO_TRY_STATUS(files_.remove(making.folder));
  making_.erase(key);
  co_return Status();
}

Task<Status> LocalPathProvisioner::syncVolume(VolumePointer volume, std::stop_token stop) {
  const auto& meta = volume->metadata;
  const bool guarded = api::hasFinalizer(meta, kFinalizer);
  if (volume->spec.persistentVolumeReclaimPolicy != "Delete") {
    // The data are somebody's own by now.
    auto object = volumes_.get(meta.name);
    if (!object) co_return Status();
    co_return co_await setFinalizer(client(), client::resourceOf<PersistentVolume>(), object,
                                    kFinalizer, false, stop);
  }
  if (meta.deletionTimestamp && !guarded) co_return Status();
  const auto& phase = volume->status.phase;
  const bool goes = phase == "Released" || (meta.deletionTimestamp && phase == "Available");
  if (!goes) co_return Status();
  Status removed = co_await removeVolume(volume, stop);
  if (!removed.ok() && !stop.stop_requested()) {
    events().event(*volume, kEventWarning, "VolumeFailedDelete", removed.message());
  }
  co_return removed;
}

Task<Status> LocalPathProvisioner::removeVolume(VolumePointer volume, std::stop_token stop) {
  CO_TRY(auto folder, folderOf(*volume, options_));
  // A volume is given up for good: no claim can come back to it.
  CO_TRY_STATUS(co_await remove_(std::move(folder)));
  const auto& type = client::resourceOf<PersistentVolume>();
  const std::string name = volume->metadata.name;
  if (!volume->metadata.deletionTimestamp) {
    client::DeleteOptions options;
    options.uid = volume->metadata.uid;
    Status removed = co_await client().remove(type, "", name, options, stop);
    if (isNotFound(removed)) co_return Status();
    CO_TRY_STATUS(std::move(removed));
  }
  auto live = co_await client().get(type, "", name, stop);
  if (isNotFound(live.status())) co_return Status();
  if (!live.ok()) co_return live.status();
  if (api::objectMeta(*live)->uid != volume->metadata.uid) co_return Status();
  co_return co_await setFinalizer(client(), type, *live, kFinalizer, false, stop);
}

}  // namespace coxswain::controllers::localpath
