#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::kubelet::logs {

struct LogRotationOptions {
  int64_t sizeMax = 10 << 20;  ///< containerLogMaxSize; negative: nothing is rotated
  int filesMax = 5;            ///< containerLogMaxFiles, the one being written included; at least 2
  Duration interval = 10s;     ///< containerLogMonitorInterval
  std::string podLogsDir = "/var/log/pods";
};

/// Who writes the log files (the container runtime).
class LogWriters {
 public:
  virtual ~LogWriters() = default;
  /// Id of the running container with this log. NotFound: there is none (any more).
  virtual Task<Result<std::string>> writerOf(std::string logPath, std::stop_token stop) = 0;
  /// CRI ReopenContainerLog.
  virtual Task<Status> reopen(std::string containerId, std::stop_token stop) = 0;
};

/// Keeps container logs from filling the disk: a log above the size becomes
/// "0.log.20240506-070809", older ones are compressed (.gz) and the oldest removed. Looks at the
/// files alone; the runtime is only asked about one that has grown too large. One executor;
/// compression runs on a thread. Upstream: pkg/kubelet/logs/container_log_manager.go.
class LogRotator {
 public:
  LogRotator(Executor& executor, LogWriters& writers, LogRotationOptions options);

  /// Every interval from now on, until stop().
  void start();
  /// Awaited before destruction.
  Task<void> stop();

  /// One round. What fails for one log is logged and does not keep the others.
  Task<void> rotateAll(std::stop_token stop);
  /// Logs that are too large now.
  [[nodiscard]] std::vector<std::string> oversized() const;
  /// This one, whatever its size.
  Task<Status> rotate(std::string logPath, std::stop_token stop);

 private:
  Task<void> run(Gate::Pass pass);
  Executor& executor_;
  LogWriters& writers_;
  LogRotationOptions options_;
  std::stop_source stop_;
  Gate gate_;
};

/// Replaces a file by its gzip form, "FILE.gz", in one step. Blocks.
Status compressFile(const std::string& path);

}  // namespace coxswain::kubelet::logs
