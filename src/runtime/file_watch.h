#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain {

/// Tells that something in a folder changed (a file written and closed, made, moved, removed), not
/// what: look again. One executor.
class FileWatch {
 public:
  virtual ~FileWatch() = default;
  /// Returns after changes since the last call (or since it was made), all of them as one. NotFound
  /// once the folder itself is gone, then nothing more; Canceled.
  virtual Task<Status> changed(std::stop_token stop) = 0;
};

class FileWatches {
 public:
  virtual ~FileWatches() = default;
  /// NotFound.
  virtual Result<std::unique_ptr<FileWatch>> watchFolder(const std::string& path) = 0;
};

/// inotify.
class SystemFileWatches final : public FileWatches {
 public:
  explicit SystemFileWatches(Reactor& reactor) : reactor_(reactor) {}
  Result<std::unique_ptr<FileWatch>> watchFolder(const std::string& path) override;

 private:
  Reactor& reactor_;
};

}  // namespace coxswain
