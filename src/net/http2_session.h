#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "net/http.h"
#include "runtime/reactor.h"
#include "runtime/sync.h"

struct nghttp2_session;

/// One HTTP/2 connection of either side over nghttp2. Inside of net only.
namespace coxswain::net {

/// An Event that costs nothing until somebody waits. Waiters look at what they wait for, then reset
/// and wait, without a suspension between.
class LazyEvent {
 public:
  void set() {
    if (event_) event_->set();
  }
  void reset() {
    if (!event_) event_ = std::make_unique<Event>();
    event_->reset();
  }
  /// After a reset.
  Task<Status> wait(std::stop_token stop) { return event_->wait(std::move(stop)); }

 private:
  std::unique_ptr<Event> event_;
};

/// What of a message has come and was not taken yet.
struct Http2Received {
  std::string method;
  std::string path;
  std::string authority;
  int status = 0;
  Headers headers;
  Headers trailers;
  size_t headerBytes = 0;
  bool headersTooLarge = false;
  std::list<std::string> body;  // most have none: a deque would hold half a KiB
};

/// What goes on when a stream's handler has returned.
class Http2Remainder {
 public:
  virtual ~Http2Remainder() = default;
  /// The stream has ended.
  virtual void end() = 0;
};

/// One request and its answer. State of the connection's reactor. There are as many as watches.
struct Http2Stream {
  int32_t id = 0;
  /// Null: nobody reads what comes any more, it is thrown away.
  std::unique_ptr<Http2Received> received = std::make_unique<Http2Received>();
  bool headersDone = false;
  bool inClosed = false;
  // What we send.
  bool outClosed = false;
  /// Taken: nghttp2 has all of `out`, and lets go of it with the next frame it makes.
  enum class Pull : uint8_t { No, Asked, Taken, Ended };
  Pull pull = Pull::No;  ///< does nghttp2 ask for `out`?
  bool closed = false;   ///< the end of both
  uint32_t errorCode = 0;
  std::string out;
  size_t outAt = 0;
  Headers outTrailers;
  LazyEvent inChanged;
  LazyEvent outChanged;
  std::stop_source stop;
  std::shared_ptr<Http2Remainder> remainder;  ///< goes when the stream does

  [[nodiscard]] Status closedStatus() const;
};
using Http2StreamPtr = std::shared_ptr<Http2Stream>;

/// Shared by its loops, its streams' users and its owner; every method on its reactor.
class Http2Session : public std::enable_shared_from_this<Http2Session> {
 public:
  enum class Role { Server, Client };
  /// `onRequest` is called for each request of the peer (server only), never re-entrantly.
  static std::shared_ptr<Http2Session> create(Reactor& reactor, std::unique_ptr<Stream> stream,
                                              Role role, const HttpLimits& limits,
                                              std::function<void(Http2StreamPtr)> onRequest);
  ~Http2Session();

  /// Call before run(). While streams are open and nothing has come from the peer for `after`, it
  /// is asked for a sign of life (PING), and the connection ends when none comes within `patience`.
  void watchPeer(Duration after, Duration patience);
  /// Runs the connection to its end, which `stop` brings at once.
  Task<void> run(std::stop_token stop, std::string early);
  /// No new streams; the connection ends when those that run have ended.
  void drain();
  void close() { end_.request_stop(); }
  [[nodiscard]] bool usable() const { return !draining_ && !end_.stop_requested(); }
  [[nodiscard]] size_t streams() const { return streams_.size(); }
  [[nodiscard]] MonotonicTime idleSince() const { return idleSince_; }

  /// Client. `headers` are complete but for the pseudo fields.
  Result<Http2StreamPtr> request(const std::string& method, const std::string& scheme,
                                 const std::string& authority, const std::string& path,
                                 const Headers& headers, bool hasBody);
  /// Server.
  Status respond(Http2Stream& stream, int status, const Headers& headers, bool hasBody);
  /// Waits while the peer is slow; where it takes nothing for `stallMax` (0: ever) the stream ends.
  Task<Status> write(Http2StreamPtr stream, std::string_view data, std::stop_token stop,
                     Duration stallMax = {});
  Status finish(Http2Stream& stream, const Headers& trailers);
  /// The next piece of the body; empty at its end.
  Task<Result<std::string>> read(Http2StreamPtr stream, std::stop_token stop);
  /// Client: waits for status and headers.
  Task<Status> awaitHeaders(Http2StreamPtr stream, std::stop_token stop);
  /// Nobody is interested in the stream any more.
  void abandon(Http2Stream& stream);
  void reset(Http2Stream& stream, uint32_t code);

  Stream& stream() { return *stream_; }

 private:
  friend struct Http2Callbacks;
  Http2Session(Reactor& reactor, std::unique_ptr<Stream> stream, Role role,
               const HttpLimits& limits, std::function<void(Http2StreamPtr)> onRequest);
  Task<void> writeLoop(std::shared_ptr<Http2Session> self);
  Task<void> readLoop();
  Task<void> pingLoop(std::shared_ptr<Http2Session> self);
  void wake() { wake_.set(); }
  Http2StreamPtr find(int32_t id);
  void consume(int32_t id, size_t size);
  void closeStream(int32_t id, uint32_t code);
  /// Has nghttp2 take what is to go out.
  void pull(Http2Stream& stream);

  Reactor& reactor_;
  std::unique_ptr<Stream> stream_;
  Role role_;
  HttpLimits limits_;
  std::function<void(Http2StreamPtr)> onRequest_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Http2StreamPtr> streams_;
  std::stop_source end_;
  Event wake_;
  Event writerDone_;
  Event pingerDone_;
  Duration pingAfter_{};  // zero: never
  Duration pingPatience_{};
  MonotonicTime heardAt_;
  bool draining_ = false;
  MonotonicTime idleSince_;
};

/// A stream's body for handlers and callers.
class Http2Body final : public BodyReader {
 public:
  Http2Body(std::shared_ptr<Http2Session> session, Http2StreamPtr stream, size_t sizeMax)
      : session_(std::move(session)), stream_(std::move(stream)), sizeMax_(sizeMax) {}
  Task<Result<std::string>> read(std::stop_token stop) override;
  [[nodiscard]] const Headers& trailers() const override;

 private:
  std::shared_ptr<Http2Session> session_;
  Http2StreamPtr stream_;
  size_t sizeMax_;
  size_t total_ = 0;
};

}  // namespace coxswain::net
