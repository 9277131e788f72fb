#include "sidecar.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::csi_test {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;
using api::storage::v1::VolumeAttachment;

namespace {

const Logger kLog("csi-test");
constexpr Duration kRetry = 500ms;
constexpr const char* kSelectedNode = "volume.kubernetes.io/selected-node";
constexpr const char* kProvisionedBy = "pv.kubernetes.io/provisioned-by";

bool isLeaving(const api::meta::v1::ObjectMeta& metadata) {
  return metadata.deletionTimestamp && !metadata.deletionTimestamp->isZero();
}

template <typename T>
Status statusOf(const Result<T>& answer) {
  return answer.ok() ? Status() : answer.status();
}

}  // namespace

Sidecar::Sidecar(client::Client& client, Executor& executor, const DriverOptions& options,
                 VolumeStore& store)
    : client_(client),
      executor_(executor),
      options_(options),
      store_(store),
      claims_(client, client::resourceOf<PersistentVolumeClaim>(), {}),
      volumes_(client, client::resourceOf<PersistentVolume>(), {}),
      classes_(client, client::resourceOf<StorageClass>(), {}),
      attachments_(client, client::resourceOf<VolumeAttachment>(), {}) {
  for (auto* informer : {&claims_, &volumes_, &classes_, &attachments_}) {
    informer->addHandler([this](const client::Change&) { wake_.set(); });
  }
}

Task<void> Sidecar::runInformer(client::Informer& informer, Gate::Pass pass, std::stop_token stop) {
  co_await informer.run(std::move(stop));
}

Task<void> Sidecar::run(std::stop_token stop) {
  for (auto* informer : {&claims_, &volumes_, &classes_, &attachments_}) {
    spawn(executor_, runInformer(*informer, gate_.enter(), stop));
  }
  while (!stop.stop_requested()) {
    Status woken = co_await wake_.wait(stop);
    if (!woken.ok()) break;
    wake_.reset();
    const bool synced =
        claims_.synced() && volumes_.synced() && classes_.synced() && attachments_.synced();
    if (synced) co_await lookAtAll(stop);
  }
  co_await gate_.close();
}

Task<void> Sidecar::lookAtAll(std::stop_token stop) {
  bool failed = false;
  const auto tell = [&failed](const char* what, const Status& status) {
    if (status.ok() || isNotFound(status) || isConflict(status)) return;
    failed = true;
    kLog.warn(what, {{"error", status}});
  };
  for (const auto& object : claims_.list()) {
    const auto claim = object.sharedAs<PersistentVolumeClaim>();
    Status done = co_await provision(*claim, stop);
    tell("provisioning failed", done);
    done = co_await resize(*claim, stop);
    tell("resizing failed", done);
  }
  for (const auto& object : volumes_.list()) {
    const auto volume = object.sharedAs<PersistentVolume>();
    Status done = co_await reclaim(*volume, stop);
    tell("deleting failed", done);
  }
  for (const auto& object : attachments_.list()) {
    const auto attachment = object.sharedAs<VolumeAttachment>();
    Status done = co_await attach(*attachment, stop);
    tell("attaching failed", done);
  }
  if (!failed) co_return;
  Status slept = co_await sleepFor(kRetry, stop);
  if (slept.ok()) wake_.set();
}

Task<Status> Sidecar::provision(const PersistentVolumeClaim& claim, std::stop_token stop) {
  if (!claim.spec.volumeName.empty() || !claim.spec.storageClassName || isLeaving(claim.metadata)) {
    co_return Status();
  }
  const auto kind = classes_.get<StorageClass>(*claim.spec.storageClassName);
  if (!kind || kind->provisioner != options_.name) co_return Status();
  const bool waits = kind->volumeBindingMode == "WaitForFirstConsumer";
  if (waits && !claim.metadata.annotations.contains(kSelectedNode)) co_return Status();
  const std::string name = "pvc-" + claim.metadata.uid;
  if (volumes_.get<PersistentVolume>(name)) co_return Status();
  const auto* size = claim.spec.resources.requests.get("storage");
  if (size == nullptr) co_return Status();
  CO_TRY_STATUS(store_.create(name, size->value()));

  PersistentVolume volume;
  volume.metadata.name = name;
  volume.metadata.annotations[kProvisionedBy] = options_.name;
  volume.spec.capacity["storage"] = *size;
  volume.spec.accessModes = claim.spec.accessModes;
  volume.spec.storageClassName = *claim.spec.storageClassName;
  volume.spec.persistentVolumeReclaimPolicy = kind->reclaimPolicy.value_or("Delete");
  volume.spec.mountOptions = kind->mountOptions;
  auto& source = volume.spec.persistentVolumeSource.csi.emplace();
  source.driver = options_.name;
  source.volumeHandle = name;
  source.fsType = "ext4";
  auto& owner = volume.spec.claimRef.emplace();
  owner.kind = "PersistentVolumeClaim";
  owner.apiVersion = "v1";
  owner.namespace_ = claim.metadata.namespace_;
  owner.name = claim.metadata.name;
  owner.uid = claim.metadata.uid;
  owner.resourceVersion = claim.metadata.resourceVersion;
  auto made = co_await client::create(client_, std::move(volume), stop);
  if (isAlreadyExists(made.status())) co_return Status();
  if (made.ok()) kLog.info("provisioned", {{"claim", claim.metadata.name}, {"volume", name}});
  co_return statusOf(made);
}

