#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "runtime/fd.h"
#include "runtime/files.h"

namespace coxswain {
namespace {

/// Containers make what they like in their volumes: trees deeper than our descriptors or our stack.
/// What lies deeper than this is moved to the top and removed from there.
constexpr int kDepthMax = 64;

class TreeRemover {
 public:
  TreeRemover(int top, std::string path) : top_(top), path_(std::move(path)) {}

  /// Empties a folder. `level` counts from the top.
  void empty(int folder, int level) {
    for (const auto& name : namesOf(folder)) {
      if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno == EBUSY) {
        mounted_ = true;
      } else if (errno != EISDIR && errno != EPERM) {
        keep(errno);
      } else {
        removeFolder(folder, name, level);
      }
    }
  }

  void removeFolder(int parent, const std::string& name, int level) {
    const Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return keep(errno == ENOTDIR ? EPERM : errno);
    if (isMounted(fd.get(), parent)) {
      mounted_ = true;
      return;
    }
    if (level >= kDepthMax) {
      const std::string moved = ".removing-" + std::to_string(moved_++);
      if (::renameat(parent, name.c_str(), top_, moved.c_str()) != 0) keep(errno);
      return;
    }
    empty(fd.get(), level + 1);
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      if (errno == EBUSY) mounted_ = true;
      // Not empty: something below stayed (and has told why) or came up anew.
      else
        keep(errno);
    }
  }

  [[nodiscard]] uint64_t moved() const { return moved_; }
  [[nodiscard]] Status status() const {
    if (mounted_) {
      return Status(Reason::Conflict, 409, "remove " + path_ + ": something is mounted below");
    }
    return error_ == 0 ? Status() : errnoStatus("remove " + path_, error_);
  }
  void forgetErrors() {
    mounted_ = false;
    error_ = 0;
  }

 private:
  static std::vector<std::string> namesOf(int folder) {
    std::vector<std::string> names;
    // A descriptor of its own: closedir closes it.
    const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
    if (stream == nullptr) return names;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    return names;
  }

  static bool isMounted(int fd, int parent) {
    struct statx own = {};
    struct statx above = {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &own) != 0 ||
        ::statx(parent, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &above) != 0) {
      return true;  // cannot tell: stay out
    }
    if ((own.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
      return (own.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    }
    return own.stx_dev_major != above.stx_dev_major || own.stx_dev_minor != above.stx_dev_minor;
  }

  void keep(int error) {
    if (error_ == 0) error_ = error;
  }

  int top_;
  std::string path_;
  uint64_t moved_ = 0;
  bool mounted_ = false;
  int error_ = 0;
};

}  // namespace

Status SystemFiles::removeAll(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  if (errno != EISDIR && errno != EPERM) return errnoStatus("remove " + path, errno);
  const Fd top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top) return errno == ENOENT ? Status() : errnoStatus("open " + path, errno);
  struct statx own = {};
  if (::statx(top.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &own) == 0 &&
      (own.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return Status(Reason::Conflict, 409, "remove " + path + ": something is mounted there");
  }
  TreeRemover remover(top.get(), path);
  uint64_t moved;
  do {
    moved = remover.moved();
    remover.forgetErrors();
    remover.empty(top.get(), 1);
  } while (remover.moved() != moved);
  TRY_STATUS(remover.status());
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return errnoStatus("remove " + path, errno);
}

}  // namespace coxswain
