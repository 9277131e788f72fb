#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::client {

/// Keys to look at. A key is in the queue at most once, and given to one worker at a time: what is
/// added while its worker is busy comes again after `done`. One executor; destroy it there, after
/// its workers have left.
/// Upstream: client-go/util/workqueue.
class WorkQueue {
 public:
  struct Options {
    /// addRateLimited waits baseDelay * 2^failures of the key, at most maxDelay ...
    Duration baseDelay = 5ms;
    Duration maxDelay = 1000s;
    /// ... and at least until all keys together stay below this rate. 0: no such limit.
    double perSecond = 10;
    double burst = 100;
  };

  explicit WorkQueue(Executor& executor) : WorkQueue(executor, Options()) {}
  WorkQueue(Executor& executor, Options options);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void add(const std::string& key);
  /// Waiting already: the earlier time counts.
  void addAfter(const std::string& key, Duration delay);
  void addRateLimited(const std::string& key);
  /// The key went well: its next failure is its first.
  void forget(const std::string& key) { failures_.erase(key); }
  [[nodiscard]] int failures(const std::string& key) const;

  /// The next key, which is then the caller's until `done`. Empty: stopped, or shut down and
  /// drained.
  Task<std::optional<std::string>> get(std::stop_token stop = {});
  void done(const std::string& key);
  /// No more keys; what waits for its time is dropped.
  void shutDown();

  [[nodiscard]] size_t size() const { return queue_.size(); }
  [[nodiscard]] size_t waiting() const { return times_.size(); }

 private:
  void setTimer();
  void onTimer();
  Duration bucketDelay();

  Executor& executor_;
  Options options_;
  std::deque<std::string> queue_;
  std::unordered_set<std::string> dirty_;
  std::unordered_set<std::string> processing_;
  std::unordered_map<std::string, int> failures_;
  std::set<std::pair<MonotonicTime, std::string>> delayed_;
  std::unordered_map<std::string, MonotonicTime> times_;
  std::optional<Executor::TimerId> timer_;
  MonotonicTime timerAt_{};
  double tokens_ = 0;
  MonotonicTime tokensAt_{};
  bool shutDown_ = false;
  WaitList ready_;
};

}  // namespace coxswain::client
