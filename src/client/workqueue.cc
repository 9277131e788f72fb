#include "client/workqueue.h"

#include <algorithm>
#include <cmath>

namespace coxswain::client {

WorkQueue::WorkQueue(Executor& executor, Options options)
    : executor_(executor), options_(options), tokens_(options.burst), tokensAt_(executor.now()) {}

WorkQueue::~WorkQueue() {
  if (timer_) executor_.cancel(*timer_);
}

void WorkQueue::add(const std::string& key) {
  if (shutDown_ || !dirty_.insert(key).second) return;
  if (processing_.contains(key)) return;
  queue_.push_back(key);
  ready_.notifyOne();
}

void WorkQueue::addAfter(const std::string& key, Duration delay) {
  if (shutDown_) return;
  if (delay <= Duration::zero()) {
    add(key);
    return;
  }
  const MonotonicTime at = executor_.now() + delay;
  auto [known, isNew] = times_.try_emplace(key, at);
  if (!isNew) {
    if (known->second <= at) return;
    delayed_.erase({known->second, key});
    known->second = at;
  }
  delayed_.emplace(at, key);
  setTimer();
}

void WorkQueue::addRateLimited(const std::string& key) {
  const int failures = failures_[key]++;
  const double factor = std::pow(2.0, std::min(failures, 60));
  const double wanted = static_cast<double>(options_.baseDelay.count()) * factor;
  const auto most = static_cast<double>(options_.maxDelay.count());
  const Duration delay(static_cast<int64_t>(std::min(wanted, most)));
  addAfter(key, std::max(delay, bucketDelay()));
}

int WorkQueue::failures(const std::string& key) const {
  auto at = failures_.find(key);
  return at == failures_.end() ? 0 : at->second;
}

Duration WorkQueue::bucketDelay() {
  if (options_.perSecond <= 0) return Duration::zero();
  const MonotonicTime now = executor_.now();
  const double passed = std::chrono::duration<double>(now - tokensAt_).count();
  tokensAt_ = now;
  tokens_ = std::min(options_.burst, tokens_ + passed * options_.perSecond) - 1;
  if (tokens_ >= 0) return Duration::zero();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(-tokens_ / options_.perSecond));
}

Task<std::optional<std::string>> WorkQueue::get(std::stop_token stop) {
  while (queue_.empty()) {
    if (shutDown_) co_return std::nullopt;
    Status waited = co_await ready_.wait(stop);
    if (!waited.ok()) co_return std::nullopt;
  }
  if (stop.stop_requested()) {
    ready_.notifyOne();
    co_return std::nullopt;
  }
  std::string key = std::move(queue_.front());
  queue_.pop_front();
  dirty_.erase(key);
  processing_.insert(key);
  co_return key;
}

void WorkQueue::done(const std::string& key) {
  processing_.erase(key);
  if (dirty_.contains(key)) {
    queue_.push_back(key);
    ready_.notifyOne();
  }
}

void WorkQueue::shutDown() {
  shutDown_ = true;
  delayed_.clear();
  times_.clear();
  if (timer_) executor_.cancel(*timer_);
  timer_.reset();
  ready_.notifyAll();
}

void WorkQueue::setTimer() {
  if (delayed_.empty()) return;
  const MonotonicTime first = delayed_.begin()->first;
  if (timer_) {
    if (timerAt_ <= first) return;
    executor_.cancel(*timer_);
  }
  timerAt_ = first;
  timer_ = executor_.schedule(first, [this] { onTimer(); });
}

void WorkQueue::onTimer() {
  timer_.reset();
  const MonotonicTime now = executor_.now();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    std::string key = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    times_.erase(key);
    add(key);
  }
  setTimer();
}

}  // namespace coxswain::client
