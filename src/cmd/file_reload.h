#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/reactor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// Tells of files that changed, for as long as they are there. One reactor.
class FileReload {
 public:
  /// Whatever the change was: read again, and keep what there was where it is no good.
  using Changed = std::function<void()>;

  explicit FileReload(Reactor& reactor) : reactor_(reactor) {}
  /// `file` may be a link into a folder that is replaced as a whole, as in volumes of pods.
  void watch(const std::string& file, Changed changed);
  Task<void> stop();

 private:
  Task<void> follow(std::string folder, Changed changed, Gate::Pass pass);

  Reactor& reactor_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::cmd
