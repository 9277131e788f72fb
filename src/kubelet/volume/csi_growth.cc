// Volumes that grow while they are mounted. Upstream: volumemanager/reconciler and
// util/operationexecutor/node_expander.go. A claim's own node is told by reading the claim now and
// then: nodes may not watch claims.

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/env/references.h"
#include "kubelet/volume/csi_mounts.h"

namespace coxswain::kubelet {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

const Logger kLog("volume");
constexpr Duration kLookAfter = 20s;
constexpr Duration kRetryMin = 20s;
constexpr Duration kRetryMax = 5min;

int64_t storageOf(const api::Map<api::Quantity>& amounts) {
  const auto* size = amounts.get("storage");
  return size != nullptr ? size->value() : 0;
}

}  // namespace

VolumeReady CsiMounts::readyAgain(Mounted& mounted) const {
  VolumeReady ready = mounted.ready;
  const WallTime now = host_.executor.wallNow();
  if (mounted.expands) ready.refreshAt = now + kLookAfter;
  if (mounted.driver && mounted.driver->spec.requiresRepublish.value_or(false)) {
    const WallTime republish = now + kRepublishAfter;
    ready.refreshAt = std::min(ready.refreshAt.value_or(republish), republish);
  }
  return ready;
}

/// The claim and its volume, where they may be larger than what is mounted.
Task<std::unique_ptr<BoundClaim>> CsiMounts::claimIfGrown(VolumeRequest request, int64_t size,
                                                          std::stop_token stop) {
  auto claim =
      co_await client::get<PersistentVolumeClaim>(host_.client, request.pod->metadata.namespace_,
                                                  claimNameOf(*request.pod, *request.volume), stop);
  if (!claim.ok()) co_return nullptr;
  const auto& found = **claim;
  const auto& wanted = found.spec.resources;
  const int64_t most = std::max(storageOf(found.status.capacity), storageOf(wanted.requests));
  if (most <= size || found.spec.volumeName.empty()) co_return nullptr;
  auto volume =
      co_await client::get<PersistentVolume>(host_.client, "", found.spec.volumeName, stop);
  if (!volume.ok()) co_return nullptr;
  // A later claim of the same name may say that any volume is its own.
  const auto& owner = (*volume)->spec.claimRef;
  if (!owner || owner->uid != found.metadata.uid) co_return nullptr;
  co_return std::make_unique<BoundClaim>(BoundClaim{*claim, *volume});
}

/// Where the volume is larger than what this node has mounted, its file system grows too.
Task<void> CsiMounts::grow(VolumeRequest request, BoundClaim bound, std::stop_token stop) {
  const Key key = keyOf(request);
  const auto found = mounted_.find(key);
  if (found == mounted_.end()) co_return;
  const Mounted known = found->second;
  if (bound.volume->metadata.name != known.spec->data.specVolId ||
      !bound.volume->spec.persistentVolumeSource.csi) {
    co_return;  // it is not what is mounted
  }
  const int64_t size = storageOf(bound.volume->spec.capacity);
  const auto* state = bound.claim->status.allocatedResourceStatuses.get("storage");
  if (!known.expands || size <= known.size || host_.executor.now() < known.growAt ||
      (state != nullptr && *state == "NodeResizeInfeasible")) {
    co_return;
  }
  Status done;
  if (const auto& ref = bound.volume->spec.persistentVolumeSource.csi->nodeExpandSecretRef) {
    auto secret = co_await secretData(ref->namespace_, ref->name, "NodeExpandSecretRef", stop);
    done = secret.status();
    if (done.ok()) {
      auto grown = co_await host_.csi->expand(known.spec, size, std::move(*secret), stop);
      done = grown.status();
    }
  } else {
    auto grown = co_await host_.csi->expand(known.spec, size, {}, stop);
    done = grown.status();
  }
  if (stop.stop_requested()) co_return;
  const bool told = storageOf(bound.claim->status.capacity) >= size;
  const Status why = done;
  const std::string name = bound.volume->metadata.name;
  if (done.ok() && !told) {
    done = co_await writeGrownClaim(host_.client, bound, stop);
  } else if (!done.ok() && !csi::isUncertain(done)) {
    const Status written =
        co_await writeGrowthFailure(host_.client, bound, why.message(), csi::isInfeasible(why),
                                    api::Time(host_.executor.wallNow()), stop);
    if (!written.ok()) kLog.warn("writing a claim's status failed", {{"error", written}});
  }
  const auto still = mounted_.find(key);
  if (still == mounted_.end()) co_return;
  auto& mounted = still->second;
  if (!done.ok()) {
    mounted.growBackoff = std::clamp<Duration>(mounted.growBackoff * 2, kRetryMin, kRetryMax);
    mounted.growAt = host_.executor.now() + mounted.growBackoff;
    if (!why.ok()) {
      const std::string text = "NodeExpandVolume.NodeExpandVolume failed for volume " +
                               api::goQuote(name) + " : " + why.message();
      host_.events.event(podReference(*request.pod), client::kEventWarning, "VolumeResizeFailed",
                         text);
    }
    kLog.warn("growing a volume failed", {{"volume", name}, {"error", done}});
    co_return;
  }
  mounted.size = size;
  mounted.growBackoff = {};
  const std::string text = "MountVolume.NodeExpandVolume succeeded for volume " +
                           api::goQuote(name) + " " + host_.nodeName;
  constexpr std::string_view kReason = "FileSystemResizeSuccessful";
  host_.events.event(podReference(*request.pod), client::kEventNormal, kReason, text);
  host_.events.event(*bound.claim, client::kEventNormal, kReason, text);
}

}  // namespace coxswain::kubelet
