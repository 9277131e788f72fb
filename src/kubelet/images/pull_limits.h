#pragma once

#include <map>
#include <string>

#include "base/time.h"
#include "runtime/executor.h"

namespace coxswain::kubelet {

/// When a pull that failed may be tried again: 10 s, doubling to 5 minutes; forgotten after twice
/// the longest wait. Upstream: client-go/util/flowcontrol/backoff.go.
class PullBackoff {
 public:
  PullBackoff(Executor& executor, Duration shortest, Duration longest)
      : executor_(executor), shortest_(shortest), longest_(longest) {}

  /// 0: now.
  [[nodiscard]] Duration left(const std::string& key) const;
  /// "ErrImagePull: why".
  [[nodiscard]] std::string lastFailure(const std::string& key) const;
  void failed(const std::string& key, std::string why);
  void succeeded(const std::string& key);
  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Duration wait{};
    MonotonicTime since{};
    std::string why;
  };
  void dropOld();

  Executor& executor_;
  Duration shortest_;
  Duration longest_;
  std::map<std::string, Entry> entries_;
};

/// Tokens of registryPullQPS and registryBurst; a rate of 0 is no limit.
class PullRate {
 public:
  PullRate(Executor& executor, double perSecond, int burst)
      : executor_(executor), perSecond_(perSecond), burst_(burst), tokens_(burst) {}
  bool take();

 private:
  Executor& executor_;
  double perSecond_;
  double burst_;
  double tokens_;
  MonotonicTime at_{};
};

}  // namespace coxswain::kubelet
