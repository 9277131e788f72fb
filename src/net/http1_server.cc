#include "base/log.h"
#include "net/http1.h"
#include "net/lasting.h"
#include "net/server_connection.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::net {
namespace {

using http1::Buffered;

/// What a handler left unread is skipped up to here; beyond, the connection is closed.
constexpr size_t kSkipMax = 256 * 1024;
/// A body up to here goes out together with its head.
constexpr size_t kJoinMax = 64 * 1024;

/// Notices that the client goes away while a handler runs. Reads ahead of the next request.
class Watcher {
 public:
  Watcher(Buffered& in, std::stop_source request) : in_(in), request_(std::move(request)) {}
  void start(Reactor& reactor) {
    running_ = true;
    spawn(reactor, run());
  }
  Task<void> stop() {
    if (!running_) co_return;
    stop_.request_stop();
    Status ignored = co_await ended_.wait();
    (void)ignored;
    running_ = false;
  }

 private:
  Task<void> run() {
    // Enough read ahead for any honest pipeline; then the handler is on its own.
    while (!stop_.stop_requested() && in_.data().size() < 64 * 1024) {
      auto n = co_await in_.fill(stop_.get_token());
      if (n.ok() && *n > 0) continue;
      if (n.ok() || !isCanceled(n.status())) request_.request_stop();
      break;
    }
    ended_.set();
  }
  Buffered& in_;
  std::stop_source request_;
  std::stop_source stop_;
  Event ended_;
  bool running_ = false;
};

class Writer final : public ResponseWriter {
 public:
  Writer(ConnectionContext& context, Buffered& in, Watcher& watcher, std::stop_token stop,
         bool head, int minor, bool keepAlive)
      : context_(context),
        in_(in),
        watcher_(watcher),
        stop_(std::move(stop)),
        head_(head),
        minor_(minor),
        keepAlive_(keepAlive) {}

  Task<Status> start(int status, Headers headers) override {
    std::string out;
    CO_TRY_STATUS(begin(status, headers, out));
    co_return co_await send(out);
  }

  Task<Status> write(std::string_view data) override {
    if (!started_ || ended_) co_return internalError("response is not open");
    if (data.empty() || bodyless_) co_return Status();
    if (!chunked_) {
      if (hasLength_ && data.size() > left_) co_return internalError("body beyond Content-Length");
      left_ -= data.size();
      co_return co_await send(data);
    }
    std::string out;
    out.reserve(data.size() + 20);
    appendChunk(out, data);
    co_return co_await send(out);
  }

  Task<Status> end(Headers trailers) override {
    if (!started_ || ended_) co_return internalError("response is not open");
    ended_ = true;
    if (hasLength_ && left_ > 0 && !bodyless_) keepAlive_ = false;
    if (!chunked_ || bodyless_) co_return Status();
    CO_TRY_STATUS(http1::checkFields(trailers));
    std::string out = "0\r\n";
    http1::writeFields(out, trailers);
    out += "\r\n";
    co_return co_await send(out);
  }

  Task<Status> respond(int status, Headers headers, std::string body) override {
    if (status != 204 && status != 304 && status >= 200)
      headers.set("Content-Length", std::to_string(body.size()));
    std::string out;
    CO_TRY_STATUS(begin(status, headers, out));
    ended_ = true;
    if (bodyless_) co_return co_await send(out);
    if (body.size() <= kJoinMax) {
      out += body;
      co_return co_await send(out);
    }
    // A large one is not copied.
    CO_TRY_STATUS(co_await send(out));
    co_return co_await send(body);
  }

  Task<Result<std::unique_ptr<Stream>>> upgrade(Headers headers) override {
    if (started_) co_return internalError("response has started");
    CO_TRY_STATUS(http1::checkFields(headers));
    in_.stream().limitStalls(0s);
    started_ = ended_ = upgraded_ = true;
    keepAlive_ = false;
    co_await watcher_.stop();
    std::string out = "HTTP/1.1 101 Switching Protocols\r\n";
    http1::writeFields(out, headers);
    out += "\r\n";
    CO_TRY_STATUS(co_await send(out));
    co_return in_.release();
  }

