#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "net/tls.h"
#include "runtime/reactor.h"
#include "runtime/sync.h"

namespace coxswain::net {

struct HttpServerOptions {
  std::string endpoint = "127.0.0.1:0";   ///< as Listener::listen
  std::shared_ptr<const TlsContext> tls;  ///< null: plain (then HTTP/2 by prior knowledge)
  HttpLimits limits;
};

/// Serves HTTP/1.1 and HTTP/2 on one endpoint. One reactor. `handler` outlives the server.
///
///     CO_TRY(auto server, HttpServer::start(reactor, options, handler));
///     ... server->port() ...
///     co_await server->stop(5s);   // always, before it is destroyed
class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(Reactor& reactor, HttpServerOptions options,
                                                   Handler& handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] size_t connections() const;
  /// From now on new connections use these keys (certificate rotation).
  void setTls(std::shared_ptr<const TlsContext> tls);
  /// Takes nothing new, lets requests end for `grace`, then stops them and waits for all.
  Task<void> stop(Duration grace);

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with coroutines that never got to run
};

}  // namespace coxswain::net
