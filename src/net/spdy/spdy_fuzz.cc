// Any bytes as a peer's SPDY connection: read or refused, never a crash, never a reader that hangs.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "net/spdy/spdy.h"
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

Task<void> drain(std::shared_ptr<spdy::SpdyStream> stream) {
  Status replied = co_await stream->reply({});
  while (replied.ok()) {
    auto piece = co_await stream->read({});
    if (!piece.ok() || piece->empty()) co_return;
    Status sent = co_await stream->write(*piece, false, {});
  }
}

Task<void> serve(Executor& executor, std::shared_ptr<spdy::Connection> connection) {
  while (true) {
    auto stream = co_await connection->accept({});
    if (!stream) co_return;
    spawn(executor, drain(std::move(*stream)));
  }
}

Task<void> run(std::shared_ptr<spdy::Connection> connection, bool& ended) {
  Status ignored = co_await connection->run({});
  ended = true;
}

void one(std::string_view data, spdy::Connection::Role role) {
  sim::SimExecutor executor;
  auto connection = spdy::Connection::create(std::make_unique<Bytes>(data), role);
  bool ended = false;
  spawn(executor, run(connection, ended));
  spawn(executor, serve(executor, connection));
  if (!executor.runUntilIdle()) std::abort();
  if (!ended) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  one(bytes, spdy::Connection::Role::Server);
  one(bytes, spdy::Connection::Role::Client);
  return 0;
}
