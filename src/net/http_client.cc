#include "net/http_client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <deque>

#include "net/http1.h"
#include "net/http2_session.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::net {

using http1::Buffered;

namespace {

struct IdleConnection {
  std::unique_ptr<Buffered> in;
  MonotonicTime since;
};

bool safeToRepeat(const ClientRequest& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(Reactor& r, HttpClientOptions o) : reactor(r), options(std::move(o)) {}

  Reactor& reactor;
  HttpClientOptions options;
  Status bad;  // of options.server
  std::string endpoint;
  std::string hostName;
  bool secure = false;
  std::shared_ptr<const TlsContext> tls;  // offers HTTP/2
  std::deque<IdleConnection> idle;        // newest last
  std::shared_ptr<Http2Session> session;
  bool knowsHttp1 = false;  // the server chose HTTP/1.1 before: no use in sharing one dial
  std::shared_ptr<Event> dialing;
  std::stop_source stop;
  Gate gate;

  void parseServer();
  void giveBack(std::unique_ptr<Buffered> in);
  std::unique_ptr<Buffered> takeIdle();
  Task<Result<std::unique_ptr<Stream>>> connect(std::stop_token token);
  // `self` first: it dies after `pass`, which points into it.
  static Task<void> runSession(std::shared_ptr<Impl> self, std::shared_ptr<Http2Session> s,
                               Gate::Pass pass);
  void adopt(std::unique_ptr<Stream> stream);
  Task<Result<std::unique_ptr<Buffered>>> obtain(bool fresh, bool& reused, std::stop_token token);
  std::string http1Head(const ClientRequest& request, bool upgrade) const;
  [[nodiscard]] std::string authority() const;
};

namespace {

class Response2 final : public ClientResponse {
 public:
  Response2(std::shared_ptr<Http2Session> session, Http2StreamPtr stream)
      : session_(session), stream_(stream), body_(session, stream, 0) {
    status = stream->received->status;
    headers = std::move(stream->received->headers);
    majorVersion = 2;
  }
  ~Response2() override {
    session_->abandon(*stream_);
    if (!stream_->inClosed) session_->reset(*stream_, NGHTTP2_CANCEL);
  }
  BodyReader& body() override { return body_; }
  std::unique_ptr<Stream> takeStream() override { return nullptr; }

 private:
  std::shared_ptr<Http2Session> session_;
  Http2StreamPtr stream_;
  Http2Body body_;
};

class Exchange2 final : public ClientExchange {
 public:
  Exchange2(std::shared_ptr<Http2Session> session, Http2StreamPtr stream)
      : session_(session), stream_(stream), body_(session, stream, 0) {}
  ~Exchange2() override {
    session_->abandon(*stream_);
    if (!stream_->closed) session_->reset(*stream_, NGHTTP2_CANCEL);
  }
  Task<Status> write(std::string_view data, std::stop_token stop) override {
    return session_->write(stream_, data, std::move(stop));
  }
  Status finish() override { return session_->finish(*stream_, Headers()); }
  Task<Status> awaitHeaders(std::stop_token stop) override {
    return session_->awaitHeaders(stream_, std::move(stop));
  }
  [[nodiscard]] int status() const override { return stream_->received->status; }
  [[nodiscard]] const Headers& headers() const override { return stream_->received->headers; }
  BodyReader& body() override { return body_; }

