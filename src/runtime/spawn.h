#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "runtime/executor.h"
#include "runtime/one_shot.h"
#include "runtime/task.h"

namespace coxswain {

/// Starts `task` on `executor` (any thread may call). Nobody waits for it: its owner keeps a Gate
/// pass inside the task, or awaits something the task completes.
void spawn(Executor& executor, Task<void> task);

/// Runs the tasks on the current executor, each in turns with the others; ends when all have.
Task<void> whenAll(std::vector<Task<void>> tasks);

namespace detail {
template <typename T>
Task<void> finishInto(Task<T> task, OneShot<T> result) {
  result.set(co_await std::move(task));
}
}  // namespace detail

/// Starts `task` on another executor and waits for its result on the current one.
template <typename T>
Task<T> runOn(Executor& executor, Task<T> task) {
  OneShot<T> result;
  spawn(executor, detail::finishInto(std::move(task), result));
  std::optional<T> value = co_await result.wait();
  co_return std::move(*value);
}

namespace detail {
inline Task<bool> endOf(Task<void> task) {
  co_await std::move(task);
  co_return true;
}
}  // namespace detail

inline Task<void> runOn(Executor& executor, Task<void> task) {
  auto ended = detail::endOf(std::move(task));
  co_await runOn(executor, std::move(ended));
}

/// Canceled when stopped before `duration` is over.
Task<Status> sleepFor(Duration duration, std::stop_token stop = {});

/// A stop token that is requested when the parent's is, or when time is up. Lives in the frame
/// of a coroutine; belongs to the current executor.
///
///     Deadline deadline(5s, stop);
///     auto reply = co_await call(deadline.token());
///     if (deadline.expired()) ...
class Deadline {
 public:
  Deadline(Duration after, const std::stop_token& parent);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  /// Time was up before the parent stopped.
  [[nodiscard]] bool expired() const { return *expired_; }

 private:
  struct Forward {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  Executor& executor_;
  std::stop_source source_;
  std::shared_ptr<bool> expired_;
  Executor::TimerId timer_;
  std::stop_callback<Forward> forward_;
};

}  // namespace coxswain
