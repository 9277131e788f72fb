#include "kubelet/volume/csi_mounts.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/env/references.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Secret;
using api::storage::v1::VolumeAttachment;

namespace {

constexpr Duration kAttachTimeout = 2min;
constexpr Duration kAttachLookMin = 50ms;
constexpr Duration kAttachLookMax = 2s;
constexpr int64_t kTokenSeconds = 3600;
constexpr std::string_view kTokens = "csi.storage.k8s.io/serviceAccount.tokens";

std::string quotedList(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const auto& name : names) {
    if (out.size() > 1) out += ' ';
    out += api::goQuote(name);
  }
  return out + "]";
}

std::string csiFolder(const VolumeRequest& request, std::string_view name) {
  return request.podDir + "/volumes/kubernetes.io~csi/" + std::string(name);
}

std::optional<int64_t> fsGroupOf(const api::core::v1::Pod& pod) {
  const auto& context = pod.spec.securityContext;
  return context ? context->fsGroup : std::nullopt;
}

/// Which volumes of the driver are given to the pod's group by us.
bool wantsOwnership(std::string_view policy, const csi::MountSpec& spec, bool singleWriter) {
  if (spec.readOnly || policy == "None") return false;
  if (policy == "File") return true;
  return !spec.fsType.empty() && singleWriter;
}

}  // namespace

CsiMounts::Key CsiMounts::keyOf(const VolumeRequest& request) {
  return {request.pod->metadata.uid, request.volume->name};
}

Task<Result<CsiMounts::CsiDriver>> CsiMounts::driverObject(std::string name, std::stop_token stop) {
  auto found =
      co_await client::get<api::storage::v1::CSIDriver>(host_.client, "", name, std::move(stop));
  if (isNotFound(found.status())) co_return CsiDriver();
  if (!found.ok()) {
    co_return found.status().withContext("failed to get CSIDriver " + name);
  }
  co_return *found;
}

Task<Result<api::Map<std::string>>> CsiMounts::secretData(std::string ns, std::string name,
                                                          std::string_view what,
                                                          std::stop_token stop) {
  auto secret = co_await client::get<Secret>(host_.client, ns, name, std::move(stop));
  if (!secret.ok()) {
    co_return secret.status().withContext("kubernetes.io/csi: failed to get " + std::string(what) +
                                          " " + ns + "/" + name);
  }
  api::Map<std::string> data;
  for (const auto& [key, value] : (*secret)->data) data[key] = value.data;
  co_return data;
}

/// What the attacher left for the driver, once the volume is attached.
Task<Result<api::Map<std::string>>> CsiMounts::attached(VolumeRequest request, SpecPointer spec,
                                                        std::stop_token stop) {
  const auto& data = spec->data;
  CO_TRY_STATUS(co_await host_.csi->claim(spec, stop));
  Deadline deadline(kAttachTimeout, stop);
  Duration pause = kAttachLookMin;
  std::string problem;
  while (true) {
    // A node may read its own attachments only, and watch none.
    auto found = co_await client::get<VolumeAttachment>(host_.client, "", data.attachmentId,
                                                        deadline.token());
    if (found.ok()) {
      const auto& status = (*found)->status;
      const bool leaves =
          (*found)->metadata.deletionTimestamp && !(*found)->metadata.deletionTimestamp->isZero();
      if (status.attached && !leaves) co_return status.attachmentMetadata;
      problem = status.attachError ? status.attachError->message : "";
    }
    const Status slept = co_await sleepFor(pause, deadline.token());
    if (!slept.ok()) break;
    pause = std::min(pause * 2, kAttachLookMax);
  }
  if (!deadline.expired()) co_return canceled();
  std::string text = "timed out waiting for external-attacher of " + data.driverName +
                     " CSI driver to attach volume " + data.volumeHandle;
  if (!problem.empty()) text += ": " + problem;
  co_return timeoutError(std::move(text));
}

