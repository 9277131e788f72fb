#include "controllers/attachdetach/controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers::attachdetach {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::storage::v1::CSIDriver;
using api::storage::v1::VolumeAttachment;

namespace {

constexpr std::string_view kManaged = "volumes.kubernetes.io/controller-managed-attach-detach";

Controller::Options baseOptions(int workers) {
  Controller::Options o;
  o.name = "attachdetach-controller";
  o.workers = workers;
  o.queue.maxDelay = 60s;
  return o;
}

std::vector<std::string> attachmentNode(const api::ConstObject& object) {
  const auto* attachment = object.as<VolumeAttachment>();
  return attachment == nullptr ? std::vector<std::string>()
                               : std::vector<std::string>{attachment->spec.nodeName};
}

std::vector<std::string> attachmentVolume(const api::ConstObject& object) {
  const auto* attachment = object.as<VolumeAttachment>();
  if (attachment == nullptr || !attachment->spec.source.persistentVolumeName) return {};
  return {*attachment->spec.source.persistentVolumeName};
}

/// Its name is one that controllers such as this one give.
bool isMadeHere(const VolumeAttachment& attachment) {
  std::string_view name = attachment.metadata.name;
  if (!attachment.spec.source.persistentVolumeName || !name.starts_with("csi-")) return false;
  name.remove_prefix(4);
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool isManaged(const Node& node) {
  return node.metadata.annotations.contains(kManaged);
}

}  // namespace

AttachDetachController::AttachDetachController(const Context& context, Options options)
    : Controller(context, baseOptions(options.workers)),
      options_(options),
      pods_(use<Pod>()),
      nodes_(use<Node>()),
      claims_(use<PersistentVolumeClaim>()),
      volumes_(use<PersistentVolume>()),
      drivers_(use<CSIDriver>()),
      attachments_(use<VolumeAttachment>()) {
  addNodeIndex(pods_);
  addClaimIndex(pods_);
  attachments_.addIndex(kByNode, attachmentNode);
  attachments_.addIndex(kByVolume, attachmentVolume);
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
  claims_.addHandler([this](const client::Change& change) { onClaim(change); });
  volumes_.addHandler([this](const client::Change& change) { onVolume(change); });
  attachments_.addHandler([this](const client::Change& change) { onAttachment(change); });
  drivers_.addHandler([this](const client::Change&) {
    // Rare: whether attachments are needed at all may have changed.
    volumes_.forEach([this](const api::ConstObject& object) {
      const auto& volume = *object.as<PersistentVolume>();
      if (volume.spec.persistentVolumeSource.csi) addNodesOfClaim(api::claimKeyOf(volume));
    });
  });
}

void AttachDetachController::addNodesOfClaim(const std::string& claimKey) {
  if (claimKey.empty()) return;
  for (const auto& object : pods_.byIndex(kByClaim, claimKey)) {
    const auto& node = object.as<Pod>()->spec.nodeName;
    if (!node.empty()) queue().add(node);
  }
}

void AttachDetachController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const auto& pod = after != nullptr ? *after : *before;
  if (pod.spec.volumes.empty() || api::claimKeysOf(pod).empty()) return;
  const bool same = before != nullptr && after != nullptr &&
                    before->metadata.uid == after->metadata.uid &&
                    before->spec.nodeName == after->spec.nodeName &&
                    isPodTerminated(*before) == isPodTerminated(*after);
  if (same) return;
  for (const auto* each : {before, after}) {
    if (each != nullptr && !each->spec.nodeName.empty()) queue().add(each->spec.nodeName);
  }
}

void AttachDetachController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
  const auto& name = (after != nullptr ? after : before)->metadata.name;
  const bool same =
      before != nullptr && after != nullptr && before->metadata.uid == after->metadata.uid &&
      before->status.volumesInUse == after->status.volumesInUse &&
      before->status.volumesAttached == after->status.volumesAttached &&
      before->spec.taints == after->spec.taints && isManaged(*before) == isManaged(*after) &&
      api::isNodeReady(*before) == api::isNodeReady(*after);
  if (same) return;
  const bool matters = !attachments_.byIndex(kByNode, name).empty() ||
                       (after != nullptr && !after->status.volumesAttached.empty());
  if (matters) {
    queue().add(name);
    return;
  }
  for (const auto& pod : pods_.byIndex(kByNode, name)) {
    if (api::claimKeysOf(*pod.as<Pod>()).empty()) continue;
    queue().add(name);
    return;
  }
}

void AttachDetachController::onClaim(const client::Change& change) {
  const auto* before = change.before.as<PersistentVolumeClaim>();
  const auto* after = change.after.as<PersistentVolumeClaim>();
  const bool same = before != nullptr && after != nullptr &&
                    before->metadata.uid == after->metadata.uid &&
                    before->spec.volumeName == after->spec.volumeName &&
                    before->status.phase == after->status.phase;
  if (!same) addNodesOfClaim(client::objectKey(change.after ? change.after : change.before));
}

