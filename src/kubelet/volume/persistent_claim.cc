#include "kubelet/volume/persistent_claim.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "kubelet/volume/host_path.h"

namespace coxswain::kubelet {

using api::core::v1::PersistentVolume;
using api::core::v1::Volume;

namespace {

/// Where a volume stands that is of the other sort; null: nowhere.
const char* wrongUse(const api::core::v1::Pod& pod, const std::string& name, bool block) {
  bool found = false;
  const auto look = [&](const auto& container) {
    const auto named = [&](const auto& use) { return use.name == name; };
    found = found || (block ? std::ranges::any_of(container.volumeMounts, named)
                            : std::ranges::any_of(container.volumeDevices, named));
  };
  for (const auto& container : pod.spec.initContainers) look(container);
  for (const auto& container : pod.spec.containers) look(container);
  if (!found) return nullptr;
  return block ? "volumeMounts" : "volumeDevices";
}

}  // namespace

bool PersistentClaimPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.persistentVolumeClaim.has_value() ||
         volume.volumeSource.ephemeral.has_value();
}

Result<std::string> PersistentClaimPlugin::bindLocal(const VolumeRequest& request,
                                                     const PersistentVolume& volume,
                                                     bool readOnly) {
  const std::string& path = volume.spec.persistentVolumeSource.local->path;
  TRY_STATUS(checkHostPath(host_.files, path, "Directory"));
  const std::string folder =
      request.podDir + "/volumes/kubernetes.io~local-volume/" + volume.metadata.name;
  TRY_STATUS(host_.files.mkdirs(folder, 0750));
  TRY(const bool mounted, host_.mounter.isMountPoint(folder));
  if (mounted) return folder;
  TRY_STATUS(host_.mounter.bind(path, folder, BindOptions{readOnly, false}));
  if (!readOnly) TRY_STATUS(applyFsGroup(host_, *request.pod, folder, false));
  return folder;
}

Task<Result<VolumeReady>> PersistentClaimPlugin::setUp(VolumeRequest request,
                                                       std::stop_token stop) {
  auto mounted = co_await csi_.recheckClaim(request, stop);
  if (mounted) co_return std::move(*mounted);
  CO_TRY(const auto bound, co_await findBoundClaim(host_.client, request, stop));
  const bool block = bound.claim->spec.volumeMode == "Block";
  if (const char* wrong = wrongUse(*request.pod, request.volume->name, block)) {
    co_return badRequest("volume " + request.volume->name + " has volumeMode " +
                         (block ? "Block" : "Filesystem") + ", but is specified in " + wrong);
  }
  const PersistentVolume& volume = *bound.volume;
  const auto& claim = request.volume->volumeSource.persistentVolumeClaim;
  const bool readOnly = claim && claim->readOnly;
  const auto& source = volume.spec.persistentVolumeSource;
  if (source.csi) co_return co_await csi_.setUpClaim(std::move(request), bound, std::move(stop));
  if (source.local && block) {
    auto device = linkLocal(request, volume);
    if (!device.ok()) {
      co_return stepFailure("MapVolume.MapPodDevice", volume.metadata.name, device.status());
    }
    co_return VolumeReady{std::move(*device), readOnly, std::nullopt, true};
  }
  if (source.hostPath && !block) {
    CO_TRY_STATUS(
        checkHostPath(host_.files, source.hostPath->path, source.hostPath->type.value_or("")));
    co_return VolumeReady{source.hostPath->path, readOnly, std::nullopt, false};
  }
  if (source.local) {
    CO_TRY(auto folder, bindLocal(request, volume, readOnly));
    local_[{request.pod->metadata.uid, request.volume->name}] = folder;
    if (!readOnly) CO_TRY_STATUS(co_await growLocal(bound, std::move(stop)));
    co_return VolumeReady{std::move(folder), readOnly, std::nullopt, false};
  }
  co_return badRequest("persistent volume " + volume.metadata.name +
                       ": only local and csi volumes, and hostPath as a file system, are supported "
                       "by this kubelet");
}

/// The pod's link to a device of this machine.
Result<std::string> PersistentClaimPlugin::linkLocal(const VolumeRequest& request,
                                                     const PersistentVolume& volume) {
  const std::string& path = volume.spec.persistentVolumeSource.local->path;
  TRY_STATUS(checkHostPath(host_.files, path, "BlockDevice"));
  const std::string folder = request.podDir + "/volumeDevices/kubernetes.io~local-volume";
  TRY_STATUS(host_.files.mkdirs(folder, 0750));
  std::string link = folder + "/" + volume.metadata.name;
  if (!host_.files.exists(link)) TRY_STATUS(host_.files.symlink(path, link));
  return link;
}

/// A folder has no size of its own: what its volume says is what it has.
Task<Status> PersistentClaimPlugin::growLocal(BoundClaim bound, std::stop_token stop) {
  const auto* wanted = bound.volume->spec.capacity.get("storage");
  const auto* known = bound.claim->status.capacity.get("storage");
  if (wanted == nullptr || known == nullptr || *wanted <= *known) co_return Status();
  co_return co_await writeGrownClaim(host_.client, std::move(bound), std::move(stop));
}

Task<Result<VolumeUsage>> PersistentClaimPlugin::usage(VolumeRequest request,
                                                       std::stop_token stop) {
  VolumeUsage usage;
  const auto local = local_.find({request.pod->metadata.uid, request.volume->name});
  if (local == local_.end()) {
    CO_TRY(usage, co_await csi_.usage(request, std::move(stop)));
  } else {
    CO_TRY(const auto fs, host_.files.statfs(local->second));
    const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
    usage.volume = request.volume->name;
    usage.bytes = VolumeUsage::Counts{number(fs.bytesAvailable), number(fs.bytes),
                                      number(fs.bytes - fs.bytesFree)};
    usage.inodes = VolumeUsage::Counts{number(fs.inodesFree), number(fs.inodes),
                                       number(fs.inodes - fs.inodesFree)};
  }
  usage.claimNamespace = request.pod->metadata.namespace_;
  usage.claimName = claimNameOf(*request.pod, *request.volume);
  co_return usage;
}

void PersistentClaimPlugin::forgetPod(const std::string& uid) {
  csi_.forgetPod(uid);
  std::erase_if(local_, [&](const auto& entry) { return entry.first.first == uid; });
}

}  // namespace coxswain::kubelet
