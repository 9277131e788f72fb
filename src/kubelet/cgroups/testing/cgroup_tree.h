#pragma once

#include <string>

#include "kubelet/cgroups/layout.h"
#include "runtime/files.h"

namespace coxswain::kubelet::testing {

/// Files that behave like the kernel's control groups: a new folder has its knobs, a folder goes
/// with its knobs but not with children or processes.
class CgroupFiles final : public SystemFiles {
 public:
  explicit CgroupFiles(bool v2) : v2_(v2) {}
  Status mkdirs(const std::string& path, uint32_t mode) override;
  Status remove(const std::string& path) override;

 private:
  Status addKnobs(const std::string& folder);
  bool v2_;
};

/// A host's control groups in a temporary folder, which goes with this object.
class CgroupTree {
 public:
  explicit CgroupTree(bool v2);
  ~CgroupTree();
  CgroupTree(const CgroupTree&) = delete;
  CgroupTree& operator=(const CgroupTree&) = delete;

  CgroupFiles files;
  CgroupLayout layout;

  /// Content of a file below the tree; "?" where it cannot be read.
  std::string read(const std::string& path);
  void addProcess(const std::string& group, int pid);
  void endProcess(int pid);

 private:
  std::string root_;
};

}  // namespace coxswain::kubelet::testing