Task<Status> CsiMounts::addPodFacts(VolumeRequest request, CsiDriver driver, csi::MountSpec& spec,
                                    std::stop_token stop) {
  if (!driver) co_return Status();
  const auto& pod = *request.pod;
  if (driver->spec.podInfoOnMount.value_or(false)) {
    spec.podContext["csi.storage.k8s.io/pod.name"] = pod.metadata.name;
    spec.podContext["csi.storage.k8s.io/pod.namespace"] = pod.metadata.namespace_;
    spec.podContext["csi.storage.k8s.io/pod.uid"] = pod.metadata.uid;
    spec.podContext["csi.storage.k8s.io/serviceAccount.name"] = pod.spec.serviceAccountName;
    spec.podContext["csi.storage.k8s.io/ephemeral"] = spec.persistent() ? "false" : "true";
  }
  if (driver->spec.tokenRequests.empty()) co_return Status();
  boost::json::object tokens;
  for (const auto& wanted : driver->spec.tokenRequests) {
    auto token = co_await host_.tokens.get(request.pod, wanted.audience,
                                           wanted.expirationSeconds.value_or(kTokenSeconds), stop);
    if (!token.ok()) {
      co_return token.status().withContext(
          "kubernetes.io/csi: mounter.SetUpAt failed to get service accoount token attributes");
    }
    boost::json::object one;
    one["token"] = token->token;
    one["expirationTimestamp"] = api::Time(token->expires).str();
    tokens[wanted.audience] = std::move(one);
  }
  auto& place = driver->spec.serviceAccountTokenInSecrets.value_or(false) ? spec.publishSecrets
                                                                          : spec.podContext;
  place[std::string(kTokens)] = api::writeJsonValue(tokens);
  co_return Status();
}

Task<Result<VolumeReady>> CsiMounts::publish(VolumeRequest request, CsiDriver driver,
                                             SpecPointer spec, bool singleWriter,
                                             std::stop_token stop) {
  CO_TRY(const bool grouped, co_await host_.csi->publish(spec, std::move(stop)));
  const std::string policy = driver ? driver->spec.fsGroupPolicy.value_or("ReadWriteOnceWithFSType")
                                    : std::string("ReadWriteOnceWithFSType");
  if (!grouped && !spec->block() && wantsOwnership(policy, *spec, singleWriter)) {
    CO_TRY_STATUS(applyFsGroup(host_, *request.pod, spec->target(), false));
  }
  VolumeReady ready{spec->block() ? spec->folder : spec->target(), spec->readOnly, std::nullopt,
                    spec->block()};
  if (driver && driver->spec.requiresRepublish.value_or(false)) {
    ready.refreshAt = host_.executor.wallNow() + kRepublishAfter;
  }
  co_return ready;
}

