#include "streaming/tunnel.h"

#include <algorithm>
#include <cstring>

namespace coxswain::streaming {
namespace {

constexpr size_t kMessageBytes = 32 * 1024;

class Tunnel final : public net::Stream {
 public:
  explicit Tunnel(std::unique_ptr<net::WebSocket> socket) : socket_(std::move(socket)) {}

  Task<Result<size_t>> read(std::span<char> buffer, std::stop_token stop) override {
    while (rest_.empty()) {
      CO_TRY(auto message, co_await socket_->receive(stop));
      if (!message) co_return size_t{0};
      if (!message->binary) co_return unreachable("tunnel: text message");
      rest_ = std::move(message->data);
      at_ = 0;
    }
    size_t n = std::min(buffer.size(), rest_.size() - at_);
    std::memcpy(buffer.data(), rest_.data() + at_, n);
    at_ += n;
    if (at_ == rest_.size()) rest_.clear();
    co_return n;
  }

  Task<Status> write(std::string_view data, std::stop_token stop) override {
    while (!data.empty()) {
      auto piece = data.substr(0, kMessageBytes);
      data.remove_prefix(piece.size());
      CO_TRY_STATUS(co_await socket_->send(true, piece, stop));
    }
    co_return Status();
  }

  Task<Status> shutdownWrite(std::stop_token stop) override {
    return socket_->sendClose(1000, "", std::move(stop));
  }
  void close() override { socket_->close(); }

 private:
  std::unique_ptr<net::WebSocket> socket_;
  std::string rest_;  // of the last message
  size_t at_ = 0;
};

}  // namespace

std::unique_ptr<net::Stream> tunnelOver(std::unique_ptr<net::WebSocket> socket) {
  return std::make_unique<Tunnel>(std::move(socket));
}

}  // namespace coxswain::streaming
