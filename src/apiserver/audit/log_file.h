#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace coxswain::apiserver::audit {

struct LogFileOptions {
  std::string path;               ///< "-": standard output
  int64_t sizeMaxMib = 0;         ///< then a new file begins; 0: 100
  int64_t backupsMax = 0;         ///< old files that are kept; 0: all
  int64_t ageMaxDays = 0;         ///< for so long; 0: for ever
  size_t pendingMax = 64U << 20;  ///< bytes that may wait for the disk; beyond, lines are lost
};

/// A log that is written by a thread of its own, so that a slow disk or a stopped reader of
/// standard output holds up nobody. A full file is renamed to NAME-2006-01-02T15-04-05.000.EXT.
/// Destroying it writes what is pending. Upstream: the log backend of apiserver with lumberjack's
/// rotation.
class LogFile {
 public:
  /// What the system says where the file cannot be opened.
  static Result<std::unique_ptr<LogFile>> open(LogFileOptions options);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// Any thread. False: lost, since too much is pending or the log cannot be written.
  bool write(std::string line);
  /// Waits until all that was written is in the file. For tests, and the end. Not on an executor.
  void flush();

 private:
  struct Impl;
  explicit LogFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::apiserver::audit
