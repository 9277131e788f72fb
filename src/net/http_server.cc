#include "net/http_server.h"

#include <ctime>

#include "base/log.h"
#include "net/server_connection.h"
#include "runtime/spawn.h"

namespace coxswain::net {

static const Logger log("net/http");

struct HttpServer::Impl {
  Impl(Reactor& r, HttpServerOptions o, Handler& h)
      : reactor(r), options(std::move(o)), handler(h), free(options.limits.connectionsMax) {}
  Reactor& reactor;
  HttpServerOptions options;
  Handler& handler;
  std::unique_ptr<Listener> listener;
  std::stop_source drain;
  std::stop_source stop;
  Semaphore free;
  Gate gate;
  Gate acceptGate;

  // `self` first: it dies after `pass`, which points into it.
  static Task<void> acceptLoop(std::shared_ptr<Impl> self, Gate::Pass pass);
  static Task<void> serveConnection(std::shared_ptr<Impl> self, Gate::Pass pass,
                                    std::unique_ptr<Stream> stream);
  Task<void> serveStream(std::unique_ptr<Stream> stream);
};

namespace {

Task<void> stopAfter(Duration grace, std::stop_token done, std::stop_source stop, Event& ended) {
  Status slept = co_await sleepFor(grace, done);
  if (slept.ok()) stop.request_stop();
  ended.set();
}
}  // namespace

std::string httpDate(WallTime now) {
  static thread_local int64_t lastSecond = -1;
  static thread_local std::string text;
  auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != lastSecond) {
    char buffer[64];
    time_t t = second;
    tm parts{};
    ::gmtime_r(&t, &parts);
    ::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text = buffer;
    lastSecond = second;
  }
  return text;
}

void splitTarget(std::string_view target, Request& out) {
  // Absolute form, as sent to proxies.
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    auto rest = target.substr(scheme.size());
    auto slash = rest.find('/');
    out.host = std::string(rest.substr(0, slash));
    target = slash == std::string_view::npos ? "/" : rest.substr(slash);
  }
  auto mark = target.find('?');
  out.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) out.query = std::string(target.substr(mark + 1));
}

Task<void> HttpServer::Impl::acceptLoop(std::shared_ptr<Impl> self, Gate::Pass pass) {
  auto token = self->drain.get_token();
  while (!token.stop_requested()) {
    Status slot = co_await self->free.acquire(token);
    if (!slot.ok()) break;
    auto stream = co_await self->listener->accept(token);
    if (!stream.ok()) {
      self->free.release();
      if (isCanceled(stream.status())) break;
      log.warn("accept failed", {{"error", stream.status()}});
      Status pause = co_await sleepFor(100ms, token);
      if (!pause.ok()) break;
      continue;
    }
    spawn(self->reactor, serveConnection(self, self->gate.enter(), std::move(*stream)));
  }
  self->listener->close();
}

Task<void> HttpServer::Impl::serveConnection(std::shared_ptr<Impl> self, Gate::Pass pass,
                                             std::unique_ptr<Stream> stream) {
  if (pass) co_await self->serveStream(std::move(stream));
  self->free.release();
}

Task<void> HttpServer::Impl::serveStream(std::unique_ptr<Stream> stream) {
  ConnectionContext context{reactor, handler, options.limits, drain.get_token(), stop.get_token()};
  if (auto tls = options.tls) {
    auto peer = stream->peerAddress();
    Deadline deadline(options.limits.headerTimeout, drain.get_token());
    auto secured = co_await tls->accept(std::move(stream), deadline.token());
    if (!secured.ok()) {
      log.debug("TLS handshake failed", {{"peer", peer}, {"error", secured.status()}});
      co_return;
    }
    stream = std::move(*secured);
    if (stream->tls()->alpn == "h2") {
      co_await serveHttp2(std::move(context), std::move(stream));
      co_return;
    }
  }
  co_await serveHttp1(std::move(context), std::move(stream));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() {
  impl_->drain.request_stop();
  impl_->stop.request_stop();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Reactor& reactor, HttpServerOptions options,
                                                      Handler& handler) {
  auto impl = std::make_shared<Impl>(reactor, std::move(options), handler);
  TRY(impl->listener, Listener::listen(reactor, impl->options.endpoint));
  spawn(reactor, Impl::acceptLoop(impl, impl->acceptGate.enter()));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const std::string& HttpServer::address() const {
  return impl_->listener->address();
}
uint16_t HttpServer::port() const {
  return impl_->listener->port();
}
size_t HttpServer::connections() const {
  return impl_->gate.inside();
}
void HttpServer::setTls(std::shared_ptr<const TlsContext> tls) {
  impl_->options.tls = std::move(tls);
}

Task<void> HttpServer::stop(Duration grace) {
  impl_->drain.request_stop();
  co_await impl_->acceptGate.close();
  std::stop_source done;
  Event ended;
  spawn(impl_->reactor, stopAfter(grace, done.get_token(), impl_->stop, ended));
  co_await impl_->gate.close();
  done.request_stop();
  // Its coroutine, too: the reactor may stop next.
  Status ignored = co_await ended.wait();
}

}  // namespace coxswain::net