void AttachDetachController::onVolume(const client::Change& change) {
  const auto* before = change.before.as<PersistentVolume>();
  const auto* after = change.after.as<PersistentVolume>();
  const auto& volume = after != nullptr ? *after : *before;
  if (!volume.spec.persistentVolumeSource.csi) return;
  const bool same = before != nullptr && after != nullptr &&
                    before->metadata.uid == after->metadata.uid &&
                    before->spec.claimRef == after->spec.claimRef;
  if (same) return;
  for (const auto* each : {before, after}) {
    if (each != nullptr) addNodesOfClaim(api::claimKeyOf(*each));
  }
  for (const auto& attachment : attachments_.byIndex(kByVolume, volume.metadata.name)) {
    queue().add(attachment.as<VolumeAttachment>()->spec.nodeName);
  }
}

void AttachDetachController::onAttachment(const client::Change& change) {
  const auto& attachment = *(change.after ? change.after : change.before).as<VolumeAttachment>();
  const auto& name = attachment.metadata.name;
  making_.erase(name);
  queue().add(attachment.spec.nodeName);
  if (change.after) return;
  waiting_.erase(name);
  toldErrors_.erase(name);
  toldAttached_.erase(name);
  // Whoever waits for the volume may have it now.
  if (!attachment.spec.source.persistentVolumeName) return;
  auto volume = volumes_.get<PersistentVolume>(*attachment.spec.source.persistentVolumeName);
  if (volume) addNodesOfClaim(api::claimKeyOf(*volume));
}

bool AttachDetachController::needsAttachment(const std::string& driver) const {
  auto found = drivers_.get<CSIDriver>(driver);
  return !found || found->spec.attachRequired.value_or(true);
}

AttachDetachController::WantedMap AttachDetachController::wantedOn(const std::string& node) const {
  WantedMap wanted;
  for (const auto& object : pods_.byIndex(kByNode, node)) {
    auto pod = object.sharedAs<Pod>();
    if (pod->spec.volumes.empty() || isPodTerminated(*pod)) continue;
    for (const auto& volume : pod->spec.volumes) {
      const auto claimName = api::claimNameOf(*pod, volume);
      if (claimName.empty()) continue;
      auto claim = claims_.get<PersistentVolumeClaim>(pod->metadata.namespace_ + "/" + claimName);
      if (!claim || claim->status.phase != "Bound" || claim->spec.volumeName.empty()) continue;
      if (volume.volumeSource.ephemeral && !api::checkClaimIsForPod(*pod, *claim).ok()) continue;
      auto found = volumes_.get<PersistentVolume>(claim->spec.volumeName);
      if (!found || !found->spec.claimRef || found->spec.claimRef->uid != claim->metadata.uid) {
        continue;
      }
      const auto& csi = found->spec.persistentVolumeSource.csi;
      if (!csi || !needsAttachment(csi->driver)) continue;
      auto& entry = wanted[attachmentName({csi->driver, csi->volumeHandle}, node)];
      if (!entry.volume) {
        entry.uniqueName = uniqueName(*csi);
        entry.volume = std::move(found);
      }
      entry.pods.push_back(pod);
    }
  }
  return wanted;
}

std::optional<std::string> AttachDetachController::volumeOf(const VolumeAttachment& attachment,
                                                            const Round& round) const {
  const auto& name = attachment.metadata.name;
  if (auto wanted = round.wanted.find(name); wanted != round.wanted.end()) {
    return wanted->second.uniqueName;
  }
  if (const auto& volumeName = attachment.spec.source.persistentVolumeName) {
    auto volume = volumes_.get<PersistentVolume>(*volumeName);
    if (volume) {
      const auto& csi = volume->spec.persistentVolumeSource.csi;
      const bool ours = csi && attachmentName({csi->driver, csi->volumeHandle}, round.name) == name;
      return ours ? std::optional(uniqueName(*csi)) : std::nullopt;
    }
  }
  if (!isMadeHere(attachment)) return std::nullopt;
  if (!round.node) return "";
  // The volume is gone; the node may know its name still.
  auto isIt = [&](const std::string& unique) {
    const auto id = parseUniqueName(unique);
    return id && attachmentName(*id, round.name) == name;
  };
  for (const auto& each : round.node->status.volumesAttached) {
    if (isIt(each.name)) return each.name;
  }
  for (const auto& each : round.node->status.volumesInUse) {
    if (isIt(each)) return each;
  }
  return "";
}

Task<Result<Duration>> AttachDetachController::reconcile(std::string key, std::stop_token stop) {
  auto round = std::make_shared<Round>();
  round->name = std::move(key);
  round->node = nodes_.get<Node>(round->name);
  if (round->node && !isManaged(*round->node)) co_return Duration(0);
  round->wanted = wantedOn(round->name);
  for (const auto& object : attachments_.byIndex(kByNode, round->name)) {
    look(*round, object.sharedAs<VolumeAttachment>());
  }
  CO_TRY_STATUS(co_await report(round, stop));
  CO_TRY_STATUS(co_await detach(round, stop));
  CO_TRY_STATUS(co_await attach(round, stop));
  co_return round->again;
}

}  // namespace coxswain::controllers::attachdetach
