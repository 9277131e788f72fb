#pragma once

#include <string>
#include <string_view>

#include "kubelet/logs/log_options.h"

namespace coxswain::kubelet::logs {

/// From the bytes of a log file to what its reader sees. Fed in any pieces; bounded: a line above
/// 1 MiB is left out.
class LogFormatter {
 public:
  explicit LogFormatter(LogOptions options);

  /// Appends to `out`. False: the limit of bytes has been reached; nothing follows.
  bool feed(std::string_view bytes, std::string& out);
  /// The file ended: a line without a line feed counts as one.
  bool finishFile(std::string& out);
  /// Forgets such a line.
  void dropUnfinished() { unfinished_.clear(); }

 private:
  bool line(std::string_view text, std::string& out);
  LogOptions options_;
  std::string unfinished_;
  bool tooLong_ = false;
  bool lineBegins_ = true;  // of the output: a timestamp is due
  int64_t left_;
};

}  // namespace coxswain::kubelet::logs
