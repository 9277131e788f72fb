#include "runtime/reactor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/one_shot.h"

namespace coxswain {

namespace asio = boost::asio;
using TimePoint = std::chrono::steady_clock::time_point;

/// What is to run at a time: there are as many as watches and connections, so one timer of Asio's
/// serves all.
class Reactor::Timers {
 public:
  /// Neither is used before the reactor is complete, nor after `close`.
  Timers(asio::io_context& context, asio::steady_timer& timer) : context_(context), timer_(timer) {}
  ~Timers() {
    // Whose end cancels others finds none.
    const auto work = std::exchange(work_, {});
  }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  /// Nothing runs any more.
  void close() { armed_ = TimePoint::min(); }

  TimerId add(TimePoint at, UniqueFunction work) {
    const auto id = next_++;
    work_.emplace(id, std::move(work));
    due_.push_back({at, id});
    std::push_heap(due_.begin(), due_.end());
    if (at < armed_) arm(at);
    return id;
  }
  bool cancel(TimerId id) {
    auto found = work_.find(id);
    if (found == work_.end()) return false;
    const auto work = std::move(found->second);  // its end may come back here
    work_.erase(found);
    if (due_.size() > kStaleMax && due_.size() > 2 * work_.size()) dropStale();
    return true;
  }

 private:
  static constexpr size_t kStaleMax = 64;
  struct Due {
    TimePoint at;
    TimerId id;
    /// The heap's top is the next.
    bool operator<(const Due& other) const {
      return at != other.at ? at > other.at : id > other.id;
    }
  };

  void arm(TimePoint at) {
    armed_ = at;
    timer_.expires_at(at);  // ends the wait before
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) run();
    });
  }
  void run() {
    armed_ = TimePoint::max();
    const auto now = std::chrono::steady_clock::now();
    while (!due_.empty() && !context_.stopped()) {
      const auto next = due_.front();
      const auto found = work_.find(next.id);
      if (found != work_.end() && next.at > now) {
        if (next.at < armed_) arm(next.at);
        return;
      }
      std::pop_heap(due_.begin(), due_.end());
      due_.pop_back();
      if (found == work_.end()) continue;  // canceled
      auto work = std::move(found->second);
      work_.erase(found);
      work();
    }
  }
  void dropStale() {
    std::erase_if(due_, [this](const Due& due) { return !work_.contains(due.id); });
    std::make_heap(due_.begin(), due_.end());
  }

  asio::io_context& context_;
  asio::steady_timer& timer_;
  TimePoint armed_ = TimePoint::max();
  TimerId next_ = 1;
  std::vector<Due> due_;  ///< a heap; those that were canceled stay until they are due
  std::unordered_map<TimerId, UniqueFunction> work_;
};

struct Reactor::Impl {
  /// Calls of other threads that are still inside post or stop. What they brought may already have
  /// run and ended the reactor's owner, so the destructor waits for them.
  std::atomic<int> callers = 0;
  /// What the context still holds may cancel timers when it goes.
  Timers timers{context, timer};
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  asio::steady_timer timer{context};

  ~Impl() { timers.close(); }
};

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {}

Reactor::~Reactor() {
  while (impl_->callers.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void Reactor::run() {
  Scope scope(this);
  impl_->context.run();
}

namespace {

/// Counts a call for as long as it may touch the reactor.
class Inside {
 public:
  explicit Inside(std::atomic<int>& callers) : callers_(callers) {
    callers_.fetch_add(1, std::memory_order_acquire);
  }
  ~Inside() { callers_.fetch_sub(1, std::memory_order_release); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  std::atomic<int>& callers_;
};

}  // namespace

void Reactor::stop() {
  Inside inside(impl_->callers);
  impl_->context.stop();
}

void Reactor::post(UniqueFunction work) {
  Inside inside(impl_->callers);
  asio::post(impl_->context, [w = std::move(work)]() mutable { w(); });
}

Executor::TimerId Reactor::schedule(MonotonicTime at, UniqueFunction work) {
  // steady_clock and now() read the same clock, CLOCK_MONOTONIC.
  const TimePoint when(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch()));
  return impl_->timers.add(when, std::move(work));
}

bool Reactor::cancel(TimerId id) {
  return impl_->timers.cancel(id);
}

MonotonicTime Reactor::now() const {
  return MonotonicTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallTime Reactor::wallNow() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

struct Reactor::Descriptor::Impl {
  explicit Impl(asio::io_context& context, int fd) : descriptor(context, fd), number(fd) {}
  asio::posix::stream_descriptor descriptor;
  int number;
};

Reactor::Descriptor::Descriptor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reactor::Descriptor::~Descriptor() {
  close();
}

Result<std::unique_ptr<Reactor::Descriptor>> Reactor::Descriptor::create(Reactor& reactor, int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    auto status = errnoStatus("fcntl", errno);
    ::close(fd);
    return status;
  }
  try {
    return std::unique_ptr<Descriptor>(
        new Descriptor(std::make_shared<Impl>(reactor.impl_->context, fd)));
  } catch (const boost::system::system_error& e) {
    ::close(fd);
    return errnoStatus("epoll", e.code().value());
  }
}

int Reactor::Descriptor::fd() const {
  return impl_->number;
}

Task<Status> Reactor::Descriptor::waitReadable(std::stop_token stop) {
  return wait(false, std::move(stop));
}
Task<Status> Reactor::Descriptor::waitWritable(std::stop_token stop) {
  return wait(true, std::move(stop));
}

Task<Status> Reactor::Descriptor::wait(bool writable, std::stop_token stop) {
  auto impl = impl_;
  if (!impl->descriptor.is_open()) co_return canceled();
  OneShot<Status> ready;
  impl->descriptor.async_wait(
      writable ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read,
      [ready](boost::system::error_code error) mutable {
        ready.set(!error                                    ? Status()
                  : error == asio::error::operation_aborted ? canceled()
                                                            : errnoStatus("poll", error.value()));
      });
  // A wait that was given up stays with the descriptor until it is ready or closed; its answer
  // then goes nowhere.
  std::optional<Status> status = co_await ready.wait(stop);
  co_return status ? std::move(*status) : canceled();
}

void Reactor::Descriptor::close() {
  boost::system::error_code ignored;
  if (impl_->descriptor.is_open()) impl_->descriptor.close(ignored);
}

}  // namespace coxswain
