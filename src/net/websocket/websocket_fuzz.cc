// Any bytes as a peer's WebSocket frames: read or refused, never a crash.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "net/websocket/websocket.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

using namespace coxswain;       // NOLINT
using namespace coxswain::net;  // NOLINT

namespace {

class Bytes final : public Stream {
 public:
  explicit Bytes(std::string_view data) : data_(data) {}
  Task<Result<size_t>> read(std::span<char> buffer, std::stop_token) override {
    size_t n = std::min({buffer.size(), data_.size(), size_t{997}});
    std::memcpy(buffer.data(), data_.data(), n);
    data_.remove_prefix(n);
    co_return n;
  }
  Task<Status> write(std::string_view, std::stop_token) override { co_return Status(); }
  Task<Status> shutdownWrite(std::stop_token) override { co_return Status(); }
  void close() override {}

 private:
  std::string_view data_;
};

Task<void> receiveAll(std::string_view data, WebSocket::Role role, bool& ended) {
  WebSocket socket(std::make_unique<Bytes>(data), role, "");
  while (true) {
    auto message = co_await socket.receive({});
    if (!message.ok() || !*message) break;
    Status sent = co_await socket.send((*message)->binary, (*message)->data, {});
  }
  ended = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (auto role : {WebSocket::Role::Server, WebSocket::Role::Client}) {
    sim::SimExecutor executor;
    bool ended = false;
    spawn(executor, receiveAll(bytes, role, ended));
    if (!executor.runUntilIdle() || !ended) std::abort();
  }
  return 0;
}
