#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/http.h"
#include "runtime/sync.h"

/// SPDY/3.1 framing, both ends, as exec, attach and port-forward use it (after an HTTP/1.1 upgrade
/// to "SPDY/3.1"). Upstream: github.com/moby/spdystream; like it, without SPDY's flow control.
namespace coxswain::net::spdy {

class Connection;

/// One stream. State of the connection's reactor.
class SpdyStream {
 public:
  [[nodiscard]] uint32_t id() const { return id_; }
  /// Names are lower case ("streamtype").
  [[nodiscard]] const Headers& headers() const { return headers_; }
  /// The next piece; empty at the peer's end of stream.
  Task<Result<std::string>> read(std::stop_token stop);
  /// `last` half-closes.
  Task<Status> write(std::string_view data, bool last, std::stop_token stop);
  Task<Status> finish(std::stop_token stop) { return write({}, true, std::move(stop)); }
  /// Ends both directions (RST_STREAM, cancel).
  Task<Status> reset(std::stop_token stop);
  /// Accepted streams: sends SYN_REPLY. Opened ones: waits for it.
  Task<Status> reply(std::stop_token stop);
  Task<Status> awaitReply(std::stop_token stop);

 private:
  friend class Connection;
  std::weak_ptr<Connection> connection_;
  uint32_t id_ = 0;
  Headers headers_;
  std::deque<std::string> in_;
  size_t inBytes_ = 0;
  bool inEnded_ = false;
  bool outEnded_ = false;
  bool replied_ = false;
  bool broken_ = false;
  Event changed_;  // for the reader
  Event drained_;  // for the connection
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Role { Server, Client };
  static std::shared_ptr<Connection> create(std::unique_ptr<Stream> stream, Role role);
  ~Connection();

  /// Reads frames until the end of the connection or `stop`; spawned by the owner, or awaited.
  Task<Status> run(std::stop_token stop);
  /// Opens a stream (SYN_STREAM).
  Task<Result<std::shared_ptr<SpdyStream>>> open(Headers headers, std::stop_token stop);
  /// The next stream that the peer opened; nullopt when the connection has ended.
  Task<std::optional<std::shared_ptr<SpdyStream>>> accept(std::stop_token stop);
  Task<Status> goAway(std::stop_token stop);
  /// An orderly end: says GOAWAY, ends writing, and drops what still comes until the peer has
  /// closed too or `grace` is over; so the peer gets everything written before. While run() runs.
  Task<void> finish(Duration grace, std::stop_token stop);
  void close();

 private:
  friend class SpdyStream;
  struct Codec;
  Connection(std::unique_ptr<Stream> stream, Role role);
  Task<Status> readFrames(std::stop_token stop);
  Task<Status> onControl(uint16_t type, uint8_t flags, std::string payload, std::stop_token stop);
  Task<Status> onData(uint32_t id, uint8_t flags, std::string payload, std::stop_token stop);
  Task<Status> sendData(uint32_t id, std::string_view data, bool last, std::stop_token stop);
  Task<Status> sendControl(uint16_t type, uint8_t flags, std::string payload, std::stop_token stop);
  /// `fixed` bytes, then the compressed headers: compressing and sending is one step.
  Task<Status> sendHeaders(uint16_t type, std::string fixed, const Headers& headers,
                           std::stop_token stop);
  std::shared_ptr<SpdyStream> find(uint32_t id);
  void drop(uint32_t id);
  std::unique_ptr<Stream> stream_;
  Role role_;
  std::unique_ptr<Codec> codec_;
  uint32_t nextId_;
  uint32_t lastPeerId_ = 0;
  std::map<uint32_t, std::shared_ptr<SpdyStream>> streams_;
  Channel<std::shared_ptr<SpdyStream>> incoming_;
  Semaphore writing_{1};
  Event runEnded_;
  bool ended_ = false;
  bool discarding_ = false;
};

}  // namespace coxswain::net::spdy
