#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain {

/// A line of the mount table.
struct MountPoint {
  std::string path;
  std::string source;
  std::string type;  ///< "tmpfs", "ext4"; of the source's file system for a bind
  std::string root;  ///< which folder of that file system is mounted
  bool readOnly = false;
};

struct BindOptions {
  bool readOnly = false;
  bool recursive = false;  ///< with what is mounted below the source
};

/// The mount table of this process's namespace. Calls block; any thread. Needs CAP_SYS_ADMIN
/// (Forbidden). Implementations: SystemMounter, sim::MemoryMounter.
class Mounter {
 public:
  virtual ~Mounter() = default;

  /// `target` is there already, of the same type (file or folder) as `source`.
  virtual Status bind(const std::string& source, const std::string& target,
                      BindOptions options) = 0;
  /// Binds what `relative` names below `root`, links followed but never out of `root`, even while
  /// somebody swaps them. `target` is made, a file or a folder as needed. BadRequest where it would
  /// leave, NotFound.
  virtual Status bindBeneath(const std::string& root, const std::string& relative,
                             const std::string& target, BindOptions options) = 0;
  /// `sizeBytes` 0: the kernel's choice (half of memory).
  virtual Status tmpfs(const std::string& target, uint64_t sizeBytes, uint32_t mode) = 0;
  /// The topmost mount at `target`; busy ones vanish from the tree and end with their last user.
  /// Success where nothing is mounted.
  virtual Status unmount(const std::string& target) = 0;
  /// In the order of mounting.
  virtual Result<std::vector<MountPoint>> list() = 0;

  Result<bool> isMountPoint(const std::string& path);
  /// Everything mounted at or below `path`, last mounted first.
  Status unmountAll(const std::string& path);

 protected:
  /// The path as the table has it: without links.
  virtual std::string resolved(const std::string& path) { return path; }
};

class SystemMounter final : public Mounter {
 public:
  Status bind(const std::string& source, const std::string& target, BindOptions options) override;
  Status bindBeneath(const std::string& root, const std::string& relative,
                     const std::string& target, BindOptions options) override;
  Status tmpfs(const std::string& target, uint64_t sizeBytes, uint32_t mode) override;
  Status unmount(const std::string& target) override;
  Result<std::vector<MountPoint>> list() override;

 protected:
  std::string resolved(const std::string& path) override;
};

/// Reads /proc/self/mountinfo's text; lines that are none are left out.
std::vector<MountPoint> parseMountInfo(std::string_view text);

}  // namespace coxswain
