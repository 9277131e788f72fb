#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kubelet/logs/log_options.h"
#include "runtime/reactor.h"

namespace coxswain::kubelet::logs {

/// Takes what a reader of a log shall see.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// Waits while the reader is slow; a failure (it has left) ends the reading.
  virtual Task<Status> write(std::string_view text) = 0;
};

/// Is the container still running? Asked while following, whenever its log has been closed, and
/// every five seconds in which nothing was written.
class RunningCheck {
 public:
  virtual ~RunningCheck() = default;
  virtual Task<Result<bool>> running(std::stop_token stop) = 0;
};

/// An open log file, so that a missing one is found before anything is answered.
class LogFile {
 public:
  /// Internal "failed to open log file ..." where it cannot be opened. Symbolic links are followed.
  static Result<std::unique_ptr<LogFile>> open(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// The path leads to another file now (the log was rotated).
  [[nodiscard]] bool replaced() const;

 private:
  LogFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;  // links resolved
};

/// Writes the wanted lines to `sink`; following, goes on until the container has ended, also
/// across rotations. Lines that are not of the CRI format are left out. Nothing is read ahead of
/// the sink by more than a block. Upstream: pkg/kubelet/kuberuntime/logs.
Task<Status> readLog(Reactor& reactor, std::unique_ptr<LogFile> file, LogOptions options,
                     RunningCheck& check, LogSink& sink, std::stop_token stop);

}  // namespace coxswain::kubelet::logs
