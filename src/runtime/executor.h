#pragma once

#include <coroutine>
#include <cstdint>

#include "base/time.h"
#include "runtime/unique_function.h"

namespace coxswain {

/// Runs work one piece at a time, in the order of posting. Every piece of state belongs to one
/// executor; coroutines stay on the one they were started on, whoever completes what they wait for.
/// Implementations: Reactor (a thread with sockets and timers), SimExecutor (virtual time).
class Executor {
 public:
  using TimerId = uint64_t;

  virtual ~Executor() = default;

  /// Any thread. Work posted after the executor has stopped is dropped unrun.
  virtual void post(UniqueFunction work) = 0;
  void resume(std::coroutine_handle<> handle) {
    post([handle] { handle.resume(); });
  }

  /// Runs `work` at `at` or soon after. On this executor only.
  virtual TimerId schedule(MonotonicTime at, UniqueFunction work) = 0;
  /// True: the work will not run. On this executor only.
  virtual bool cancel(TimerId id) = 0;

  /// Any thread.
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual WallTime wallNow() const = 0;

  /// The executor whose work this thread is running; null outside.
  static Executor* current();

 protected:
  /// Marks the thread as running this executor's work.
  class Scope {
   public:
    explicit Scope(Executor* executor);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Executor* previous_;
  };
};

}  // namespace coxswain