 private:
  std::shared_ptr<Http2Session> session_;
  Http2StreamPtr stream_;
  Http2Body body_;
};

/// Sends a body while the answer may already come.
Task<void> sendBody2(std::shared_ptr<Http2Session> session, Http2StreamPtr stream, std::string body,
                     std::stop_token stop) {
  Status sent = co_await session->write(stream, body, stop);
  if (sent.ok()) sent = session->finish(*stream, Headers());
}

Task<Result<std::unique_ptr<ClientResponse>>> send2(Reactor& reactor,
                                                    std::shared_ptr<Http2Session> session,
                                                    std::string scheme, std::string authority,
                                                    ClientRequest request, std::stop_token stop) {
  if (!request.body.empty() && !request.headers.has("content-length"))
    request.headers.add("content-length", std::to_string(request.body.size()));
  CO_TRY(auto stream, session->request(request.method, scheme, authority, request.target,
                                       request.headers, !request.body.empty()));
  if (!request.body.empty())
    spawn(reactor, sendBody2(session, stream, std::move(request.body), stream->stop.get_token()));
  Status got = co_await session->awaitHeaders(stream, stop);
  if (!got.ok()) {
    session->abandon(*stream);
    session->reset(*stream, NGHTTP2_CANCEL);
    co_return got;
  }
  co_return std::unique_ptr<ClientResponse>(std::make_unique<Response2>(session, stream));
}

}  // namespace

namespace {

class Response1 final : public ClientResponse {
 public:
  using GiveBack = std::function<void(std::unique_ptr<Buffered>)>;
  Response1(std::unique_ptr<Buffered> in, http1::ResponseHead head, http1::Framing framing,
            GiveBack giveBack)
      : in_(std::move(in)), body_(*in_, framing, 0), giveBack_(std::move(giveBack)) {
    status = head.status;
    keepAlive_ = head.minor > 0 ? !head.headers.hasToken("Connection", "close")
                                : head.headers.hasToken("Connection", "keep-alive");
    if (framing.kind == http1::Framing::Kind::UntilClose || status == 101) keepAlive_ = false;
    headers = std::move(head.headers);
  }
  ~Response1() override {
    if (in_ && keepAlive_ && body_.done()) giveBack_(std::move(in_));
  }
  BodyReader& body() override { return body_; }
  std::unique_ptr<Stream> takeStream() override {
    return status == 101 && in_ ? in_->release() : nullptr;
  }

 private:
  std::unique_ptr<Buffered> in_;
  http1::Body body_;
  GiveBack giveBack_;
  bool keepAlive_ = false;
};

Task<Result<http1::ResponseHead>> readHead(Buffered& in, const HttpLimits& limits,
                                           std::stop_token stop) {
  while (true) {
    CO_TRY(auto size, co_await in.awaitHead(limits.headerBytesMax, stop));
    if (!size) co_return unreachable("http: server closed idle connection");
    auto head = http1::parseResponseHead(in.data().substr(0, *size), limits.headerFieldsMax);
    in.consume(*size);
    if (!head.ok()) co_return unreachable("http: " + head.status().message());
    if (head->status == 101 || head->status >= 200) co_return std::move(*head);
  }
}

}  // namespace

void HttpClient::Impl::parseServer() {
  std::string_view text = options.server;
  if (text.starts_with("unix://")) {
    endpoint = options.server;
    hostName = "localhost";
    return;
  }
  secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) {
    bad = badRequest("bad server \"" + options.server + "\": want http://, https:// or unix://");
    return;
  }
  text.remove_prefix(secure ? 8 : 7);
  text = text.substr(0, text.find('/'));
  endpoint = std::string(text);
  auto parts = splitHostPort(endpoint);
  if (!parts.ok()) {
    endpoint += secure ? ":443" : ":80";
    parts = splitHostPort(endpoint);
  }
  if (!parts.ok()) {
    bad = parts.status();
    return;
  }
  hostName = parts->first;
}

std::string HttpClient::Impl::authority() const {
  if (!options.host.empty()) return options.host;
  return endpoint.starts_with("unix://") ? hostName : endpoint;
}

void HttpClient::Impl::giveBack(std::unique_ptr<Buffered> in) {
  if (stop.stop_requested() || !in->data().empty()) return;
  idle.push_back({std::move(in), reactor.now()});
  while (idle.size() > options.idleConnectionsMax) idle.pop_front();
}

