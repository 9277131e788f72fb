#pragma once

#include <cstdint>

#include "base/result.h"

namespace coxswain::kubelet::logs {

/// Where the last `lines` lines of a file begin, found by reading blocks from its end. A last line
/// without a line feed counts. 0 lines: the file's end.
Result<int64_t> tailOffset(int fd, int64_t lines);

}  // namespace coxswain::kubelet::logs
