#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::net {

/// Where a datagram came from, and by which of our addresses.
struct UdpPeer {
  sockaddr_storage address{};
  socklen_t size = 0;
  /// Ours that it was sent to, of a socket on all addresses: 4 or 16 bytes; empty: not known.
  std::string local;

  /// "10.0.0.1:53".
  [[nodiscard]] std::string text() const;
};

struct Datagram {
  std::string data;
  UdpPeer peer;
};

/// A UDP socket. One reader at a time; on the reactor's thread.
class UdpSocket {
 public:
  /// "127.0.0.1:0", "[::]:53", numeric. Answers leave by the address that was asked.
  static Result<std::unique_ptr<UdpSocket>> bind(Reactor& reactor, const std::string& endpoint);
  /// Speaks with this peer only, from a random port. Numeric.
  static Result<std::unique_ptr<UdpSocket>> connect(Reactor& reactor, const std::string& endpoint);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  /// The endpoint with the port the kernel chose.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] uint16_t port() const { return port_; }

  /// The next one that is there already; nullopt: none is.
  std::optional<Datagram> tryReceive();
  /// Canceled; Unreachable where a connected peer answers that nobody listens.
  Task<Result<Datagram>> receive(std::stop_token stop);
  /// Never waits: a full buffer is a failure, as a lost datagram would be.
  Status sendTo(std::string_view data, const UdpPeer& peer);
  /// Of a connected one.
  Status send(std::string_view data);

 private:
  explicit UdpSocket(std::unique_ptr<Reactor::Descriptor> descriptor);
  static Result<std::unique_ptr<UdpSocket>> make(Reactor& reactor, const std::string& endpoint,
                                                 bool connect);
  Result<Datagram> receiveOnce();  // Timeout: nothing there

  std::unique_ptr<Reactor::Descriptor> descriptor_;
  std::string address_;
  uint16_t port_ = 0;
  std::string buffer_;
};

}  // namespace coxswain::net