std::unique_ptr<Buffered> HttpClient::Impl::takeIdle() {
  auto oldest = reactor.now() - options.idleTimeout;
  while (!idle.empty() && idle.front().since < oldest) idle.pop_front();
  if (idle.empty()) return nullptr;
  auto in = std::move(idle.back().in);
  idle.pop_back();
  return in;
}

Task<Result<std::unique_ptr<Stream>>> HttpClient::Impl::connect(std::stop_token token) {
  if (!bad.ok()) co_return bad;
  CO_TRY(auto stream, co_await dial(reactor, endpoint, token));
  if (!secure) co_return std::move(stream);
  if (!tls) {
    if (options.tls) {
      tls = options.tls;
    } else {
      CO_TRY(tls, TlsContext::client(TlsClientOptions()));
    }
  }
  bool offer = options.http2;
  co_return co_await tls->connect(std::move(stream), hostName, offer, token);
}

Task<void> HttpClient::Impl::runSession(std::shared_ptr<Impl> self, std::shared_ptr<Http2Session> s,
                                        Gate::Pass pass) {
  co_await s->run(self->stop.get_token(), std::string());
  if (self->session == s) self->session = nullptr;
}

void HttpClient::Impl::adopt(std::unique_ptr<Stream> stream) {
  session = Http2Session::create(reactor, std::move(stream), Http2Session::Role::Client,
                                 options.limits, {});
  session->watchPeer(options.pingAfter, options.pingPatience);
  spawn(reactor, runSession(shared_from_this(), session, gate.enter()));
}

/// A connection for one HTTP/1.1 request, or null when `session` serves.
Task<Result<std::unique_ptr<Buffered>>> HttpClient::Impl::obtain(bool fresh, bool& reused,
                                                                 std::stop_token token) {
  reused = false;
  while (true) {
    if (stop.stop_requested()) co_return canceled();
    if (session && session->usable()) {
      reused = true;
      co_return std::unique_ptr<Buffered>();
    }
    if (!fresh) {
      if (auto in = takeIdle()) {
        reused = true;
        co_return std::move(in);
      }
    }
    // Until it is known what the server speaks, one dial at a time: all may share its outcome.
    bool mayShare = !knowsHttp1 && (secure ? options.http2 : options.http2Always);
    if (!mayShare || !dialing) break;
    auto other = dialing;
    CO_TRY_STATUS(co_await other->wait(token));
  }
  auto mine = std::make_shared<Event>();
  if (!knowsHttp1) dialing = mine;
  auto stream = co_await connect(token);
  if (dialing == mine) dialing = nullptr;
  if (stream.ok()) {
    bool two = secure ? (*stream)->tls()->alpn == "h2" : options.http2Always;
    if (two) {
      adopt(std::move(*stream));
    } else {
      knowsHttp1 = true;
    }
    mine->set();
    if (two) co_return std::unique_ptr<Buffered>();
    co_return std::make_unique<Buffered>(std::move(*stream));
  }
  mine->set();
  co_return stream.status();
}

std::string HttpClient::Impl::http1Head(const ClientRequest& request, bool upgrade) const {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!request.headers.has("Host")) out += "Host: " + authority() + "\r\n";
  http1::writeFields(out, request.headers);
  bool wants = !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
               request.method == "PATCH";
  if (wants && !upgrade && !request.headers.has("Content-Length"))
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "\r\n";
  return out;
}

namespace {
Status checkRequest(const ClientRequest& request) {
  TRY_STATUS(http1::checkFields(request.headers));
  if (request.method.empty() || request.target.empty())
    return badRequest("request without method or target");
  for (const auto* text : {&request.method, &request.target})
    for (unsigned char c : *text)
      if (c <= 0x20 || c == 0x7f) return badRequest("bad character in method or target");
  return {};
}
}  // namespace

HttpClient::HttpClient(Reactor& reactor, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(reactor, std::move(options))) {
  impl_->parseServer();
}

HttpClient::~HttpClient() {
  impl_->idle.clear();
  if (impl_->session) impl_->session->drain();
}

