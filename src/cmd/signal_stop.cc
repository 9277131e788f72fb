#include "cmd/signal_stop.h"

#include <pthread.h>

#include <cstdlib>

namespace coxswain::cmd {

SignalStop::SignalStop(Reactor& reactor) : reactor_(reactor) {
  ::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  thread_ = std::thread([this] { wait(); });
}

SignalStop::~SignalStop() {
  done_ = true;
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalStop::wait() {
  int number = 0;
  while (::sigwait(&set_, &number) == 0 && !done_) {
    if (source_.stop_requested()) std::_Exit(130);
    reactor_.post([source = source_]() mutable { source.request_stop(); });
  }
}

}  // namespace coxswain::cmd