Task<Result<VolumeReady>> CsiMounts::setUpClaim(VolumeRequest request, BoundClaim bound,
                                                std::stop_token stop) {
  if (host_.csi == nullptr) co_return badRequest("this kubelet has no CSI plugins");
  const auto& volume = *bound.volume;
  const auto& source = *volume.spec.persistentVolumeSource.csi;
  const std::string name = volume.metadata.name;
  auto made = std::make_shared<csi::MountSpec>();
  auto& data = made->data;
  data.driverName = source.driver;
  data.volumeHandle = source.volumeHandle;
  data.specVolId = name;
  data.nodeName = host_.nodeName;
  data.attachmentId = csi::attachmentName(source.volumeHandle, source.driver, host_.nodeName);
  data.lifecycleMode = "Persistent";
  const bool block = bound.claim->spec.volumeMode == "Block";
  made->folder = csiFolder(request, name);
  if (block) {
    made->folder = request.podDir + "/volumeDevices/kubernetes.io~csi/" + name;
    made->device =
        csi::blockFolder(host_.rootDir) + "/publish/" + name + "/" + request.pod->metadata.uid;
  }
  if (!volume.spec.accessModes.empty()) made->accessMode = volume.spec.accessModes.front();
  made->fsType = source.fsType;
  made->mountOptions = volume.spec.mountOptions;
  const auto& use = request.volume->volumeSource.persistentVolumeClaim;
  made->readOnly = use && use->readOnly;
  made->fsGroup = fsGroupOf(*request.pod);
  made->volumeContext = source.volumeAttributes;

  auto object = co_await driverObject(source.driver, stop);
  if (!object.ok()) co_return stepFailure("MountVolume.WaitForAttach", name, object.status());
  const CsiDriver driver = *object;
  if (driver && !driver->spec.volumeLifecycleModes.empty() &&
      std::ranges::find(driver->spec.volumeLifecycleModes, "Persistent") ==
          driver->spec.volumeLifecycleModes.end()) {
    co_return stepFailure(
        block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp", name,
        badRequest("volume mode \"Persistent\" not supported by driver " + source.driver +
                   " (only supports " + quotedList(driver->spec.volumeLifecycleModes) + ")"));
  }
  if (!driver || driver->spec.attachRequired.value_or(true)) {
    auto context = co_await attached(request, made, stop);
    if (!context.ok()) co_return stepFailure("MountVolume.WaitForAttach", name, context.status());
    made->publishContext = std::move(*context);
  }
  if (const auto& ref = source.nodeStageSecretRef) {
    auto secret = co_await secretData(ref->namespace_, ref->name, "NodeStageSecretRef", stop);
    if (!secret.ok())
      co_return stepFailure(block ? "MapVolume.SetUpDevice" : "MountVolume.MountDevice", name,
                            secret.status());
    made->stageSecrets = std::move(*secret);
  }
  const Status staged = co_await host_.csi->stage(made, stop);
  if (!staged.ok())
    co_return stepFailure(block ? "MapVolume.SetUpDevice" : "MountVolume.MountDevice", name,
                          staged);
  if (const auto& ref = source.nodePublishSecretRef) {
    auto secret = co_await secretData(ref->namespace_, ref->name, "NodePublishSecretRef", stop);
    if (!secret.ok())
      co_return stepFailure(block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp", name,
                            secret.status());
    made->publishSecrets = std::move(*secret);
  }
  const Status facts = co_await addPodFacts(request, driver, *made, stop);
  if (!facts.ok())
    co_return stepFailure(block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp", name, facts);
  const auto& modes = volume.spec.accessModes;
  const bool singleWriter = std::ranges::any_of(modes, [](const auto& mode) {
    return mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
  });
  auto ready = co_await publish(request, driver, made, singleWriter, stop);
  if (!ready.ok())
    co_return stepFailure(block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp", name,
                          ready.status());

  Mounted mounted;
  mounted.ready = std::move(*ready);
  mounted.spec = made;
  mounted.driver = driver;
  const auto* size = bound.claim->status.capacity.get("storage");
  mounted.size = size != nullptr ? size->value() : 0;
  auto expands = co_await host_.csi->expands(data.driverName, stop);
  mounted.expands = expands.ok() && *expands && !made->readOnly;
  const VolumeReady first = mounted.ready;
  mounted_[keyOf(request)] = std::move(mounted);
  co_await grow(request, bound, stop);
  const auto found = mounted_.find(keyOf(request));
  co_return found == mounted_.end() ? first : readyAgain(found->second);
}

Task<Result<VolumeReady>> CsiMounts::setUpInline(VolumeRequest request, std::stop_token stop) {
  if (host_.csi == nullptr) co_return badRequest("this kubelet has no CSI plugins");
  const auto& source = *request.volume->volumeSource.csi;
  const auto& pod = *request.pod;
  CO_TRY(const CsiDriver driver, co_await driverObject(source.driver, stop));
  if (!driver) {
    co_return badRequest("volume mode \"Ephemeral\" not supported by driver " + source.driver +
                         " (no CSIDriver object)");
  }
  const auto& modes = driver->spec.volumeLifecycleModes;
  if (std::ranges::find(modes, "Ephemeral") == modes.end()) {
    static const std::vector<std::string> kDefault{"Persistent"};
    co_return badRequest("volume mode \"Ephemeral\" not supported by driver " + source.driver +
                         " (only supports " + quotedList(modes.empty() ? kDefault : modes) + ")");
  }
  auto made = std::make_shared<csi::MountSpec>();
  auto& data = made->data;
  data.driverName = source.driver;
  data.volumeHandle = csi::inlineHandle(pod.metadata.uid, request.volume->name);
  data.specVolId = request.volume->name;
  data.nodeName = host_.nodeName;
  data.attachmentId = csi::attachmentName(data.volumeHandle, source.driver, host_.nodeName);
  data.lifecycleMode = "Ephemeral";
  made->folder = csiFolder(request, request.volume->name);
  made->fsType = source.fsType.value_or("");
  made->readOnly = source.readOnly.value_or(false);
  made->fsGroup = fsGroupOf(pod);
  made->volumeContext = source.volumeAttributes;
  if (const auto& ref = source.nodePublishSecretRef) {
    CO_TRY(made->publishSecrets,
           co_await secretData(pod.metadata.namespace_, ref->name, "NodePublishSecretRef", stop));
  }
  CO_TRY_STATUS(co_await addPodFacts(request, driver, *made, stop));
  CO_TRY(auto ready, co_await publish(request, driver, made, true, stop));
  Mounted mounted;
  mounted.ready = ready;
  mounted.spec = made;
  mounted_[keyOf(request)] = std::move(mounted);
  co_return ready;
}

Task<std::unique_ptr<VolumeReady>> CsiMounts::recheckClaim(VolumeRequest request,
                                                           std::stop_token stop) {
  const Key key = keyOf(request);
  const auto mounted = mounted_.find(key);
  if (mounted == mounted_.end()) co_return nullptr;
  const Mounted known = mounted->second;
  if (known.driver && known.driver->spec.requiresRepublish.value_or(false)) {
    auto again = std::make_shared<csi::MountSpec>(*known.spec);
    Status done = co_await addPodFacts(request, known.driver, *again, stop);
    if (done.ok()) {
      auto published = co_await host_.csi->publish(again, stop);
      done = published.status();
    }
    if (!done.ok() && !stop.stop_requested()) {
      // What is mounted stays.
      done = stepFailure("MountVolume.SetUp", known.spec->data.specVolId, done);
      host_.events.event(podReference(*request.pod), client::kEventWarning, "FailedMount",
                         done.message());
    }
  }
  if (known.expands) {
    auto bound = co_await claimIfGrown(request, known.size, stop);
    if (bound) co_await grow(request, std::move(*bound), stop);
  }
  const auto found = mounted_.find(key);
  if (found == mounted_.end()) co_return nullptr;
  co_return std::make_unique<VolumeReady>(readyAgain(found->second));
}

Task<Result<VolumeUsage>> CsiMounts::usage(VolumeRequest request, std::stop_token stop) {
  const auto found = mounted_.find(keyOf(request));
  if (found == mounted_.end() || found->second.spec->block()) {
    co_return notFound("volumes", request.volume->name);
  }
  CO_TRY(const auto stats, co_await host_.csi->stats(found->second.spec->folder, std::move(stop)));
  VolumeUsage usage;
  usage.volume = request.volume->name;
  if (const auto& bytes = stats.bytes) {
    usage.bytes = VolumeUsage::Counts{bytes->available, bytes->total, bytes->used};
  }
  if (const auto& inodes = stats.inodes) {
    usage.inodes = VolumeUsage::Counts{inodes->available, inodes->total, inodes->used};
  }
  co_return usage;
}

void CsiMounts::forgetPod(const std::string& uid) {
  std::erase_if(mounted_, [&](const auto& entry) { return entry.first.first == uid; });
}

bool CsiInlinePlugin::handles(const api::core::v1::Volume& volume) const {
  return volume.volumeSource.csi.has_value();
}

}  // namespace coxswain::kubelet
