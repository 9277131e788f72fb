// One look at a node: what it has, what leaves it, what comes.

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "controllers/attachdetach/controller.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers::attachdetach {

using api::core::v1::AttachedVolume;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::storage::v1::VolumeAttachment;
using client::kEventNormal;
using client::kEventWarning;

namespace {

constexpr std::string_view kOutOfService = "node.kubernetes.io/out-of-service";
// After that the cache has shown what we made, or it was never made.
constexpr Duration kMakingMax = std::chrono::minutes(1);

bool isOutOfService(const Node& node) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(), [](const auto& taint) {
    return taint.key == kOutOfService && taint.effect == "NoExecute";
  });
}

bool uses(const Node& node, const std::string& attachment) {
  const auto& all = node.status.volumesInUse;
  return std::any_of(all.begin(), all.end(), [&](const std::string& unique) {
    const auto id = parseUniqueName(unique);
    return id && attachmentName(*id, node.metadata.name) == attachment;
  });
}

}  // namespace

void AttachDetachController::sooner(Round& round, Duration wait) {
  wait = std::max(wait, Duration(1ms));
  if (round.again == Duration(0) || wait < round.again) round.again = wait;
}

void AttachDetachController::tellFailed(const Wanted& wanted, const std::string& why) {
  for (const auto& pod : wanted.pods) {
    events().event(*pod, kEventWarning, "FailedAttachVolume",
                   fmt::format("AttachVolume.Attach failed for volume \"{}\" : {}",
                               wanted.volume->metadata.name, why));
  }
}

void AttachDetachController::look(Round& round, const AttachmentPointer& attachment) {
  auto volume = volumeOf(*attachment, round);
  if (!volume) return;  // somebody else's
  auto wanted = round.wanted.find(attachment->metadata.name);
  if (wanted != round.wanted.end()) {
    lookAtWanted(round, attachment, wanted->second);
  } else {
    lookAtUnwanted(round, attachment, *volume);
  }
}

void AttachDetachController::lookAtWanted(Round& round, const AttachmentPointer& attachment,
                                          const Wanted& wanted) {
  const auto& name = attachment->metadata.name;
  // One that leaves is no use; its end brings us back.
  if (attachment->metadata.deletionTimestamp) return;
  if (attachment->status.attached) {
    waiting_.erase(name);
    toldErrors_.erase(name);
    round.reported[wanted.uniqueName] = name;
    return;
  }
  if (const auto& error = attachment->status.attachError) {
    auto& told = toldErrors_[name];
    if (told == error->message) return;
    told = error->message;
    tellFailed(wanted, error->message);
    return;
  }
  const auto since = waiting_.try_emplace(name, executor().now()).first;
  const Duration left = since->second + options_.attachWaitMax - executor().now();
  if (left > Duration(0)) return sooner(round, left);
  since->second = executor().now();
  const auto& csi = *wanted.volume->spec.persistentVolumeSource.csi;
  tellFailed(wanted, fmt::format("timed out waiting for external-attacher of {} CSI driver to "
                                 "attach volume {}",
                                 csi.driver, csi.volumeHandle));
  sooner(round, options_.attachWaitMax);
}

void AttachDetachController::lookAtUnwanted(Round& round, const AttachmentPointer& attachment,
                                            const std::string& uniqueName) {
  const auto& name = attachment->metadata.name;
  toldMultiAttach_.erase(name);
  if (attachment->metadata.deletionTimestamp) return;
  const auto since = waiting_.try_emplace(name, executor().now()).first->second;
  const Duration left = since + options_.unmountWaitMax - executor().now();
  const bool late = left <= Duration(0);
  const bool healthy = round.node && api::isNodeReady(*round.node);
  const bool lost = round.node && isOutOfService(*round.node);
  // A node that is gone cannot say what it has let go of.
  const bool mounted = !round.node || uses(*round.node, name);
  const bool forced = lost || (late && !healthy && options_.forceDetachOnTimeout);
  if (mounted && !forced) {
    if (attachment->status.attached && !uniqueName.empty()) round.reported[uniqueName] = name;
    if (!late) sooner(round, left);
    return;
  }
  round.leaving.push_back({attachment, !late && !lost});
}

void AttachDetachController::tellAttached(const Round& round) {
  const auto& present = round.node->status.volumesAttached;
  for (const auto& [unique, attachment] : round.reported) {
    auto wanted = round.wanted.find(attachment);
    if (wanted == round.wanted.end() || !toldAttached_.insert(attachment).second) continue;
    toldMultiAttach_.erase(attachment);
    // Before this process began, another one told.
    const bool old = std::any_of(present.begin(), present.end(),
                                 [&](const auto& volume) { return volume.name == unique; });
    if (old) continue;
    for (const auto& pod : wanted->second.pods) {
      events().event(*pod, kEventNormal, "SuccessfulAttachVolume",
                     fmt::format("AttachVolume.Attach succeeded for volume \"{}\" ",
                                 wanted->second.volume->metadata.name));
    }
  }
}

