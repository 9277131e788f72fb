#pragma once

#include <map>
#include <string>

#include "base/time.h"

namespace coxswain::kubelet {

/// CrashLoopBackOff: the first restart is at once, the next ones wait 10 s, 20 s, ... after the end
/// of the last run, at most `max`; a container that ran for twice `max` begins anew. Keys are
/// "uid/container/hash". One executor. Upstream: client-go/util/flowcontrol/backoff.go.
class RestartBackoff {
 public:
  explicit RestartBackoff(Duration max, Duration initial = 10s) : initial_(initial), max_(max) {}

  /// How long a container that ended at `finished` has to wait still; 0: it may start. `now` and
  /// `finished` of the wall clock, as the runtime's times are.
  [[nodiscard]] Duration left(const std::string& key, WallTime finished, WallTime now) const;
  /// The delay that is in force, for texts.
  [[nodiscard]] Duration current(const std::string& key) const;
  /// It is started again.
  void restarted(const std::string& key, WallTime now);
  /// Of every container of a pod.
  void forgetPod(const std::string& uid);

 private:
  struct Entry {
    Duration delay{};
    WallTime updated{};
  };
  Duration initial_;
  Duration max_;
  std::map<std::string, Entry> entries_;
};

}  // namespace coxswain::kubelet
