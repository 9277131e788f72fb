#include <nghttp2/nghttp2.h>

#include "net/http1.h"
#include "net/http2_session.h"
#include "net/server_connection.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::net {
namespace {

class Http2Writer final : public ResponseWriter {
 public:
  Http2Writer(ConnectionContext& context, std::shared_ptr<Http2Session> session,
              Http2StreamPtr stream)
      : context_(context), session_(std::move(session)), stream_(std::move(stream)) {}

  Task<Status> start(int status, Headers headers) override {
    co_return begin(status, headers, true);
  }

  Task<Status> write(std::string_view data) override {
    if (!started_ || ended_) co_return internalError("response is not open");
    if (data.empty() || bodyless_) co_return Status();
    co_return co_await session_->write(stream_, data, stream_->stop.get_token(), stallMax_);
  }

  Task<Status> end(Headers trailers) override {
    if (!started_ || ended_) co_return internalError("response is not open");
    CO_TRY_STATUS(http1::checkFields(trailers));
    ended_ = true;
    co_return session_->finish(*stream_, trailers);
  }

  Task<Status> respond(int status, Headers headers, std::string body) override {
    if (status != 204 && status != 304) headers.set("content-length", std::to_string(body.size()));
    CO_TRY_STATUS(begin(status, headers, !body.empty()));
    if (!bodyless_ && !body.empty()) {
      Status sent = co_await session_->write(stream_, body, stream_->stop.get_token(), stallMax_);
      if (!sent.ok()) co_return sent;
    }
    ended_ = true;
    co_return session_->finish(*stream_, Headers());
  }

  Task<Result<std::unique_ptr<Stream>>> upgrade(Headers headers) override {
    co_return badRequest("cannot upgrade an HTTP/2 stream");
  }

  [[nodiscard]] bool started() const override { return started_; }
  void goOnWith(std::shared_ptr<LastingAnswer> rest) override { rest_ = std::move(rest); }
  void limitStalls(Duration longest) override { stallMax_ = longest; }
  [[nodiscard]] bool ended() const { return ended_; }
  std::shared_ptr<LastingAnswer> takeRest() { return std::move(rest_); }

  /// After the handler, and what went on of its answer.
  Task<void> close();

  [[nodiscard]] Reactor& reactor() const { return context_.reactor; }
  [[nodiscard]] Http2Stream& stream() const { return *stream_; }

 private:
  Status begin(int status, Headers& headers, bool hasBody) {
    if (started_) return internalError("response has started");
    TRY_STATUS(http1::checkFields(headers));
    started_ = true;
    bodyless_ = stream_->received->method == "HEAD" || status == 204 || status == 304;
    if (!headers.has("date")) headers.add("date", httpDate(context_.reactor.wallNow()));
    return session_->respond(*stream_, status, headers, hasBody && !bodyless_);
  }

