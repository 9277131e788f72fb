#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/file_watch.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/sync.h"

namespace coxswain::sim {

/// A disk in memory: folders, files, links, ownership, mounts (MemoryMounter), watches. One thread.
/// The root folder is there from the start. Times are those of the current executor.
class MemoryFiles final : public Files {
 public:
  MemoryFiles();
  ~MemoryFiles() override;

  /// Called before each change with its verb ("write", "mkdir", "remove", "rename", "symlink",
  /// "chmod", "chown") and path; a failure is the answer then.
  std::function<Status(std::string_view verb, const std::string& path)> reaction;
  FileSystemInfo fileSystem{100ULL << 30, 60ULL << 30, 50ULL << 30, 1'000'000, 900'000};

  /// Puts a socket, device or other thing that Files does not make.
  void putSpecial(const std::string& path, FileType type);

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

 private:
  friend class MemoryMounter;
  friend class MemoryFileWatches;
  struct Node;
  struct WatchState;
  class MemoryFileWatch;

  /// Where the bytes of `path` are: links followed (the last one too if `follow`), mounts crossed.
  Result<std::string> resolve(const std::string& path, bool follow, bool crossLast = true,
                              const std::string& beneath = "") const;
  Result<Node*> find(const std::string& path, bool follow);
  /// The place for a new entry: its folder is there.
  Result<std::string> placeFor(const std::string& path) const;
  Node& put(const std::string& place, FileType type, uint32_t mode);
  Status ask(std::string_view verb, const std::string& path) const;
  void changedIn(const std::string& place);
  bool mountedBelow(const std::string& place) const;

  std::map<std::string, Node> nodes_;                       // by place
  std::map<std::string, std::vector<std::string>> mounts_;  // place -> what covers it, last on top
  std::vector<std::weak_ptr<WatchState>> watches_;
  uint64_t inodes_ = 0;
};

/// Mounts of a MemoryFiles, which sees them.
class MemoryMounter final : public Mounter {
 public:
  explicit MemoryMounter(MemoryFiles& files) : files_(files) {}

  /// Called before each mount or unmount; a failure is the answer then.
  std::function<Status(std::string_view verb, const std::string& path)> reaction;

  Status bind(const std::string& source, const std::string& target, BindOptions options) override;
  Status bindBeneath(const std::string& root, const std::string& relative,
                     const std::string& target, BindOptions options) override;
  Status tmpfs(const std::string& target, uint64_t sizeBytes, uint32_t mode) override;
  Status unmount(const std::string& target) override;
  Result<std::vector<MountPoint>> list() override;

  /// Size that a tmpfs was asked to have; 0: none, or no limit.
  [[nodiscard]] uint64_t sizeOf(const std::string& path) const;

 private:
  Status add(const std::string& place, const std::string& target, MountPoint mount);

  MemoryFiles& files_;
  std::vector<MountPoint> table_;
  std::map<std::string, uint64_t> sizes_;
  uint64_t made_ = 0;
};

class MemoryFileWatches final : public FileWatches {
 public:
  explicit MemoryFileWatches(MemoryFiles& files) : files_(files) {}
  Result<std::unique_ptr<FileWatch>> watchFolder(const std::string& path) override;

 private:
  MemoryFiles& files_;
};

}  // namespace coxswain::sim
