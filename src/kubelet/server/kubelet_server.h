#pragma once

#include <memory>
#include <string>

#include "kubelet/server/access.h"
#include "kubelet/server/backend.h"
#include "net/http_server.h"
#include "runtime/reactor.h"

namespace coxswain::kubelet::server {

struct KubeletServerOptions {
  std::string endpoint = "0.0.0.0:10250";
  /// Server certificate and the cluster's CA for client certificates. Null: refused.
  std::shared_ptr<const net::TlsContext> tls;
  TokenAuthenticator* tokens = nullptr;  ///< null: bearer tokens are refused
  Authorizer* authorizer = nullptr;      ///< null: GroupAuthorizer's default
};

/// The kubelet's own port. Everybody is asked who they are and what they may do, on every path.
/// One reactor, which is the backend's; backend, tokens and authorizer outlive it.
/// Upstream: pkg/kubelet/server.
///
///     CO_TRY(auto server, KubeletServer::start(reactor, options, backend));
///     ... co_await server->stop(5s);   // before it is destroyed
class KubeletServer {
 public:
  static Result<std::unique_ptr<KubeletServer>> start(Reactor& reactor,
                                                      KubeletServerOptions options,
                                                      Backend& backend);
  ~KubeletServer();
  KubeletServer(const KubeletServer&) = delete;
  KubeletServer& operator=(const KubeletServer&) = delete;

  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] uint16_t port() const;
  /// For certificate rotation.
  void setTls(std::shared_ptr<const net::TlsContext> tls);
  /// Sessions and followed logs end after `grace`.
  Task<void> stop(Duration grace);

 private:
  struct Impl;
  explicit KubeletServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// /healthz, /healthz/ping, /healthz/log, /healthz/syncloop: also for the plain port 10248 on
/// 127.0.0.1, which needs no identity. Sends 404 for other paths.
class HealthzHandler final : public net::Handler {
 public:
  explicit HealthzHandler(const Backend& backend) : backend_(backend) {}
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;

 private:
  const Backend& backend_;
};

}  // namespace coxswain::kubelet::server
