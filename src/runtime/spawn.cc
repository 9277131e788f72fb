#include "runtime/spawn.h"

#include <memory>

#include "base/assert.h"

namespace coxswain {
namespace {

/// A coroutine that frees itself when it ends.
struct Detached {
  struct promise_type {
    Detached get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    /// Suspends and destroys by hand: with suspend_never, clang 16 from -O1 on leaves out the
    /// destructors of parameters, and with them the task's whole frame.
    struct DestroySelf {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> self) noexcept { self.destroy(); }
      void await_resume() noexcept {}
    };
    DestroySelf final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Detached detach(Task<void> task) {
  co_await std::move(task);
}

/// Destroys the frame of a task that its executor never got to.
struct Start {
  explicit Start(std::coroutine_handle<> h) : handle(h) {}
  Start(Start&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Start& operator=(Start&&) = delete;
  ~Start() {
    if (handle) handle.destroy();
  }
  void operator()() { std::exchange(handle, nullptr).resume(); }
  std::coroutine_handle<> handle;
};

Task<void> countDown(Task<void> task, std::shared_ptr<size_t> left, OneShot<bool> done) {
  co_await std::move(task);
  if (--*left == 0) done.set(true);
}

}  // namespace

void spawn(Executor& executor, Task<void> task) {
  executor.post(Start(detach(std::move(task)).handle));
}

Task<void> whenAll(std::vector<Task<void>> tasks) {
  if (tasks.empty()) co_return;
  auto left = std::make_shared<size_t>(tasks.size());
  OneShot<bool> done;
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  for (auto& task : tasks) spawn(*executor, countDown(std::move(task), left, done));
  co_await done.wait();
}

Task<Status> sleepFor(Duration duration, std::stop_token stop) {
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  OneShot<bool> done;
  auto timer = executor->schedule(executor->now() + duration, [done]() mutable { done.set(true); });
  std::optional<bool> slept = co_await done.wait(stop);
  if (!slept) {
    executor->cancel(timer);
    co_return canceled();
  }
  co_return Status();
}

namespace {
Executor& currentExecutor() {
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  return *executor;
}
}  // namespace

Deadline::Deadline(Duration after, const std::stop_token& parent)
    : executor_(currentExecutor()),
      expired_(std::make_shared<bool>(false)),
      timer_(executor_.schedule(executor_.now() + after,
                                [source = source_, expired = expired_]() mutable {
                                  if (source.stop_requested()) return;
                                  *expired = true;
                                  source.request_stop();
                                })),
      forward_(parent, Forward{source_}) {}

Deadline::~Deadline() {
  executor_.cancel(timer_);
}

}  // namespace coxswain
