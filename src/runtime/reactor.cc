#include "runtime/reactor.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <thread>
#include <unordered_map>

#include "runtime/one_shot.h"

namespace coxswain {

namespace asio = boost::asio;

struct Reactor::Impl {
  /// Calls of other threads that are still inside post or stop. What they brought may already have
  /// run and ended the reactor's owner, so the destructor waits for them.
  std::atomic<int> callers = 0;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  TimerId nextTimer = 1;
  std::unordered_map<TimerId, asio::steady_timer> timers;
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
  auto id = impl_->nextTimer++;
  // steady_clock and now() read the same clock, CLOCK_MONOTONIC.
  auto when = std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch()));
  auto [it, added] = impl_->timers.try_emplace(id, impl_->context, when);
  it->second.async_wait([this, id, w = std::move(work)](boost::system::error_code error) mutable {
    if (error || impl_->timers.erase(id) == 0) return;
    w();
  });
  return id;
}

bool Reactor::cancel(TimerId id) {
  return impl_->timers.erase(id) > 0;
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
