#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "runtime/executor.h"
#include "runtime/random.h"

namespace coxswain::sim {

/// Runs everything in one thread under virtual time: when no work is left, the clock jumps to the
/// next timer. With a seed, ready work runs in a random but repeatable order.
class SimExecutor final : public Executor {
 public:
  /// Work in order of posting.
  SimExecutor() = default;
  /// Ready work in an order drawn from `seed`.
  explicit SimExecutor(uint64_t seed) : random_(seed), shuffled_(true) {}
  ~SimExecutor() override;

  void post(UniqueFunction work) override;
  TimerId schedule(MonotonicTime at, UniqueFunction work) override;
  bool cancel(TimerId id) override;
  [[nodiscard]] MonotonicTime now() const override { return now_; }
  [[nodiscard]] WallTime wallNow() const override;
  /// The machine was suspended: the wall clock goes on, timers and the monotonic clock do not.
  void suspend(Duration duration) { asleep_ += duration; }

  /// Timers that wait, and work that is ready: what somebody who has stopped has left.
  [[nodiscard]] size_t timers() const { return timers_.size(); }
  [[nodiscard]] size_t ready() const { return ready_.size(); }

  /// Until neither work nor timers are left. False: still busy after `stepsMax` pieces of work.
  bool runUntilIdle(uint64_t stepsMax = 10'000'000);
  /// Until virtual time has advanced by `duration`.
  void runFor(Duration duration);
  /// Until `condition()` holds, or time has advanced by `limit`: then false.
  template <typename F>
  bool runUntil(F condition, Duration limit) {
    const auto end = now_ + limit;
    while (!condition()) {
      if (!step(end)) return condition();
    }
    return true;
  }

 private:
  bool step(MonotonicTime end);
  struct Timer {
    TimerId id;
    UniqueFunction work;
  };
  MonotonicTime now_{};
  Duration asleep_{};
  TimerId nextTimer_ = 1;
  std::deque<UniqueFunction> ready_;
  std::map<std::pair<MonotonicTime, TimerId>, UniqueFunction> timers_;
  std::map<TimerId, MonotonicTime> timerTimes_;
  SeededRandom random_{0};
  bool shuffled_ = false;
};

}  // namespace coxswain::sim
