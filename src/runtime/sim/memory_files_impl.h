#pragma once

// Inside of MemoryFiles, shared by its files.

#include "runtime/sim/memory_files.h"

namespace coxswain::sim {

struct MemoryFiles::Node {
  FileType type = FileType::Regular;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t inode = 0;
  WallTime modified{};
  std::string data;  ///< a link's target

  [[nodiscard]] FileInfo info() const {
    FileInfo info;
    info.type = type;
    info.mode = mode;
    info.uid = uid;
    info.gid = gid;
    info.size = data.size();
    info.device = 1;
    info.inode = inode;
    info.modified = modified;
    return info;
  }
};

struct MemoryFiles::WatchState {
  std::string folder;  ///< place
  bool changed = false;
  bool gone = false;
  WaitList waiting;
};

}  // namespace coxswain::sim