/// The volume is as large as the claim asks; the node's part is for the kubelet.
Task<Status> Sidecar::resize(const PersistentVolumeClaim& claim, std::stop_token stop) {
  const auto* wanted = claim.spec.resources.requests.get("storage");
  const auto* known = claim.status.capacity.get("storage");
  const auto volume = volumes_.get<PersistentVolume>(claim.spec.volumeName);
  if (claim.status.phase != "Bound" || !volume || wanted == nullptr || known == nullptr ||
      *wanted <= *known || !volume->spec.persistentVolumeSource.csi ||
      volume->spec.persistentVolumeSource.csi->driver != options_.name) {
    co_return Status();
  }
  const auto* size = volume->spec.capacity.get("storage");
  if (size != nullptr && *size < *wanted) {
    PersistentVolume next = *volume;
    next.spec.capacity["storage"] = *wanted;
    auto written = co_await client::update(client_, std::move(next), "", stop);
    if (!written.ok()) co_return written.status();
  }
  if (claim.status.allocatedResourceStatuses.contains("storage")) co_return Status();
  PersistentVolumeClaim next = claim;
  next.status.allocatedResources["storage"] = *wanted;
  next.status.allocatedResourceStatuses["storage"] = "NodeResizePending";
  auto& condition = next.status.conditions.emplace_back();
  condition.type = "FileSystemResizePending";
  condition.status = "True";
  condition.lastTransitionTime = api::Time(executor_.wallNow());
  condition.message =
      "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";
  auto written = co_await client::update(client_, std::move(next), "status", stop);
  co_return statusOf(written);
}

Task<Status> Sidecar::reclaim(const PersistentVolume& volume, std::stop_token stop) {
  const auto* by = volume.metadata.annotations.get(kProvisionedBy);
  if (by == nullptr || *by != options_.name || volume.status.phase != "Released" ||
      volume.spec.persistentVolumeReclaimPolicy != "Delete" || isLeaving(volume.metadata)) {
    co_return Status();
  }
  // Nobody deletes what is attached.
  for (const auto& object : attachments_.list()) {
    const auto* attachment = object.as<VolumeAttachment>();
    if (attachment->spec.source.persistentVolumeName == volume.metadata.name) co_return Status();
  }
  CO_TRY_STATUS(store_.remove(volume.metadata.name));
  client::DeleteOptions options;
  options.uid = volume.metadata.uid;
  Status gone = co_await client_.remove(client::resourceOf<PersistentVolume>(), "",
                                        volume.metadata.name, std::move(options), stop);
  if (gone.ok()) kLog.info("deleted", {{"volume", volume.metadata.name}});
  co_return gone;
}

Task<Status> Sidecar::attach(const VolumeAttachment& attachment, std::stop_token stop) {
  if (attachment.spec.attacher != options_.name) co_return Status();
  VolumeAttachment next = attachment;
  auto& finalizers = next.metadata.finalizers;
  const auto own = std::find(finalizers.begin(), finalizers.end(), attacherFinalizer());
  if (isLeaving(attachment.metadata)) {
    if (own == finalizers.end()) co_return Status();
    if (attachment.status.attached) {
      next.status.attached = false;
      next.status.attachmentMetadata = {};
      auto written = co_await client::update(client_, std::move(next), "status", stop);
      co_return statusOf(written);
    }
    finalizers.erase(own);
    auto written = co_await client::update(client_, std::move(next), "", stop);
    if (written.ok()) kLog.info("detached", {{"attachment", attachment.metadata.name}});
    co_return statusOf(written);
  }
  if (attachment.status.attached) co_return Status();
  if (own == finalizers.end()) {
    finalizers.push_back(attacherFinalizer());
    auto written = co_await client::update(client_, std::move(next), "", stop);
    co_return statusOf(written);
  }
  next.status.attached = true;
  next.status.attachmentMetadata["attachedBy"] = options_.name;
  auto written = co_await client::update(client_, std::move(next), "status", stop);
  if (written.ok()) kLog.info("attached", {{"attachment", attachment.metadata.name}});
  co_return statusOf(written);
}

}  // namespace coxswain::csi_test
