#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coxswain::up {

/// How far a start is, told through a file: the server writes, the `up` that waits reads.
struct Progress {
  std::vector<std::string> stages;  ///< begun, in order; the last one is under way
  bool ready = false;
  std::string failure;  ///< empty: none
};

/// Appends to the file. One writer.
class ProgressWriter {
 public:
  explicit ProgressWriter(std::string path) : path_(std::move(path)) {}
  /// Empties the file.
  Status begin();
  void stage(std::string_view name) { append("stage ", name); }
  void ready() { append("ready", ""); }
  void failed(std::string_view why) { append("failed ", why); }

 private:
  void append(std::string_view word, std::string_view text);
  std::string path_;
};

/// What the file says now; half a last line is left out. A missing file: nothing yet.
Progress readProgress(const std::string& path);

}  // namespace coxswain::up
