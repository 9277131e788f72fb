#include "cmd/health_server.h"

#include "net/certs.h"
#include "runtime/spawn.h"

namespace coxswain::cmd {

class HealthServer::Answers final : public net::Handler {
 public:
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    const auto& path = request.path;
    const bool health = path == "/healthz" || path == "/livez" || path == "/readyz";
    const bool reads = request.method == "GET" || request.method == "HEAD";
    net::Headers headers;
    headers.add("Content-Type", "text/plain; charset=utf-8");
    headers.add("X-Content-Type-Options", "nosniff");
    std::string body = health && reads ? "ok" : "forbidden";
    Status answered =
        co_await response.respond(health && reads ? 200 : 403, std::move(headers), std::move(body));
    (void)answered;  // The peer has gone.
  }
};

HealthServer::HealthServer() : answers_(std::make_unique<Answers>()) {}
HealthServer::~HealthServer() = default;

Result<std::unique_ptr<HealthServer>> HealthServer::start(Reactor& reactor,
                                                          const HealthServerOptions& options) {
  net::TlsServerOptions tls;
  tls.certificatePem = options.certificatePem;
  tls.keyPem = options.keyPem;
  tls.requestClientCertificate = false;
  if (tls.certificatePem.empty()) {
    const auto from = reactor.wallNow() - 1h;
    const auto to = reactor.wallNow() + 24h * 365;
    TRY(auto ca, net::createCa(options.name + "-ca", from, to));
    net::CertificateRequest request;
    request.commonName = options.name;
    request.dnsNames = {"localhost"};
    request.ipAddresses = {"127.0.0.1"};
    request.server = true;
    request.notBefore = from;
    request.notAfter = to;
    TRY(auto pair, net::issueCertificate(ca, request));
    tls.certificatePem = pair.certificatePem;
    tls.keyPem = pair.keyPem;
  }
  auto made = std::unique_ptr<HealthServer>(new HealthServer());
  net::HttpServerOptions http;
  http.endpoint = options.address;
  TRY(http.tls, net::TlsContext::server(tls));
  http.limits.connectionsMax = 100;
  TRY(made->server_, net::HttpServer::start(reactor, std::move(http), *made->answers_));
  return made;
}

Task<void> HealthServer::stop() {
  co_await server_->stop(1s);
}

}  // namespace coxswain::cmd
