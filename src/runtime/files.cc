#include "runtime/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "runtime/fd.h"
#include "runtime/open_beneath.h"

namespace coxswain {
namespace {

FileType typeOf(mode_t mode) {
  if (S_ISREG(mode)) return FileType::Regular;
  if (S_ISDIR(mode)) return FileType::Directory;
  if (S_ISLNK(mode)) return FileType::Symlink;
  if (S_ISSOCK(mode)) return FileType::Socket;
  if (S_ISFIFO(mode)) return FileType::Fifo;
  if (S_ISCHR(mode)) return FileType::CharDevice;
  if (S_ISBLK(mode)) return FileType::BlockDevice;
  return FileType::Other;
}

FileInfo infoOf(const struct stat& s) {
  FileInfo info;
  info.type = typeOf(s.st_mode);
  info.mode = s.st_mode & 07777;
  info.uid = s.st_uid;
  info.gid = s.st_gid;
  info.size = static_cast<uint64_t>(s.st_size);
  info.device = s.st_dev;
  info.inode = s.st_ino;
  info.modified = WallTime(std::chrono::seconds(s.st_mtim.tv_sec) + Duration(s.st_mtim.tv_nsec));
  return info;
}

Status writeAll(int fd, const std::string& path, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return errnoStatus("write " + path, errno);
    }
    data.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

/// Empty: the working directory.
Status syncFolder(const std::string& path) {
  const Fd fd(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errnoStatus("open " + path, errno);
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return errnoStatus("sync " + path, errno);
  return {};
}

}  // namespace

Result<std::string> SystemFiles::read(const std::string& path, size_t sizeMax) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errnoStatus("open " + path, errno);
  std::string data;
  struct stat s = {};
  if (::fstat(fd.get(), &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0) {
    data.reserve(std::min(static_cast<size_t>(s.st_size), sizeMax) + 1);
  }
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof(buffer));
    if (count < 0) {
      if (errno == EINTR) continue;
      return errnoStatus("read " + path, errno);
    }
    if (count == 0) return data;
    if (data.size() + static_cast<size_t>(count) > sizeMax) {
      return requestEntityTooLarge("read " + path + ": larger than " + std::to_string(sizeMax) +
                                   " bytes");
    }
    data.append(buffer, static_cast<size_t>(count));
  }
}

Status SystemFiles::write(const std::string& path, std::string_view data, uint32_t mode) {
  bool fresh = true;
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST) {
    fresh = false;
    fd = Fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  }
  if (!fd) return errnoStatus("open " + path, errno);
  if (fresh && ::fchmod(fd.get(), mode) != 0) return errnoStatus("chmod " + path, errno);
  return writeAll(fd.get(), path, data);
}

Status SystemFiles::writeAtomically(const std::string& path, std::string_view data, uint32_t mode) {
  static std::atomic<uint64_t> counter{0};
  const std::string temporary =
      path + ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  Status status;
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return errnoStatus("open " + temporary, errno);
    status = writeAll(fd.get(), temporary, data);
    if (status.ok() && ::fchmod(fd.get(), mode) != 0) {
      status = errnoStatus("chmod " + temporary, errno);
    }
    if (status.ok() && ::fsync(fd.get()) != 0) status = errnoStatus("sync " + temporary, errno);
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = errnoStatus("rename " + temporary + " to " + path, errno);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return syncFolder(std::string(parentPath(path)));
}

Result<FileInfo> SystemFiles::stat(const std::string& path) {
  struct stat s = {};
  if (::stat(path.c_str(), &s) != 0) return errnoStatus("stat " + path, errno);
  return infoOf(s);
}

Result<FileInfo> SystemFiles::lstat(const std::string& path) {
  struct stat s = {};
  if (::lstat(path.c_str(), &s) != 0) return errnoStatus("lstat " + path, errno);
  return infoOf(s);
}

