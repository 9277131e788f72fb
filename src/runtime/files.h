#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain {

enum class FileType : uint8_t {
  Regular,
  Directory,
  Symlink,
  Socket,
  Fifo,
  CharDevice,
  BlockDevice,
  Other,
};

struct FileInfo {
  FileType type = FileType::Regular;
  uint32_t mode = 0;  ///< permission bits with setuid, setgid, sticky (07777)
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  WallTime modified{};

  [[nodiscard]] bool isDirectory() const { return type == FileType::Directory; }
  [[nodiscard]] bool isRegular() const { return type == FileType::Regular; }
  [[nodiscard]] bool isSymlink() const { return type == FileType::Symlink; }
};

/// Bytes and inodes of a file system.
struct FileSystemInfo {
  uint64_t bytes = 0;
  uint64_t bytesFree = 0;       ///< for root
  uint64_t bytesAvailable = 0;  ///< for everybody
  uint64_t inodes = 0;
  uint64_t inodesFree = 0;
};

/// The disk, for parts that keep small files: whole files, folders, links, ownership. Paths are
/// absolute. Calls block for as long as the disk takes (no big data here) and may come from any
/// thread. Failures are errnoStatus of the path: NotFound, AlreadyExists, Forbidden, InternalError
/// for the rest. Implementations: SystemFiles, sim::MemoryFiles.
class Files {
 public:
  virtual ~Files() = default;

  /// All of a file. RequestEntityTooLarge beyond `sizeMax`.
  virtual Result<std::string> read(const std::string& path, size_t sizeMax) = 0;
  Result<std::string> read(const std::string& path) { return read(path, kReadMax); }
  /// Creates or truncates. `mode` counts for a new file, whatever the umask.
  virtual Status write(const std::string& path, std::string_view data, uint32_t mode = 0644) = 0;
  /// Readers see the old file or the whole new one, also after a crash. `mode` always counts.
  virtual Status writeAtomically(const std::string& path, std::string_view data,
                                 uint32_t mode = 0644) = 0;
  /// Of what a symbolic link points to.
  virtual Result<FileInfo> stat(const std::string& path) = 0;
  /// Of the link itself.
  virtual Result<FileInfo> lstat(const std::string& path) = 0;
  bool exists(const std::string& path) { return lstat(path).ok(); }
  /// Names in a folder without "." and "..", sorted.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  /// Makes what is missing of a path; success where it is a folder already. `mode`, whatever the
  /// umask, for new folders.
  virtual Status mkdirs(const std::string& path, uint32_t mode = 0755) = 0;
  /// The same below `root`, never leaving it through links or "..": for paths that users give.
  /// Success where `relative` names something that is there (a file too). BadRequest where it would
  /// leave.
  virtual Status mkdirsBeneath(const std::string& root, const std::string& relative,
                               uint32_t mode = 0755) = 0;
  /// A file, link or empty folder. Success where it is absent.
  virtual Status remove(const std::string& path) = 0;
  /// With all below, following no link. Never crosses a mount point: what is mounted stays, and so
  /// do the folders above it, and Conflict tells. Success where it is absent.
  virtual Status removeAll(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status symlink(const std::string& target, const std::string& link) = 0;
  virtual Result<std::string> readlink(const std::string& path) = 0;
  virtual Status chmod(const std::string& path, uint32_t mode) = 0;
  /// Of a link itself. -1 leaves as it is.
  virtual Status chown(const std::string& path, int64_t uid, int64_t gid) = 0;
  virtual Result<FileSystemInfo> statfs(const std::string& path) = 0;

  static constexpr size_t kReadMax = 64 << 20;
};

class SystemFiles : public Files {
 public:
  using Files::read;
  Result<std::string> read(const std::string& path, size_t sizeMax) override;
  Status write(const std::string& path, std::string_view data, uint32_t mode = 0644) override;
  Status writeAtomically(const std::string& path, std::string_view data,
                         uint32_t mode = 0644) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<FileInfo> lstat(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Status mkdirs(const std::string& path, uint32_t mode = 0755) override;
  Status mkdirsBeneath(const std::string& root, const std::string& relative,
                       uint32_t mode = 0755) override;
  Status remove(const std::string& path) override;
  Status removeAll(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status symlink(const std::string& target, const std::string& link) override;
  Result<std::string> readlink(const std::string& path) override;
  Status chmod(const std::string& path, uint32_t mode) override;
  Status chown(const std::string& path, int64_t uid, int64_t gid) override;
  Result<FileSystemInfo> statfs(const std::string& path) override;
};

/// "a/b" + "c" -> "a/b/c".
std::string joinPath(std::string_view folder, std::string_view name);
/// Last part of a path; all of it where there is no '/'.
std::string_view baseName(std::string_view path);
/// What comes before the last part; "/" at the top, empty where there is no '/'.
std::string_view parentPath(std::string_view path);

}  // namespace coxswain
