#include "kubelet/volume/host_path.h"

#include "api/gen/core_v1.h"

namespace coxswain::kubelet {
namespace {

Status expect(Files& files, const std::string& path, FileType type, std::string_view what) {
  const auto info = files.stat(path);
  if (info.ok() && info->type == type) return {};
  return badRequest("hostPath type check failed: " + path + " is not " + std::string(what));
}

}  // namespace

Status checkHostPath(Files& files, const std::string& path, std::string_view type) {
  if (type.empty()) return {};
  if (type == "DirectoryOrCreate" && !files.stat(path).ok()) return files.mkdirs(path, 0755);
  if (type == "Directory" || type == "DirectoryOrCreate") {
    return expect(files, path, FileType::Directory, "a directory");
  }
  if (type == "FileOrCreate" && !files.stat(path).ok()) return files.write(path, "", 0644);
  if (type == "File" || type == "FileOrCreate") {
    return expect(files, path, FileType::Regular, "a file");
  }
  if (type == "Socket") return expect(files, path, FileType::Socket, "a socket file");
  if (type == "CharDevice") {
    return expect(files, path, FileType::CharDevice, "a character device");
  }
  if (type == "BlockDevice") return expect(files, path, FileType::BlockDevice, "a block device");
  return badRequest(std::string(type) + " is an invalid volume type");
}

bool HostPathPlugin::handles(const api::core::v1::Volume& volume) const {
  return volume.volumeSource.hostPath.has_value();
}

Task<Result<VolumeReady>> HostPathPlugin::setUp(VolumeRequest request, std::stop_token) {
  const auto& source = *request.volume->volumeSource.hostPath;
  CO_TRY_STATUS(checkHostPath(host_.files, source.path, source.type.value_or("")));
  co_return VolumeReady{source.path, false, std::nullopt};
}

}  // namespace coxswain::kubelet
