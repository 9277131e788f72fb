#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>

#include "net/stream.h"

namespace coxswain::net::testing {

/// A TCP port of 127.0.0.1 for a server that starts next; 0: none is free. It lies below the ports
/// that the kernel gives to those who ask for any, so nobody gets it between now and then; tests in
/// other processes begin to look elsewhere. Where a server can take port 0 and tell, let it.
inline uint16_t freePort(Reactor& reactor) {
  constexpr unsigned kFirst = 11000;
  constexpr unsigned kCount = 16000;
  static unsigned next = static_cast<unsigned>(::getpid()) * 17;
  for (unsigned tried = 0; tried < kCount; ++tried) {
    const auto port = static_cast<uint16_t>(kFirst + next++ % kCount);
    if (Listener::listen(reactor, "127.0.0.1:" + std::to_string(port)).ok()) return port;
  }
  return 0;
}

}  // namespace coxswain::net::testing
