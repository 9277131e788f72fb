#include "kubelet/volume/persistent_claim.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "kubelet/volume/host_path.h"

namespace coxswain::kubelet {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Volume;

bool PersistentClaimPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.persistentVolumeClaim.has_value() ||
         volume.volumeSource.ephemeral.has_value();
}

Task<Result<std::shared_ptr<const PersistentVolume>>> PersistentClaimPlugin::bound(
    VolumeRequest request, std::stop_token stop) {
  const auto& source = request.volume->volumeSource;
  const std::string ns = request.pod->metadata.namespace_;
  const std::string name = source.ephemeral
                               ? request.pod->metadata.name + "-" + request.volume->name
                               : source.persistentVolumeClaim->claimName;
  const std::string context = "error processing PVC " + ns + "/" + name;
  auto claim = co_await client::get<PersistentVolumeClaim>(host_.client, ns, name, stop);
  if (!claim.ok()) {
    co_return claim.status()
        .withContext("failed to fetch PVC from API server")
        .withContext(context);
  }
  const auto& found = **claim;
  if (found.metadata.deletionTimestamp && !found.metadata.deletionTimestamp->isZero()) {
    co_return badRequest(context + ": PVC is being deleted");
  }
  if (found.status.phase != "Bound" || found.spec.volumeName.empty()) {
    co_return badRequest(context + ": PVC is not bound");
  }
  auto volume =
      co_await client::get<PersistentVolume>(host_.client, "", found.spec.volumeName, stop);
  if (!volume.ok()) {
    co_return volume.status()
        .withContext("failed to fetch PV " + found.spec.volumeName + " from API server")
        .withContext(context);
  }
  const auto& owner = (*volume)->spec.claimRef;
  if (!owner || owner->uid != found.metadata.uid) {
    co_return badRequest(context + ": PV " + found.spec.volumeName + " is not bound to this PVC");
  }
  if (found.spec.volumeMode == "Block") {
    co_return badRequest(context + ": volumeMode Block is not supported by this kubelet");
  }
  co_return *volume;
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
  CO_TRY(const auto volume, co_await bound(request, stop));
  const auto& claim = request.volume->volumeSource.persistentVolumeClaim;
  const bool readOnly = claim && claim->readOnly;
  const auto& source = volume->spec.persistentVolumeSource;
  if (source.hostPath) {
    CO_TRY_STATUS(
        checkHostPath(host_.files, source.hostPath->path, source.hostPath->type.value_or("")));
    co_return VolumeReady{source.hostPath->path, readOnly, std::nullopt};
  }
  if (source.local) {
    CO_TRY(auto folder, bindLocal(request, *volume, readOnly));
    co_return VolumeReady{std::move(folder), readOnly, std::nullopt};
  }
  co_return badRequest("persistent volume " + volume->metadata.name +
                       ": only hostPath and local volumes are supported by this kubelet");
}

}  // namespace coxswain::kubelet
