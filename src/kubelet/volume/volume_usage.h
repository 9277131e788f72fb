#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coxswain::kubelet {

/// What a claim's volume holds; unset: not known.
struct VolumeUsage {
  struct Counts {
    int64_t available = 0;
    int64_t total = 0;
    int64_t used = 0;
  };
  std::string volume;  ///< name in the pod
  std::string claimNamespace;
  std::string claimName;  ///< empty: no claim
  std::optional<Counts> bytes;
  std::optional<Counts> inodes;
};

}  // namespace coxswain::kubelet
