#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/assert.h"
#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain {

/// Coroutines of one executor that wait to be told. The ground of Event, Semaphore and Channel.
class WaitList {
  struct Waiter {
    std::coroutine_handle<> handle;
    Executor* executor = nullptr;
    bool done = false;
    bool canceled = false;
    std::shared_ptr<Waiter> next = nullptr;
  };

 public:
  WaitList() = default;
  ~WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  class Awaiter {
   public:
    Awaiter(WaitList& list, std::stop_token stop) : list_(list), stop_(std::move(stop)) {}
    bool await_ready() { return stop_.stop_requested(); }
    void await_suspend(std::coroutine_handle<> handle) {
      waiter_ = std::make_shared<Waiter>();
      waiter_->handle = handle;
      waiter_->executor = Executor::current();
      COXSWAIN_ASSERT(waiter_->executor != nullptr);
      list_.add(waiter_);
      callback_.emplace(stop_, Cancel{waiter_});
    }
    /// Canceled, or success after a notify.
    Status await_resume() {
      callback_.reset();
      return !waiter_ || waiter_->canceled ? canceled() : Status();
    }

   private:
    struct Cancel {
      std::shared_ptr<Waiter> waiter;
      void operator()() const {
        // Any thread: the decision is made on the waiter's executor.
        waiter->executor->post([w = waiter] {
          if (w->done) return;
          w->done = w->canceled = true;
          w->handle.resume();
        });
      }
    };
    WaitList& list_;
    std::stop_token stop_;
    std::shared_ptr<Waiter> waiter_;
    std::optional<std::stop_callback<Cancel>> callback_;
  };

  [[nodiscard]] Awaiter wait(std::stop_token stop = {}) { return Awaiter(*this, std::move(stop)); }
  /// False: nobody waited.
  bool notifyOne();
  void notifyAll();

 private:
  void add(std::shared_ptr<Waiter> waiter);
  std::shared_ptr<Waiter> take();

  // A chain, first come first: there are many lists, and most are empty.
  std::shared_ptr<Waiter> first_;
  Waiter* last_ = nullptr;
};

/// A flag that coroutines wait for. One executor.
class Event {
 public:
  void set() {
    set_ = true;
    list_.notifyAll();
  }
  void reset() { set_ = false; }
  [[nodiscard]] bool isSet() const { return set_; }
  Task<Status> wait(std::stop_token stop = {});

 private:
  bool set_ = false;
  WaitList list_;
};

/// Counts permits. One executor.
class Semaphore {
 public:
  explicit Semaphore(size_t permits) : permits_(permits) {}
  Task<Status> acquire(std::stop_token stop = {});
  [[nodiscard]] bool tryAcquire();
  void release();
  [[nodiscard]] size_t available() const { return permits_; }

 private:
  size_t permits_;
  WaitList list_;
};

/// Background work of an owner: `enter` for each piece, `close` waits until all have left. One
/// executor.
class Gate {
 public:
  class Pass {
   public:
    Pass() = default;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_) gate_->leave();
    }
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    Gate* gate_ = nullptr;
  };

  /// An empty pass once the gate is closed.
  [[nodiscard]] Pass enter();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] size_t inside() const { return inside_; }
  Task<void> close();

 private:
  void leave();
  size_t inside_ = 0;
  bool closed_ = false;
  WaitList list_;
};

/// A bounded queue between coroutines of one executor. `push` waits while it is full.
template <typename T>
class Channel {
 public:
  explicit Channel(size_t lengthMax) : lengthMax_(lengthMax) {}

  /// False when full or closed.
  bool tryPush(T value) {
    if (closed_ || items_.size() >= lengthMax_) return false;
    items_.push_back(std::move(value));
    readers_.notifyOne();
    return true;
  }
  /// Canceled when stopped, EndOfStream when closed.
  Task<Status> push(T value, std::stop_token stop = {}) {
    while (!closed_ && items_.size() >= lengthMax_) {
      Status waited = co_await writers_.wait(stop);
      if (!waited.ok()) co_return waited;
    }
    if (closed_) co_return endOfStream();
    items_.push_back(std::move(value));
    readers_.notifyOne();
    co_return Status();
  }
  /// The oldest item; nullopt when stopped, or when closed and drained.
  Task<std::optional<T>> pop(std::stop_token stop = {}) {
    while (items_.empty()) {
      if (closed_) co_return std::nullopt;
      Status waited = co_await readers_.wait(stop);
      if (!waited.ok()) co_return std::nullopt;
    }
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    writers_.notifyOne();
    co_return item;
  }
  void close() {
    closed_ = true;
    readers_.notifyAll();
    writers_.notifyAll();
  }
  [[nodiscard]] size_t size() const { return items_.size(); }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  size_t lengthMax_;
  bool closed_ = false;
  std::deque<T> items_;
  WaitList readers_;
  WaitList writers_;
};

}  // namespace coxswain
