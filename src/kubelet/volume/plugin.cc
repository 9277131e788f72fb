#include "kubelet/volume/plugin.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/names/quote.h"
#include "kubelet/volume/ownership.h"

namespace coxswain::kubelet {

Task<Result<VolumeUsage>> VolumePlugin::usage(VolumeRequest request, std::stop_token) {
  co_return notFound("volumes", request.volume->name);
}

Status stepFailure(std::string_view step, std::string_view volume, const Status& why) {
  std::string text(step);
  text += " failed for volume " + api::goQuote(volume) + " : " + why.message();
  return Status(why.reason(), why.code(), std::move(text));
}

std::string volumeDir(const VolumeRequest& request, const VolumePlugin& plugin) {
  std::string folder(plugin.name());
  std::replace(folder.begin(), folder.end(), '/', '~');
  return request.podDir + "/volumes/" + folder + "/" + request.volume->name;
}

Result<std::string> makeVolumeDir(const VolumeHost& host, const VolumeRequest& request,
                                  const VolumePlugin& plugin, uint32_t mode) {
  std::string folder = volumeDir(request, plugin);
  TRY_STATUS(host.files.mkdirs(std::string(parentPath(folder)), 0750));
  TRY_STATUS(host.files.mkdirs(folder, mode));
  return folder;
}

Status ensureTmpfs(const VolumeHost& host, const std::string& folder, uint64_t sizeBytes) {
  TRY(const bool mounted, host.mounter.isMountPoint(folder));
  if (mounted) return {};
  return host.mounter.tmpfs(folder, sizeBytes, 01777);
}

Status applyFsGroup(const VolumeHost& host, const api::core::v1::Pod& pod,
                    const std::string& folder, bool readOnly) {
  const auto& context = pod.spec.securityContext;
  if (!context || !context->fsGroup) return {};
  const bool onRootMismatch = context->fsGroupChangePolicy == "OnRootMismatch";
  return setVolumeOwnership(host.files, folder, *context->fsGroup, readOnly, onRootMismatch);
}

Result<VolumeReady> projectPayload(const VolumeHost& host, const VolumeRequest& request,
                                   const std::string& folder, const Payload& payload) {
  const auto own = [&] {
    const auto& context = request.pod->spec.securityContext;
    if (!context || !context->fsGroup) return Status();
    return setVolumeOwnership(host.files, folder, *context->fsGroup, true, false);
  };
  TRY_STATUS(writePayload(host.files, folder, payload, host.executor.wallNow(), host.random, own));
  return VolumeReady{folder, true, std::nullopt};
}

}  // namespace coxswain::kubelet
