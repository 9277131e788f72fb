#pragma once

#include <signal.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "runtime/reactor.h"
#include "streaming/session.h"

namespace coxswain::cli {

bool isTerminal(int fd);
/// Nullopt: not a terminal.
std::optional<streaming::TerminalSize> terminalSize(int fd);

/// A terminal that passes every key on, until destruction. Restored too when SIGTERM or SIGHUP ends
/// the program meanwhile.
class RawTerminal {
 public:
  static Result<std::unique_ptr<RawTerminal>> enter(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  RawTerminal() = default;
};

/// Tells of signals, which do nothing else from then on. Made before threads that shall leave them
/// to it. One reactor.
class SignalWatch {
 public:
  static Result<std::unique_ptr<SignalWatch>> create(Reactor& reactor, std::vector<int> signals);
  /// The number of the next one. Canceled.
  Task<Result<int>> next(std::stop_token stop);

 private:
  explicit SignalWatch(std::unique_ptr<Reactor::Descriptor> descriptor)
      : descriptor_(std::move(descriptor)) {}
  std::unique_ptr<Reactor::Descriptor> descriptor_;
};

}  // namespace coxswain::cli
