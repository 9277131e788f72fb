#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::net {

/// What a TLS handshake found out. Certificates are DER, leaf first.
struct TlsInfo {
  std::string alpn;        ///< "h2", "http/1.1" or empty
  std::string serverName;  ///< SNI; empty: not sent
  std::vector<std::string> peerCertificates;
  bool peerVerified = false;  ///< the chain leads to a configured CA
  std::string verifyError;    ///< why not
};

/// A connection that carries bytes both ways. One reader and one writer at a time, on the executor
/// it was made on.
class Stream {
 public:
  virtual ~Stream() = default;

  /// At least one byte, or 0 at the peer's end of stream. Canceled, Unreachable. A canceled read
  /// lost nothing.
  virtual Task<Result<size_t>> read(std::span<char> buffer, std::stop_token stop) = 0;
  /// All of `data`. After a failure (Canceled too) the stream can only be closed. `data` outlives
  /// the task.
  virtual Task<Status> write(std::string_view data, std::stop_token stop) = 0;
  /// Tells the peer that nothing follows; reading goes on.
  virtual Task<Status> shutdownWrite(std::stop_token stop) = 0;
  /// Ends waits with Canceled. Idempotent.
  virtual void close() = 0;
  /// From now on a write fails (Unreachable) when the peer has taken nothing for so long; 0, as at
  /// first: never.
  virtual void limitStalls(Duration longest) {}

  /// "10.0.0.1:4711", "[::1]:4711" or "unix:".
  [[nodiscard]] virtual std::string peerAddress() const { return {}; }
  [[nodiscard]] virtual std::string localAddress() const { return {}; }
  /// Null: not TLS.
  [[nodiscard]] virtual const TlsInfo* tls() const { return nullptr; }
};

/// Takes connections. Endpoints are "127.0.0.1:0", "[::]:6443" or "unix:///run/x.sock" (an old
/// socket file is replaced).
class Listener {
 public:
  static Result<std::unique_ptr<Listener>> listen(Reactor& reactor, const std::string& endpoint);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The endpoint with the port the kernel chose.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] uint16_t port() const { return port_; }
  Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop);
  void close();

 private:
  Listener(Reactor& reactor, std::unique_ptr<Reactor::Descriptor> descriptor);
  Reactor& reactor_;
  std::unique_ptr<Reactor::Descriptor> descriptor_;
  std::string address_;
  std::string unixPath_;
  uint16_t port_ = 0;
};

/// Connects to "host:port" (names are looked up on a helper thread) or "unix:///path".
Task<Result<std::unique_ptr<Stream>>> dial(Reactor& reactor, std::string endpoint,
                                           std::stop_token stop);

/// "host:port" or "[v6]:port" in its halves. BadRequest.
Result<std::pair<std::string, std::string>> splitHostPort(std::string_view endpoint);

}  // namespace coxswain::net