Result<std::vector<std::string>> SystemFiles::list(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return errnoStatus("open " + path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(folder);
  if (error != 0) return errnoStatus("read " + path, error);
  std::sort(names.begin(), names.end());
  return names;
}

Status SystemFiles::mkdirs(const std::string& path, uint32_t mode) {
  if (auto info = stat(path); info.ok()) {
    return info->isDirectory() ? Status() : errnoStatus("mkdir " + path, ENOTDIR);
  }
  if (const auto parent = parentPath(path); !parent.empty() && parent != path) {
    TRY_STATUS(mkdirs(std::string(parent), mode));
  }
  if (::mkdir(path.c_str(), 0700) != 0) {
    return errno == EEXIST ? Status() : errnoStatus("mkdir " + path, errno);
  }
  return chmod(path, mode);
}

Status SystemFiles::mkdirsBeneath(const std::string& root, const std::string& relative,
                                  uint32_t mode) {
  TRY(const Fd rootFd, openFolderPath(root));
  std::string done;
  Fd parent;
  for (size_t at = 0; at < relative.size();) {
    const size_t end = std::min(relative.find('/', at), relative.size());
    const std::string part = relative.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return badRequest("path " + relative + " must not contain \"..\"");
    const std::string next = done.empty() ? part : done + "/" + part;
    auto opened = openBeneath(rootFd, root, next);
    if (!opened.ok()) {
      if (!isNotFound(opened.status())) return opened.status();
      const int in = parent ? parent.get() : rootFd.get();
      if (::mkdirat(in, part.c_str(), 0700) != 0 && errno != EEXIST) {
        return errnoStatus("mkdir " + joinPath(root, next), errno);
      }
      Fd fresh(::openat(in, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!fresh) return errnoStatus("open " + joinPath(root, next), errno);
      if (::fchmod(fresh.get(), mode) != 0) {
        return errnoStatus("chmod " + joinPath(root, next), errno);
      }
      opened = std::move(fresh);
    }
    parent = std::move(*opened);
    done = next;
  }
  return {};
}

Status SystemFiles::remove(const std::string& path) {
  if (::remove(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  return errnoStatus("remove " + path, errno);
}

Status SystemFiles::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return errnoStatus("rename " + from + " to " + to, errno);
}

Status SystemFiles::symlink(const std::string& target, const std::string& link) {
  if (::symlink(target.c_str(), link.c_str()) == 0) return {};
  return errnoStatus("symlink " + link, errno);
}

Result<std::string> SystemFiles::readlink(const std::string& path) {
  char buffer[4096];
  const ssize_t size = ::readlink(path.c_str(), buffer, sizeof(buffer));
  if (size < 0) return errnoStatus("readlink " + path, errno);
  return std::string(buffer, static_cast<size_t>(size));
}

Status SystemFiles::chmod(const std::string& path, uint32_t mode) {
  if (::chmod(path.c_str(), mode) == 0) return {};
  return errnoStatus("chmod " + path, errno);
}

Status SystemFiles::chown(const std::string& path, int64_t uid, int64_t gid) {
  if (::lchown(path.c_str(), static_cast<uid_t>(uid), static_cast<gid_t>(gid)) == 0) return {};
  return errnoStatus("chown " + path, errno);
}

Result<FileSystemInfo> SystemFiles::statfs(const std::string& path) {
  struct statfs s = {};
  if (::statfs(path.c_str(), &s) != 0) return errnoStatus("statfs " + path, errno);
  const auto block = static_cast<uint64_t>(s.f_bsize);
  return FileSystemInfo{s.f_blocks * block, s.f_bfree * block, s.f_bavail * block, s.f_files,
                        s.f_ffree};
}

std::string joinPath(std::string_view folder, std::string_view name) {
  std::string path(folder);
  while (!name.empty() && name.front() == '/') name.remove_prefix(1);
  if (name.empty()) return path;
  if (path.empty() || path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string_view baseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

}  // namespace coxswain
