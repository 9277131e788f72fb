#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/task.h"
#include "streaming/outcome.h"

/// Remote commands (exec, attach): what the two ends of a session can do, whatever carries it.
/// Upstream: client-go tools/remotecommand, kubelet/pkg/cri/streaming/remotecommand.
namespace coxswain::streaming {

/// Which streams a session has. With a tty, standard error is part of standard output.
struct StreamSet {
  bool stdin_ = false;
  bool stdout_ = false;
  bool stderr_ = false;
  bool tty = false;
  bool operator==(const StreamSet&) const = default;
};

/// Of a terminal, in characters.
struct TerminalSize {
  uint16_t width = 0;
  uint16_t height = 0;
  bool operator==(const TerminalSize&) const = default;
};

/// The end that runs the command. All methods on the executor it was made on; one reader for each
/// input, any number of writers. close() is awaited before it is destroyed.
class ServerSession {
 public:
  virtual ~ServerSession() = default;

  [[nodiscard]] virtual const StreamSet& streams() const = 0;
  /// The next piece; empty when the client closed it (or has none). Unreachable: the client is
  /// gone.
  virtual Task<Result<std::string>> readStdin(std::stop_token stop) = 0;
  /// Nullopt when there will be none.
  virtual Task<std::optional<TerminalSize>> nextResize(std::stop_token stop) = 0;
  /// Wait while the client is slow. `data` outlives the task.
  virtual Task<Status> writeStdout(std::string_view data, std::stop_token stop) = 0;
  virtual Task<Status> writeStderr(std::string_view data, std::stop_token stop) = 0;
  /// The end: half-closes the outputs, says how the command ended, and hangs up when the client has
  /// read it all (or after some seconds).
  virtual Task<Status> finish(Outcome outcome, std::stop_token stop) = 0;
  /// Requested when the connection has ended.
  [[nodiscard]] virtual std::stop_token gone() const = 0;
  virtual Task<void> close() = 0;
};

/// The end that wants a command run. Same rules.
class ClientSession {
 public:
  virtual ~ClientSession() = default;

  [[nodiscard]] virtual const StreamSet& streams() const = 0;
  virtual Task<Status> writeStdin(std::string_view data, std::stop_token stop) = 0;
  /// Half-closes standard input. Without effect where the protocol cannot (before v5 of WebSocket).
  virtual Task<Status> closeStdin(std::stop_token stop) = 0;
  virtual Task<Status> resize(TerminalSize size, std::stop_token stop) = 0;
  /// The next piece; empty at its end.
  virtual Task<Result<std::string>> readStdout(std::stop_token stop) = 0;
  virtual Task<Result<std::string>> readStderr(std::stop_token stop) = 0;
  /// How the command ended; waits for it. Canceled; Unreachable when the connection broke before.
  /// The outputs must be read meanwhile, else the peer may wait for ever.
  virtual Task<Result<Outcome>> outcome(std::stop_token stop) = 0;
  virtual Task<void> close() = 0;
};

/// Bytes of output that are read at a time and kept at most for each direction of a session.
inline constexpr size_t kPieceBytes = 32 * 1024;
inline constexpr size_t kQueueBytesMax = 256 * 1024;

}  // namespace coxswain::streaming
