#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "net/url.h"

namespace coxswain::kubelet::logs {

enum class LogStream { All, Stdout, Stderr };

/// What a reader wants of a container's log: PodLogOptions without the container.
struct LogOptions {
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<int64_t> tailLines;   ///< 0 or more; of the file's last lines
  std::optional<int64_t> limitBytes;  ///< 1 or more; of what is answered
  std::optional<WallTime> since;      ///< lines before it are left out
  LogStream stream = LogStream::All;

  /// From a query (tailLines, sinceSeconds, sinceTime, ...). BadRequest: a value that is no number,
  /// time or boolean; Invalid: one out of its range, or two that exclude each other.
  static Result<LogOptions> parse(const net::Query& query, WallTime now);
};

}  // namespace coxswain::kubelet::logs
