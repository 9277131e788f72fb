#pragma once

#include <memory>
#include <stop_token>

#include "base/result.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain {

/// The executor of a real thread: work, timers and file descriptors (epoll, by Boost.Asio). Whoever
/// calls run() lends it the thread.
class Reactor final : public Executor {
 public:
  Reactor();
  ~Reactor() override;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Returns after stop(). Once.
  void run();
  /// Any thread. Pending work is dropped.
  void stop();

  void post(UniqueFunction work) override;
  TimerId schedule(MonotonicTime at, UniqueFunction work) override;
  bool cancel(TimerId id) override;
  [[nodiscard]] MonotonicTime now() const override;
  [[nodiscard]] WallTime wallNow() const override;

  /// A non-blocking file descriptor whose readiness this reactor watches. Owns the descriptor.
  /// Every method on this reactor's thread. One waiter for each direction.
  class Descriptor {
   public:
    /// `fd` is made non-blocking.
    static Result<std::unique_ptr<Descriptor>> create(Reactor& reactor, int fd);
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int fd() const;
    /// Canceled when stopped or closed.
    Task<Status> waitReadable(std::stop_token stop);
    Task<Status> waitWritable(std::stop_token stop);
    /// Ends the waits; closes the descriptor.
    void close();

   private:
    struct Impl;
    explicit Descriptor(std::shared_ptr<Impl> impl);
    Task<Status> wait(bool writable, std::stop_token stop);
    std::shared_ptr<Impl> impl_;
  };

 private:
  class Timers;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Runs `task` to its end on a reactor of its own in this thread: for main functions and tests.
template <typename T>
T blockOn(Reactor& reactor, Task<T> task);

}  // namespace coxswain

#include "runtime/block_on.inl.h"
