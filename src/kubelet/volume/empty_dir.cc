#include "kubelet/volume/empty_dir.h"

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "api/names/quote.h"

namespace coxswain::kubelet {
namespace {

/// 0: no bound is known.
uint64_t memoryBytes(const VolumeRequest& request) {
  int64_t bytes = 0;
  const auto bound = [&bytes](int64_t value) {
    if (value > 0 && (bytes == 0 || value < bytes)) bytes = value;
  };
  if (const auto* node = request.facts.nodeAllocatable.get("memory")) bound(node->value());
  const auto limits = api::podLimits(*request.pod);
  if (const auto* pod = limits.get("memory")) bound(pod->value());
  const auto& own = request.volume->volumeSource.emptyDir->sizeLimit;
  if (own) bound(own->value());
  return static_cast<uint64_t>(bytes);
}

}  // namespace

bool EmptyDirPlugin::handles(const api::core::v1::Volume& volume) const {
  return volume.volumeSource.emptyDir.has_value();
}

Task<Result<VolumeReady>> EmptyDirPlugin::setUp(VolumeRequest request, std::stop_token) {
  const std::string& medium = request.volume->volumeSource.emptyDir->medium;
  const bool memory = medium == "Memory";
  if (!memory && !medium.empty()) {
    if (medium.starts_with("HugePages")) {
      co_return badRequest("emptyDir medium " + medium + " is not supported by this kubelet");
    }
    co_return badRequest("unknown storage medium " + api::goQuote(medium));
  }
  // What containers did to the folder since is theirs: a mark says that it was ready before.
  const std::string mark =
      request.podDir + "/plugins/kubernetes.io~empty-dir/" + request.volume->name + "/ready";
  std::string folder = volumeDir(request, *this);
  bool ready = host_.files.exists(mark) && host_.files.exists(folder);
  if (ready && memory) {
    CO_TRY(ready, host_.mounter.isMountPoint(folder));
  }
  if (!ready) {
    CO_TRY(folder, makeVolumeDir(host_, request, *this, 0777));
    if (memory) CO_TRY_STATUS(ensureTmpfs(host_, folder, memoryBytes(request)));
    CO_TRY_STATUS(applyFsGroup(host_, *request.pod, folder, false));
    CO_TRY_STATUS(host_.files.mkdirs(std::string(parentPath(mark)), 0750));
    CO_TRY_STATUS(host_.files.write(mark, "", 0640));
  }
  co_return VolumeReady{folder, false, std::nullopt};
}

}  // namespace coxswain::kubelet
