#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "streaming/session.h"

namespace coxswain::cli {

/// Where a session's standard input comes from.
class SessionInput {
 public:
  virtual ~SessionInput() = default;
  /// The next piece; empty at the end.
  virtual Task<Result<std::string>> read(std::stop_token stop) = 0;
};

/// Where one of its outputs goes.
class SessionOutput {
 public:
  virtual ~SessionOutput() = default;
  /// A failure does not end the command: what follows is dropped, as `cmd | head` needs.
  virtual Task<Status> write(std::string_view data) = 0;
};

/// To a descriptor, at once, waiting where it must: nothing else is to be done meanwhile.
class FdOutput final : public SessionOutput {
 public:
  explicit FdOutput(int fd) : fd_(fd) {}
  Task<Status> write(std::string_view data) override;

 private:
  int fd_;
};

/// To nowhere.
class NoOutput final : public SessionOutput {
 public:
  Task<Status> write(std::string_view) override { co_return Status(); }
};

/// Carries bytes until the command has ended, and closes the session. `input` null: none.
/// `ended` is requested when the command has ended.
Task<Result<streaming::Outcome>> joinSession(streaming::ClientSession& remote, SessionInput* input,
                                             SessionOutput& out, SessionOutput& err,
                                             std::stop_source ended);

/// Writes all of it; false: the descriptor takes no more (a closed pipe).
bool writeAll(int fd, std::string_view data);

}  // namespace coxswain::cli