  [[nodiscard]] bool started() const override { return started_; }
  void goOnWith(std::shared_ptr<LastingAnswer> rest) override { rest_ = std::move(rest); }
  std::shared_ptr<LastingAnswer> takeRest() { return std::move(rest_); }
  void limitStalls(Duration longest) override { in_.stream().limitStalls(longest); }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool upgraded() const { return upgraded_; }
  [[nodiscard]] bool keepAlive() const { return keepAlive_ && !failed_; }
  void closeAfter() { keepAlive_ = false; }

 private:
  Status begin(int status, const Headers& headers, std::string& out) {
    if (started_) return internalError("response has started");
    TRY_STATUS(http1::checkFields(headers));
    started_ = true;
    bodyless_ = head_ || status == 204 || status == 304;
    hasLength_ = headers.has("Content-Length");
    if (hasLength_) left_ = std::stoull(std::string(headers.get("Content-Length")));
    chunked_ = !hasLength_ && status != 204 && status != 304 && minor_ > 0;
    if (!hasLength_ && !chunked_ && !bodyless_) keepAlive_ = false;
    if (context_.drain.stop_requested() || headers.hasToken("Connection", "close"))
      keepAlive_ = false;
    out = "HTTP/1.1 " + std::to_string(status) + " " + std::string(statusText(status)) + "\r\n";
    http1::writeFields(out, headers);
    if (!headers.has("Date")) out += "Date: " + httpDate(context_.reactor.wallNow()) + "\r\n";
    if (chunked_) out += "Transfer-Encoding: chunked\r\n";
    if (!keepAlive_ && !headers.has("Connection")) out += "Connection: close\r\n";
    if (keepAlive_ && minor_ == 0) out += "Connection: keep-alive\r\n";
    out += "\r\n";
    return {};
  }

  static void appendChunk(std::string& out, std::string_view data) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    out += size;
    out += data;
    out += "\r\n";
  }

  Task<Status> send(std::string_view data) {
    if (failed_) co_return canceled();
    Status sent = co_await in_.stream().write(data, stop_);
    if (!sent.ok()) failed_ = true;
    co_return sent;
  }

  ConnectionContext& context_;
  Buffered& in_;
  Watcher& watcher_;
  std::stop_token stop_;
  bool head_;
  int minor_;
  bool keepAlive_;
  bool started_ = false;
  bool ended_ = false;
  bool upgraded_ = false;
  bool failed_ = false;
  bool bodyless_ = false;
  bool hasLength_ = false;
  bool chunked_ = false;
  uint64_t left_ = 0;
  std::shared_ptr<LastingAnswer> rest_;
};

/// The request's body; the watcher starts when it has been read.
class WatchedBody final : public BodyReader {
 public:
  WatchedBody(http1::Body& body, Watcher& watcher, Reactor& reactor)
      : body_(body), watcher_(watcher), reactor_(reactor) {
    startIfDone();
  }
  Task<Result<std::string>> read(std::stop_token stop) override {
    auto piece = co_await body_.read(stop);
    startIfDone();
    co_return std::move(piece);
  }
  [[nodiscard]] const Headers& trailers() const override { return body_.trailers(); }

 private:
  void startIfDone() {
    if (!body_.done() || watching_) return;
    watching_ = true;
    watcher_.start(reactor_);
  }
  http1::Body& body_;
  Watcher& watcher_;
  Reactor& reactor_;
  bool watching_ = false;
};

Task<void> refuse(Buffered& in, const Status& why, std::stop_token stop) {
  int code = why.code() >= 400 && why.code() < 600 ? why.code() : 400;
  auto text = std::to_string(code) + " " + std::string(statusText(code));
  std::string out = "HTTP/1.1 " + text +
                    "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
                    text + ": " + why.message();
  Deadline deadline(5s, stop);
  Status ignored = co_await in.stream().write(out, deadline.token());
  if (ignored.ok()) ignored = co_await in.stream().shutdownWrite(deadline.token());
  // Bytes under way would make the kernel reset the connection and the client lose the answer.
  for (size_t skipped = 0; ignored.ok() && skipped < kSkipMax;) {
    in.consume(in.data().size());
    auto n = co_await in.fill(deadline.token());
    if (!n.ok() || *n == 0) break;
    skipped += *n;
  }
}

