#pragma once

#include <sys/socket.h>

#include "net/stream.h"

namespace coxswain::net {

/// A TCP or Unix socket. Inside of net only.
class SocketStream final : public Stream {
 public:
  SocketStream(std::unique_ptr<Reactor::Descriptor> descriptor, std::string peer, std::string local)
      : descriptor_(std::move(descriptor)), peer_(std::move(peer)), local_(std::move(local)) {}

  Task<Result<size_t>> read(std::span<char> buffer, std::stop_token stop) override;
  Task<Status> write(std::string_view data, std::stop_token stop) override;
  Task<Status> shutdownWrite(std::stop_token stop) override;
  void close() override {
    closed_ = true;
    descriptor_->close();
  }
  [[nodiscard]] std::string peerAddress() const override { return peer_; }
  [[nodiscard]] std::string localAddress() const override { return local_; }
  void limitStalls(Duration longest) override { stallMax_ = longest; }
  /// Until the kernel takes more bytes, within the limit of stalls.
  Task<Status> waitToWrite(std::stop_token stop);
  Reactor::Descriptor& descriptor() { return *descriptor_; }

 private:
  std::unique_ptr<Reactor::Descriptor> descriptor_;
  std::string peer_;
  std::string local_;
  Duration stallMax_{};
  bool closed_ = false;  // the number may be somebody else's by then
};

/// "10.0.0.1:80", "[::1]:80", "unix:path".
std::string formatAddress(const sockaddr* address, socklen_t size);
/// errno after a failed read or write: what the peer caused is Unreachable.
Status ioStatus(const char* what, int error);

}  // namespace coxswain::net
