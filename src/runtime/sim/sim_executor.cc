#include "runtime/sim/sim_executor.h"

#include <utility>

namespace coxswain::sim {

SimExecutor::~SimExecutor() {
  // Work may own tasks whose ends post again.
  for (int i = 0; i < 100 && !ready_.empty(); ++i) std::exchange(ready_, {}).clear();
}

void SimExecutor::post(UniqueFunction work) {
  ready_.push_back(std::move(work));
}

Executor::TimerId SimExecutor::schedule(MonotonicTime at, UniqueFunction work) {
  auto id = nextTimer_++;
  auto when = std::max(at, now_);
  timers_.emplace(std::pair(when, id), std::move(work));
  timerTimes_.emplace(id, when);
  return id;
}

bool SimExecutor::cancel(TimerId id) {
  auto it = timerTimes_.find(id);
  if (it == timerTimes_.end()) return false;
  timers_.erase({it->second, id});
  timerTimes_.erase(it);
  return true;
}

WallTime SimExecutor::wallNow() const {
  // 2026-01-01T00:00:00Z
  return WallTime(std::chrono::seconds(1767225600)) + now_.time_since_epoch() + asleep_;
}

bool SimExecutor::step(MonotonicTime end) {
  Scope scope(this);
  if (!ready_.empty()) {
    size_t index = shuffled_ ? random_.below(ready_.size()) : 0;
    if (index != 0) std::swap(ready_[0], ready_[index]);
    auto work = std::move(ready_.front());
    ready_.pop_front();
    work();
    return true;
  }
  if (timers_.empty() || timers_.begin()->first.first > end) return false;
  auto node = timers_.extract(timers_.begin());
  now_ = node.key().first;
  timerTimes_.erase(node.key().second);
  node.mapped()();
  return true;
}

bool SimExecutor::runUntilIdle(uint64_t stepsMax) {
  for (uint64_t i = 0; i < stepsMax; ++i) {
    if (!step(MonotonicTime::max())) return true;
  }
  return false;
}

void SimExecutor::runFor(Duration duration) {
  const auto end = now_ + duration;
  while (step(end)) {
  }
  now_ = end;
}

}  // namespace coxswain::sim
