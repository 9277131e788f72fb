#include "volume_store.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/files.h"
#include "runtime/mounter.h"

namespace coxswain::csi_test {
namespace {

Status tmpfs(const std::string& path, int64_t bytes, unsigned long flags) {
  const std::string options = "mode=0777,size=" + std::to_string(bytes);
  if (::mount("csi-test", path.c_str(), "tmpfs", flags, options.c_str()) != 0) {
    return errnoStatus("mount " + path, errno);
  }
  return {};
}

}  // namespace

Result<bool> mountedAt(const std::string& path) {
  SystemMounter mounter;
  return mounter.isMountPoint(path);
}

bool VolumeStore::has(const std::string& id) const {
  const auto mounted = mountedAt(path(id));
  return mounted.ok() && *mounted;
}

Status VolumeStore::create(const std::string& id, int64_t bytes) {
  if (has(id)) return {};
  SystemFiles files;
  TRY_STATUS(files.mkdirs(path(id), 0755));
  return tmpfs(path(id), bytes, 0);
}

Status VolumeStore::grow(const std::string& id, int64_t bytes) {
  return tmpfs(path(id), bytes, MS_REMOUNT);
}

Status VolumeStore::remove(const std::string& id) {
  return unbind(path(id), true);
}

Status bindAt(const std::string& source, const std::string& target, bool readOnly) {
  SystemFiles files;
  TRY_STATUS(files.mkdirs(target, 0755));
  TRY(const bool mounted, mountedAt(target));
  if (mounted) return {};
  SystemMounter mounter;
  return mounter.bind(source, target, BindOptions{readOnly, false});
}

Status unbind(const std::string& target, bool removes) {
  TRY(const bool mounted, mountedAt(target));
  if (mounted && ::umount2(target.c_str(), 0) != 0) return errnoStatus("umount " + target, errno);
  if (!removes) return {};
  SystemFiles files;
  return files.remove(target);
}

}  // namespace coxswain::csi_test
