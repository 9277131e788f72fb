#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace coxswain::kubelet::logs {

/// One line of a container's log file, as CRI runtimes write it:
///     2016-10-06T00:17:09.669794202Z stdout F the content
/// Views into the text it was parsed from.
struct LogLine {
  std::string_view timestamp;  ///< as written
  WallTime when{};
  bool fromStderr = false;
  bool partial = false;      ///< tag P: the next line of the stream goes on with it
  std::string_view content;  ///< without the line feed
};

/// `text` has no line feed. Nullopt: not such a line.
std::optional<LogLine> parseLogLine(std::string_view text);

/// RFC 3339 with up to nine fractional digits and any offset.
std::optional<WallTime> parseLogTime(std::string_view text);

/// The timestamp with exactly nine fractional digits, as it is shown with `timestamps`.
std::string fixedTimestamp(std::string_view timestamp);

}  // namespace coxswain::kubelet::logs
