#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::apiserver {

/// As upstream, smaller answers go out as they are.
inline bool worthCompressing(size_t bytes) {
  return bytes >= 128 * 1024;
}

/// RFC 1952, fastest level.
Result<std::string> gzip(std::string_view text);

/// Smaller and slower, for texts that are made once and kept.
Result<std::string> gzipSmall(std::string_view text);
/// What either made, of a text of `size` bytes.
Result<std::string> gunzip(std::string_view packed, size_t size);

}  // namespace coxswain::apiserver
