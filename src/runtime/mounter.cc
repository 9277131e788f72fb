#include "runtime/mounter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "runtime/fd.h"
#include "runtime/files.h"
#include "runtime/open_beneath.h"

namespace coxswain {
namespace {

Status bindPath(const std::string& source, const std::string& shown, const std::string& target,
                BindOptions options) {
  const unsigned long flags = MS_BIND | (options.recursive ? MS_REC : 0UL);
  if (::mount(source.c_str(), target.c_str(), nullptr, flags, nullptr) != 0) {
    return errnoStatus("mount " + shown + " on " + target, errno);
  }
  if (!options.readOnly) return {};
  const unsigned long again = MS_BIND | MS_REMOUNT | MS_RDONLY;
  if (::mount("none", target.c_str(), nullptr, again, nullptr) != 0) {
    const Status status = errnoStatus("make " + target + " read-only", errno);
    ::umount2(target.c_str(), MNT_DETACH);
    return status;
  }
  return {};
}

/// "\040" and the like are bytes that would break the table's columns.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool octal = text[i] == '\\' && i + 3 < text.size() &&
                       std::all_of(text.begin() + static_cast<long>(i) + 1,
                                   text.begin() + static_cast<long>(i) + 4,
                                   [](char c) { return c >= '0' && c <= '7'; });
    if (!octal) {
      out += text[i];
      continue;
    }
    out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

std::string_view nextWord(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

bool hasOption(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const size_t end = std::min(options.find(','), options.size());
    if (options.substr(0, end) == wanted) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

}  // namespace

Result<bool> Mounter::isMountPoint(const std::string& path) {
  TRY(const auto all, list());
  const std::string wanted = resolved(path);
  return std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.path == wanted; });
}

Status Mounter::unmountAll(const std::string& path) {
  TRY(auto all, list());
  const std::string top = resolved(path);
  const std::string below = top + "/";
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (at->path == top || at->path.starts_with(below)) TRY_STATUS(unmount(at->path));
  }
  return {};
}

Status SystemMounter::bind(const std::string& source, const std::string& target,
                           BindOptions options) {
  return bindPath(source, source, target, options);
}

Status SystemMounter::bindBeneath(const std::string& root, const std::string& relative,
                                  const std::string& target, BindOptions options) {
  TRY(const Fd rootFd, openFolderPath(root));
  TRY(const Fd source, openBeneath(rootFd, root, relative));
  struct stat s = {};
  if (::fstat(source.get(), &s) != 0) return errnoStatus("stat " + joinPath(root, relative), errno);
  SystemFiles files;
  if (S_ISDIR(s.st_mode)) {
    TRY_STATUS(files.mkdirs(target, 0750));
  } else {
    TRY_STATUS(files.mkdirs(std::string(parentPath(target)), 0750));
    if (!files.exists(target)) TRY_STATUS(files.write(target, "", 0640));
  }
  return bindPath("/proc/self/fd/" + std::to_string(source.get()), joinPath(root, relative), target,
                  options);
}

Status SystemMounter::tmpfs(const std::string& target, uint64_t sizeBytes, uint32_t mode) {
  char octal[16];
  const auto end = std::to_chars(octal, octal + sizeof(octal), mode, 8).ptr;
  std::string options = "mode=" + std::string(octal, end);
  if (sizeBytes != 0) options += ",size=" + std::to_string(sizeBytes);
  if (::mount("tmpfs", target.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    return errnoStatus("mount tmpfs on " + target, errno);
  }
  return {};
}

Status SystemMounter::unmount(const std::string& target) {
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EBUSY && ::umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return {};
  if (errno == EINVAL || errno == ENOENT) return {};
  return errnoStatus("unmount " + target, errno);
}

std::string SystemMounter::resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : path;
}

Result<std::vector<MountPoint>> SystemMounter::list() {
  SystemFiles files;
  TRY(const auto text, files.read("/proc/self/mountinfo"));
  return parseMountInfo(text);
}

std::vector<MountPoint> parseMountInfo(std::string_view text) {
  std::vector<MountPoint> mounts;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // 36 35 98:0 /root /path rw,noatime shared:1 - ext4 /dev/sda rw
    for (int skipped = 0; skipped < 3; ++skipped) nextWord(line);
    MountPoint mount;
    mount.root = unescape(nextWord(line));
    mount.path = unescape(nextWord(line));
    mount.readOnly = hasOption(nextWord(line), "ro");
    while (!line.empty() && nextWord(line) != "-") {
    }
    mount.type = unescape(nextWord(line));
    mount.source = unescape(nextWord(line));
    if (!mount.path.empty() && !mount.type.empty()) mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace coxswain