/// False: close the connection.
Task<bool> skipRest(http1::Body& body, std::stop_token stop) {
  if (body.continuePending()) co_return false;
  size_t skipped = 0;
  Deadline deadline(5s, stop);
  while (!body.done()) {
    auto piece = co_await body.read(deadline.token());
    if (!piece.ok()) co_return false;
    skipped += piece->size();
    if (skipped > kSkipMax) co_return false;
  }
  co_return true;
}

/// False: the connection is over.
Task<bool> serveOne(ConnectionContext& context, Buffered& in, http1::RequestHead head) {
  auto framing = http1::requestFraming(head.headers);
  if (!framing.ok()) {
    co_await refuse(in, framing.status(), context.stop);
    co_return false;
  }
  bool keepAlive = head.minor > 0 ? !head.headers.hasToken("Connection", "close")
                                  : head.headers.hasToken("Connection", "keep-alive");
  std::stop_source requestStop;
  std::stop_callback<ForwardStop> forward(context.stop, ForwardStop{requestStop});
  http1::Body body(in, *framing, context.limits.bodyBytesMax);
  if (head.minor > 0 && equalNoCase(head.headers.get("Expect"), "100-continue") && !body.done())
    body.expectContinue();
  Watcher watcher(in, requestStop);
  WatchedBody watched(body, watcher, context.reactor);
  Writer writer(context, in, watcher, requestStop.get_token(), head.method == "HEAD", head.minor,
                keepAlive);

  Request request;
  request.method = std::move(head.method);
  request.host = std::string(head.headers.get("Host"));
  splitTarget(head.target, request);
  request.headers = std::move(head.headers);
  request.body = &watched;
  request.bodyArrived = body.done() || (framing->kind == http1::Framing::Kind::Length &&
                                        in.data().size() >= framing->length);
  request.peerAddress = in.stream().peerAddress();
  request.tls = in.stream().tls();
  request.stop = requestStop.get_token();
  in.stream().limitStalls(0s);
  co_await context.handler.serve(request, writer);
  if (auto rest = writer.takeRest()) co_await runToEnd(std::move(rest), writer, request.stop);

  if (writer.upgraded()) co_return false;
  co_await watcher.stop();
  if (!writer.started()) {
    Status ignored = co_await writer.respond(500, {}, "");
    (void)ignored;
  } else if (!writer.ended()) {
    // The handler broke off: the client must see that the body is not whole.
    co_return false;
  }
  if (!writer.keepAlive() || requestStop.stop_requested()) co_return false;
  co_return co_await skipRest(body, context.stop);
}

}  // namespace

Task<void> serveHttp1(ConnectionContext context, std::unique_ptr<Stream> stream) {
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\n";
  Buffered in(std::move(stream));
  bool first = true;
  while (!context.drain.stop_requested()) {
    if (in.data().empty()) {
      Deadline idle(first ? context.limits.headerTimeout : context.limits.idleTimeout,
                    context.drain);
      auto n = co_await in.fill(idle.token());
      if (!n.ok() || *n == 0) co_return;
    }
    Result<std::optional<size_t>> size = std::optional<size_t>();
    {
      Deadline deadline(context.limits.headerTimeout, context.stop);
      size = co_await in.awaitHead(context.limits.headerBytesMax, deadline.token());
    }
    if (!size.ok()) {
      if (!isCanceled(size.status()) && !isUnreachable(size.status()))
        co_await refuse(in, size.status(), context.stop);
      co_return;
    }
    if (!*size) co_return;
    if (first && in.data().substr(0, **size) == kPreface) {
      // The preface stays in front: nghttp2 wants to see it.
      co_await serveHttp2(std::move(context), in.release());
      co_return;
    }
    first = false;
    auto head =
        http1::parseRequestHead(in.data().substr(0, **size), context.limits.headerFieldsMax);
    in.consume(**size);
    if (!head.ok()) {
      co_await refuse(in, head.status(), context.stop);
      co_return;
    }
    bool goOn = co_await serveOne(context, in, std::move(*head));
    if (!goOn) co_return;
  }
}

}  // namespace coxswain::net
