#pragma once

#include <sys/statvfs.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace coxswain::csi_test {

/// Volumes below a folder, a tmpfs each. Calls block.
class VolumeStore {
 public:
  explicit VolumeStore(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::string path(const std::string& id) const { return folder_ + "/" + id; }
  /// Success where it is there.
  Status create(const std::string& id, int64_t bytes);
  Status grow(const std::string& id, int64_t bytes);
  /// Success where it is not there.
  Status remove(const std::string& id);
  [[nodiscard]] bool has(const std::string& id) const;

 private:
  std::string folder_;
};

/// A bind of `source` at `target`, which is made. Success where it is there.
Status bindAt(const std::string& source, const std::string& target, bool readOnly);
/// Success where nothing is mounted or nothing is there; `target` goes where `removes`.
Status unbind(const std::string& target, bool removes);
Result<bool> mountedAt(const std::string& path);

}  // namespace coxswain::csi_test