Task<Status> AttachDetachController::report(std::shared_ptr<Round> round, std::stop_token stop) {
  if (!round->node) co_return Status();
  tellAttached(*round);
  auto present = round->node->status.volumesAttached;
  std::vector<AttachedVolume> next;
  for (const auto& volume : present) {
    // Volumes of no CSI driver are not ours to take away.
    if (!parseUniqueName(volume.name)) next.push_back(volume);
  }
  for (const auto& [name, attachment] : round->reported) next.emplace_back().name = name;
  auto byName = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(next.begin(), next.end(), byName);
  std::sort(present.begin(), present.end(), byName);
  if (next == present) co_return Status();
  auto written =
      co_await client().patch(client::resourceOf<Node>(), "", round->name, "status",
                              client::PatchType::Merge, volumesAttachedPatch(next), stop);
  if (isNotFound(written.status())) co_return Status();
  co_return written.status();
}

Task<Status> AttachDetachController::detach(std::shared_ptr<Round> round, std::stop_token stop) {
  if (round->leaving.empty()) co_return Status();
  NodePointer live;
  const bool ask = round->node && std::any_of(round->leaving.begin(), round->leaving.end(),
                                              [](const auto& each) { return each.verify; });
  if (ask) {
    auto found = co_await client::get<Node>(client(), "", round->name, stop);
    if (!found.ok() && !isNotFound(found.status())) co_return found.status();
    if (found.ok()) live = *found;
  }
  for (const auto& each : round->leaving) {
    // In use after all: the node's event brings us back.
    if (each.verify && live && uses(*live, each.attachment->metadata.name)) continue;
    client::DeleteOptions options;
    options.uid = each.attachment->metadata.uid;
    Status removed = co_await client().remove(client::resourceOf<VolumeAttachment>(), "",
                                              each.attachment->metadata.name, options, stop);
    if (!removed.ok() && !isNotFound(removed) && !isConflict(removed)) co_return removed;
  }
  co_return Status();
}

std::set<std::string> AttachDetachController::otherNodes(const std::string& volume,
                                                         const std::string& node) {
  std::set<std::string> nodes;
  const auto now = executor().now();
  for (const auto& object : attachments_.byIndex(kByVolume, volume)) {
    nodes.insert(object.as<VolumeAttachment>()->spec.nodeName);
  }
  for (const auto& [name, making] : making_) {
    if (making.volume == volume && now - making.since < kMakingMax) {
      nodes.insert(making.node);
    }
  }
  nodes.erase(node);
  return nodes;
}

void AttachDetachController::tellMultiAttach(const Round& round, const Wanted& wanted,
                                             const std::set<std::string>& others) {
  const auto& csi = *wanted.volume->spec.persistentVolumeSource.csi;
  const auto name = attachmentName({csi.driver, csi.volumeHandle}, round.name);
  if (!toldMultiAttach_.insert(name).second) return;
  std::vector<PodPointer> users;
  for (const auto& object : pods_.byIndex(kByClaim, api::claimKeyOf(*wanted.volume))) {
    auto pod = object.sharedAs<Pod>();
    if (others.contains(pod->spec.nodeName) && !isPodTerminated(*pod)) {
      users.push_back(std::move(pod));
    }
  }
  for (const auto& pod : wanted.pods) {
    events().event(*pod, kEventWarning, "FailedAttachVolume",
                   multiAttachMessage(*wanted.volume, *pod, users));
  }
}

Task<Status> AttachDetachController::attach(std::shared_ptr<Round> round, std::stop_token stop) {
  if (!round->node || round->node->metadata.deletionTimestamp) co_return Status();
  for (const auto& [name, wanted] : round->wanted) {
    if (attachments_.get(name)) continue;
    const auto& volumeName = wanted.volume->metadata.name;
    if (!mayAttachTwice(*wanted.volume)) {
      const auto others = otherNodes(volumeName, round->name);
      if (!others.empty()) {
        tellMultiAttach(*round, wanted, others);
        sooner(*round, kMakingMax);
        continue;
      }
    }
    VolumeAttachment attachment;
    attachment.metadata.name = name;
    attachment.spec.attacher = wanted.volume->spec.persistentVolumeSource.csi->driver;
    attachment.spec.nodeName = round->name;
    attachment.spec.source.persistentVolumeName = volumeName;
    making_[name] = {volumeName, round->name, executor().now()};
    auto made = co_await client::create(client(), std::move(attachment), stop);
    if (made.ok() || isAlreadyExists(made.status())) continue;
    // Without an answer it may have been made.
    if (!isUnreachable(made.status()) && made.status().code() < 500) making_.erase(name);
    if (!stop.stop_requested()) tellFailed(wanted, made.status().message());
    co_return made.status();
  }
  co_return Status();
}

}  // namespace coxswain::controllers::attachdetach
