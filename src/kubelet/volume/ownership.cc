#include "kubelet/volume/ownership.h"

#include <vector>

namespace coxswain::kubelet {
namespace {

constexpr uint32_t kReadWrite = 0660;
constexpr uint32_t kReadOnly = 0440;
constexpr uint32_t kSearch = 0110;
constexpr uint32_t kSetGid = 02000;

Status own(Files& files, const std::string& path, const FileInfo& info, int64_t fsGroup,
           bool readOnly) {
  TRY_STATUS(files.chown(path, -1, fsGroup));
  if (info.isSymlink()) return {};
  uint32_t mask = readOnly ? kReadOnly : kReadWrite;
  if (info.isDirectory()) mask |= kSearch | kSetGid;
  // chown clears setuid and setgid of files, so the mode is written again in any case.
  return files.chmod(path, info.mode | mask);
}

}  // namespace

Status setVolumeOwnership(Files& files, const std::string& folder, int64_t fsGroup, bool readOnly,
                          bool onRootMismatch) {
  TRY(const auto top, files.lstat(folder));
  const uint32_t wanted = kSetGid | kSearch | (readOnly ? kReadOnly : kReadWrite);
  if (onRootMismatch && top.gid == static_cast<uint32_t>(fsGroup) &&
      (top.mode & wanted) == wanted) {
    return {};
  }
  // The top folder comes last: while it is wrong, a next try does all again.
  std::vector<std::string> folders{folder};
  for (size_t i = 0; i < folders.size(); ++i) {
    const std::string current = folders[i];
    TRY(const auto names, files.list(current));
    for (const auto& name : names) {
      const std::string path = joinPath(current, name);
      const auto info = files.lstat(path);
      if (!info.ok()) {
        if (isNotFound(info.status())) continue;
        return info.status();
      }
      TRY_STATUS(own(files, path, *info, fsGroup, readOnly));
      if (info->isDirectory()) folders.push_back(path);
    }
  }
  return own(files, folder, top, fsGroup, readOnly);
}

}  // namespace coxswain::kubelet
