#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::cli {

/// The three file descriptors of a command; not owned.
struct Streams {
  int in = 0;
  int out = 1;
  int err = 2;
};

/// Text on its way to a descriptor. Kept until flush, destruction or 64 KiB.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  void line(std::string_view text) {
    write(text);
    write("\n");
  }
  void flush();
  [[nodiscard]] int fd() const { return fd_; }
  /// Writing failed (closed pipe, full disk): what follows is dropped.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  int fd_;
  std::string buffer_;
  bool failed_ = false;
};

/// All that can be read until the end. RequestEntityTooLarge beyond 256 MiB.
Result<std::string> readAllOf(int fd);

}  // namespace coxswain::cli
