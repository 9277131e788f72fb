#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "runtime/reactor.h"

namespace coxswain::kubelet::logs {

/// Tells when a file is written, closed by its writer, or replaced by another of its name (inotify
/// on the file and on its folder). Where the kernel has no more watches to give, looks once a
/// second instead. One reactor.
class FileWatch {
 public:
  static Result<std::unique_ptr<FileWatch>> create(Reactor& reactor, const std::string& path);
  /// The one that looks.
  static std::unique_ptr<FileWatch> withoutEvents(const std::string& path);

  /// Ends at the next change, or with success after `limit`. Changes since the last call count, so
  /// none is missed between reading and waiting. Canceled.
  Task<Status> wait(Duration limit, std::stop_token stop);
  /// A writer has closed the file since the last call.
  bool takeClosed() { return std::exchange(closed_, false); }
  /// Watches the file that has the name now (after it was replaced).
  void renew();

 private:
  explicit FileWatch(std::unique_ptr<Reactor::Descriptor> descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}
  /// True: something that matters happened.
  bool drain();
  std::unique_ptr<Reactor::Descriptor> descriptor_;  ///< null: none to be had
  std::string path_;
  int fileWatch_ = -1;
  bool closed_ = false;
};

}  // namespace coxswain::kubelet::logs
