#pragma once

#include <map>
#include <string>
#include <vector>

#include "controllers/endpointslice/packing.h"

namespace coxswain::controllers::endpointslice {

/// What a controller has written to slices and its cache may not show yet, for each owner. While
/// there is some, deciding by the cache would make slices twice. One executor.
class SliceTracker {
 public:
  void wrote(const std::string& owner, const api::discovery::v1::EndpointSlice& slice);
  void removed(const std::string& owner, const std::string& uid);
  /// The cache shows less than what was written. What it shows by now is forgotten.
  [[nodiscard]] bool stale(const std::string& owner, const std::vector<SlicePointer>& cached);
  /// A slice is gone, by whomever.
  void observeGone(const std::string& owner, const std::string& uid);
  void forget(const std::string& owner) { owners_.erase(owner); }

 private:
  static constexpr int64_t kRemoved = -1;
  std::map<std::string, std::map<std::string, int64_t>> owners_;  ///< uid -> generation
};

}  // namespace coxswain::controllers::endpointslice
