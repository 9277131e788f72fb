#pragma once

#include <chrono>
#include <cstdint>

namespace coxswain {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;  // NOLINT: 5s and 100ms read well everywhere

/// Wall clock: nanoseconds since the Unix epoch, UTC. What API objects carry.
using WallTime = std::chrono::sys_time<Duration>;

/// Monotonic clock of one process: for timeouts, backoff and latencies only.
struct MonotonicClockTag {
  using rep = int64_t;
  using period = std::nano;
  using duration = Duration;
  static constexpr bool is_steady = true;
};
using MonotonicTime = std::chrono::time_point<MonotonicClockTag, Duration>;

}  // namespace coxswain
