#pragma once

#include <cstring>

namespace coxswain::api {

/// Whether a std::vector<T> or Map<T> of any T holds nothing, without a call through its table:
/// most of an object's lists are empty. libstdc++ keeps begin and end first (checked in
/// codec_test).
inline bool emptyContainer(const void* container) {
  const void* ends[2];
  std::memcpy(ends, container, sizeof(ends));
  return ends[0] == ends[1];
}

}  // namespace coxswain::api