Task<Result<std::unique_ptr<ClientResponse>>> HttpClient::send(ClientRequest request,
                                                               std::stop_token stop) {
  auto impl = impl_;
  CO_TRY_STATUS(checkRequest(request));
  for (bool again = false;; again = true) {
    bool reused = false;
    CO_TRY(auto in, co_await impl->obtain(again, reused, stop));
    bool repeat = reused && !again && safeToRepeat(request);
    if (!in) {
      auto session = impl->session;
      if (!session) co_return unreachable("http2: connection closed");
      auto response = co_await send2(impl->reactor, session, impl->secure ? "https" : "http",
                                     impl->authority(), request, stop);
      if (!response.ok() && isUnreachable(response.status()) && repeat) {
        if (impl->session == session) impl->session = nullptr;
        session->drain();
        continue;
      }
      co_return std::move(response);
    }
    auto bytes = impl->http1Head(request, false) + request.body;
    Status sent = co_await in->stream().write(bytes, stop);
    Result<http1::ResponseHead> head = sent.ok()
                                           ? co_await readHead(*in, impl->options.limits, stop)
                                           : Result<http1::ResponseHead>(sent);
    if (!head.ok()) {
      if (isUnreachable(head.status()) && repeat) continue;
      co_return head.status();
    }
    CO_TRY(auto framing,
           http1::responseFraming(head->headers, head->status, request.method == "HEAD"));
    Response1::GiveBack giveBack = [weak = std::weak_ptr(impl)](std::unique_ptr<Buffered> b) {
      if (auto locked = weak.lock()) locked->giveBack(std::move(b));
    };
    co_return std::unique_ptr<ClientResponse>(
        std::make_unique<Response1>(std::move(in), std::move(*head), framing, std::move(giveBack)));
  }
}

Task<Result<std::unique_ptr<ClientResponse>>> HttpClient::sendForUpgrade(ClientRequest request,
                                                                         std::stop_token stop) {
  auto impl = impl_;
  CO_TRY_STATUS(checkRequest(request));
  if (!impl->bad.ok()) co_return impl->bad;
  CO_TRY(auto stream, co_await dial(impl->reactor, impl->endpoint, stop));
  if (impl->secure) {
    auto context = impl->options.tls;
    if (!context) {
      CO_TRY(context, TlsContext::client(TlsClientOptions()));
    }
    auto secured = co_await context->connect(std::move(stream), impl->hostName, false, stop);
    if (!secured.ok()) co_return secured.status();
    stream = std::move(*secured);
  }
  auto in = std::make_unique<Buffered>(std::move(stream));
  auto bytes = impl->http1Head(request, request.body.empty()) + request.body;
  CO_TRY_STATUS(co_await in->stream().write(bytes, stop));
  CO_TRY(auto head, co_await readHead(*in, impl->options.limits, stop));
  CO_TRY(auto framing, http1::responseFraming(head.headers, head.status, false));
  Response1::GiveBack drop = [](std::unique_ptr<Buffered>) {};
  co_return std::unique_ptr<ClientResponse>(
      std::make_unique<Response1>(std::move(in), std::move(head), framing, std::move(drop)));
}

Task<Result<std::unique_ptr<ClientExchange>>> HttpClient::open(ClientRequest request,
                                                               std::stop_token stop) {
  auto impl = impl_;
  CO_TRY_STATUS(checkRequest(request));
  bool reused = false;
  CO_TRY(auto in, co_await impl->obtain(true, reused, stop));
  if (in || !impl->session) co_return unreachable("server does not speak HTTP/2");
  auto session = impl->session;
  CO_TRY(auto stream, session->request(request.method, impl->secure ? "https" : "http",
                                       impl->authority(), request.target, request.headers, true));
  co_return std::unique_ptr<ClientExchange>(std::make_unique<Exchange2>(session, stream));
}

Task<void> HttpClient::close() {
  auto impl = impl_;
  impl->stop.request_stop();
  impl->idle.clear();
  co_await impl->gate.close();
}

}  // namespace coxswain::net
