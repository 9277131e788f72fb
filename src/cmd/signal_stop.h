#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <thread>

#include "runtime/reactor.h"

namespace coxswain::cmd {

/// SIGINT and SIGTERM become a stop request on the reactor; a second one ends the program at once.
/// SIGPIPE is ignored. Made before any other thread, so that all inherit the signal mask.
class SignalStop {
 public:
  explicit SignalStop(Reactor& reactor);
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  void wait();

  Reactor& reactor_;
  sigset_t set_{};
  std::stop_source source_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace coxswain::cmd