  ConnectionContext& context_;
  std::shared_ptr<Http2Session> session_;
  Http2StreamPtr stream_;
  bool started_ = false;
  bool ended_ = false;
  bool bodyless_ = false;
  Duration stallMax_{};
  std::shared_ptr<LastingAnswer> rest_;
};

/// The answer is complete and the rest of the body unwanted (RFC 9113, 8.1). A reset overtakes data
/// under way: leave the client time to take it.
Task<void> endStream(std::shared_ptr<Http2Session> session, Http2StreamPtr stream) {
  Deadline deadline(5s, stream->stop.get_token());
  while (!stream->inClosed && !stream->closed) {
    stream->inChanged.reset();
    Status waited = co_await stream->inChanged.wait(deadline.token());
    if (!waited.ok()) break;
  }
  if (!stream->inClosed) session->reset(*stream, NGHTTP2_NO_ERROR);
}

Task<void> Http2Writer::close() {
  session_->abandon(*stream_);
  if (!ended_) {
    session_->reset(*stream_, NGHTTP2_INTERNAL_ERROR);
  } else if (!stream_->inClosed) {
    co_await endStream(session_, stream_);
  }
}

/// An answer that goes on without its handler. The stream holds it; and a coroutine, while it
/// sends.
class Lasting final : public Http2Remainder,
                      public LastingAnswer::Host,
                      public std::enable_shared_from_this<Lasting> {
 public:
  Lasting(Gate::Pass pass, Http2Writer writer, std::shared_ptr<LastingAnswer> answer)
      : pass_(std::move(pass)), writer_(std::move(writer)), answer_(std::move(answer)) {
    answer_->setHost(this);
  }

  void end() override {
    answer_->setHost(nullptr);
    if (!running_) answer_->ended();
  }
  void wake() override {
    again_ = true;
    if (!std::exchange(running_, true)) spawn(writer_.reactor(), run(shared_from_this()));
  }

 private:
  static Task<void> run(std::shared_ptr<Lasting> self) {
    bool goesOn = true;
    while (goesOn && std::exchange(self->again_, false)) {
      auto more = co_await self->answer_->advance(self->writer_);
      goesOn = more.ok() && *more && !self->writer_.stream().closed;
    }
    if (goesOn) {
      self->running_ = false;
      co_return;
    }
    self->answer_->setHost(nullptr);
    self->answer_->ended();
    co_await self->writer_.close();
    self->writer_.stream().remainder.reset();
  }

  Gate::Pass pass_;
  Http2Writer writer_;
  const std::shared_ptr<LastingAnswer> answer_;
  bool running_ = false;
  bool again_ = false;
};

Task<void> serveStream(ConnectionContext& context, std::shared_ptr<Http2Session> session,
                       Http2StreamPtr stream, Gate::Pass pass) {
  Http2Writer writer(context, session, stream);
  Http2Body body(session, stream, context.limits.bodyBytesMax);
  auto& received = *stream->received;
  Request request;
  request.method = received.method;
  request.host = std::move(received.authority);
  request.headers = std::move(received.headers);
  if (request.host.empty()) request.host = std::string(request.headers.get("host"));
  splitTarget(received.path, request);
  request.body = &body;
  request.bodyArrived = stream->inClosed;
  request.peerAddress = session->stream().peerAddress();
  request.tls = session->stream().tls();
  request.majorVersion = 2;
  request.stop = stream->stop.get_token();
  Status sent;
  if (received.headersTooLarge) {
    sent = co_await writer.respond(431, Headers(), "431 Request Header Fields Too Large");
  } else {
    co_await context.handler.serve(request, writer);
    if (!writer.started()) sent = co_await writer.respond(500, Headers(), "");
  }
  auto rest = writer.takeRest();
  if (!rest || stream->closed) {
    if (rest) rest->ended();
    co_await writer.close();
    co_return;
  }
  session->abandon(*stream);
  stream->stop = std::stop_source(std::nostopstate);  // what lasts is told by its end
  auto lasting = std::make_shared<Lasting>(std::move(pass), std::move(writer), std::move(rest));
  stream->remainder = lasting;
  lasting->wake();
}

/// Takes requests from nghttp2's callback to coroutines.
struct Dispatcher {
  ConnectionContext& context;
  Gate gate;
  std::weak_ptr<Http2Session> session;

  void operator()(Http2StreamPtr stream) {
    auto s = session.lock();
    if (!s) return;
    // Streams that the client resets free its quota at once, but not our handlers.
    if (gate.inside() >= 2 * context.limits.streamsMax) {
      s->reset(*stream, NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    auto pass = gate.enter();
    if (!pass) return;
    spawn(context.reactor, serveStream(context, std::move(s), std::move(stream), std::move(pass)));
  }
};

struct DrainOnStop {
  Reactor& reactor;
  std::weak_ptr<Http2Session> session;
  void operator()() {
    reactor.post([s = session] {
      if (auto locked = s.lock()) locked->drain();
    });
  }
};

Task<void> drainWhenIdle(std::shared_ptr<Http2Session> session, Reactor& reactor, Duration timeout,
                         std::stop_token done, Gate::Pass pass) {
  while (!done.stop_requested()) {
    Duration idle = session->streams() > 0 ? Duration(0) : reactor.now() - session->idleSince();
    if (idle >= timeout) {
      session->drain();
      co_return;
    }
    Status slept = co_await sleepFor(timeout - idle, done);
    if (!slept.ok()) co_return;
  }
}

}  // namespace

Task<void> serveHttp2(ConnectionContext context, std::unique_ptr<Stream> stream) {
  Dispatcher dispatcher{context, {}, {}};
  auto session =
      Http2Session::create(context.reactor, std::move(stream), Http2Session::Role::Server,
                           context.limits, std::ref(dispatcher));
  dispatcher.session = session;
  std::stop_source done;
  {
    std::stop_callback<DrainOnStop> drain(context.drain, DrainOnStop{context.reactor, session});
    spawn(context.reactor, drainWhenIdle(session, context.reactor, context.limits.idleTimeout,
                                         done.get_token(), dispatcher.gate.enter()));
    co_await session->run(context.stop, std::string());
  }
  done.request_stop();
  co_await dispatcher.gate.close();
}

}  // namespace coxswain::net
