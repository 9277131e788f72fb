#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/assert.h"
#include "runtime/executor.h"

namespace coxswain {

/// One value from any thread to one waiting coroutine: the bridge from callbacks. Copies share the
/// state. The first `set` wins; later ones are dropped.
///
///     OneShot<Status> done;
///     writer.submit(std::move(batch), [done](Status s) mutable { done.set(std::move(s)); });
///     std::optional<Status> status = co_await done.wait(stop);   // nullopt: stopped first
template <typename T>
class OneShot {
  struct State {
    std::mutex mutex;
    std::optional<T> value;
    bool finished = false;  // set, or given up
    std::coroutine_handle<> waiter;
    Executor* executor = nullptr;
  };

 public:
  OneShot() : state_(std::make_shared<State>()) {}

  /// Any thread.
  void set(T value) {
    std::unique_lock lock(state_->mutex);
    if (state_->finished) return;
    state_->finished = true;
    state_->value.emplace(std::move(value));
    auto waiter = std::exchange(state_->waiter, nullptr);
    auto* executor = state_->executor;
    lock.unlock();
    if (waiter) executor->resume(waiter);
  }

  class Awaiter {
   public:
    Awaiter(std::shared_ptr<State> state, std::stop_token stop)
        : state_(std::move(state)), stop_(std::move(stop)) {}
    bool await_ready() {
      std::lock_guard lock(state_->mutex);
      return state_->finished;
    }
    bool await_suspend(std::coroutine_handle<> handle) {
      {
        std::lock_guard lock(state_->mutex);
        if (state_->finished) return false;
        state_->executor = Executor::current();
        COXSWAIN_ASSERT(state_->executor != nullptr);
        state_->waiter = handle;
      }
      // Runs at once where stop was requested already; the resumption is posted, so this frame is
      // still whole then.
      callback_.emplace(stop_, GiveUp{state_});
      return true;
    }
    std::optional<T> await_resume() {
      callback_.reset();
      std::lock_guard lock(state_->mutex);
      return std::move(state_->value);
    }

   private:
    struct GiveUp {
      std::shared_ptr<State> state;
      void operator()() const {
        std::unique_lock lock(state->mutex);
        if (state->finished) return;
        state->finished = true;
        auto waiter = std::exchange(state->waiter, nullptr);
        auto* executor = state->executor;
        lock.unlock();
        if (waiter) executor->resume(waiter);
      }
    };
    std::shared_ptr<State> state_;
    std::stop_token stop_;
    std::optional<std::stop_callback<GiveUp>> callback_;
  };

  /// On any executor; one waiter. Nullopt when `stop` was requested first.
  [[nodiscard]] Awaiter wait(std::stop_token stop = {}) const {
    return Awaiter(state_, std::move(stop));
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace coxswain
