#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace coxswain::cli {

/// A folder of our own under $TMPDIR, gone with the object.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(const std::string& prefix);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Runs a program on our terminal and waits for it: nothing else happens meanwhile. Its output goes
/// to `outFd`. Answers its exit code, or 128 and the signal's number.
Result<int> runProgram(const std::vector<std::string>& args, int outFd);

Status writeText(const std::string& path, const std::string& text);

}  // namespace coxswain::cli
