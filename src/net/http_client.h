#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "net/tls.h"
#include "runtime/reactor.h"

namespace coxswain::net {

struct HttpClientOptions {
  /// "https://host:port", "http://host:port", "unix:///run/x.sock"; port 443 or 80 when missing.
  std::string server;
  /// For https; null: system roots, no certificate.
  std::shared_ptr<const TlsContext> tls;
  bool http2 = true;         ///< false: never, whatever the context's ALPN offers
  bool http2Always = false;  ///< without TLS: by prior knowledge (gRPC)
  std::string host;          ///< Host header; empty: from `server`
  size_t idleConnectionsMax = 16;
  Duration idleTimeout = 90s;
  /// HTTP/2: a server that is silent this long while requests run is pinged, and the connection
  /// ends when it does not answer in time, so that a watch notices a server that vanished. Zero:
  /// never.
  Duration pingAfter = 30s;
  Duration pingPatience = 15s;
  HttpLimits limits;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  ///< path and query, encoded
  Headers headers;
  std::string body;
};

/// An answer whose body may still be coming. Destroying it before the body's end gives the
/// connection (HTTP/1.1) or the stream (HTTP/2) up.
class ClientResponse {
 public:
  virtual ~ClientResponse() = default;
  int status = 0;
  Headers headers;
  int majorVersion = 1;
  [[nodiscard]] virtual BodyReader& body() = 0;
  /// After status 101: the connection, with bytes that came early. Null otherwise. Once.
  virtual std::unique_ptr<Stream> takeStream() = 0;
};

/// One HTTP/2 exchange whose both bodies stream (gRPC).
class ClientExchange {
 public:
  virtual ~ClientExchange() = default;
  virtual Task<Status> write(std::string_view data, std::stop_token stop) = 0;
  virtual Status finish() = 0;
  /// Waits for status and headers, which are `status` and `headers` then.
  virtual Task<Status> awaitHeaders(std::stop_token stop) = 0;
  [[nodiscard]] virtual int status() const = 0;
  [[nodiscard]] virtual const Headers& headers() const = 0;
  virtual BodyReader& body() = 0;
};

/// Requests to one server over shared connections: one HTTP/2 connection, or a pool of HTTP/1.1
/// ones. One reactor. Destroying it ends connections nobody uses; close() ends all.
///
///     HttpClient client(reactor, options);
///     CO_TRY(auto response, co_await client.send(std::move(request), stop));
///     CO_TRY(auto text, co_await response->body().readAll(1 << 20, stop));
class HttpClient {
 public:
  HttpClient(Reactor& reactor, HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Returns when status and headers are there; any status is a success. A request that met a dead
  /// pooled connection is sent once more where that is safe. Unreachable, Canceled.
  Task<Result<std::unique_ptr<ClientResponse>>> send(ClientRequest request, std::stop_token stop);
  /// The same over a connection of its own and HTTP/1.1, for upgrades.
  Task<Result<std::unique_ptr<ClientResponse>>> sendForUpgrade(ClientRequest request,
                                                               std::stop_token stop);
  /// HTTP/2 only. `request.body` is ignored.
  Task<Result<std::unique_ptr<ClientExchange>>> open(ClientRequest request, std::stop_token stop);
  /// Ends every connection and waits for their coroutines; always, before the reactor stops.
  Task<void> close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with responses that outlive the client
};

}  // namespace coxswain::net
