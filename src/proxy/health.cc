#include "proxy/health.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/log.h"

namespace coxswain::proxy {
namespace {

const Logger kLog("proxy");

Task<Status> answer(net::ResponseWriter& response, int code, std::string type, std::string body,
                    net::Headers headers = {}) {
  headers.add("Content-Type", std::move(type));
  headers.add("X-Content-Type-Options", "nosniff");
  co_return co_await response.respond(code, std::move(headers), std::move(body));
}

Task<Status> noSuchPage(net::ResponseWriter& response) {
  return answer(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
}

std::string rfc3339(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(
                         std::chrono::time_point_cast<std::chrono::system_clock::duration>(time))));
}

Result<std::unique_ptr<net::HttpServer>> listen(Reactor& reactor, const std::string& address,
                                                net::Handler& handler) {
  net::HttpServerOptions options;
  options.endpoint = address;
  options.limits.connectionsMax = 100;
  options.limits.headerBytesMax = 16 << 10;
  options.limits.bodyBytesMax = 1 << 10;
  return net::HttpServer::start(reactor, std::move(options), handler);
}

}  // namespace

class HealthServers::HealthzHandler final : public net::Handler {
 public:
  HealthzHandler(Reactor& reactor, const StateSource& source)
      : reactor_(reactor), source_(source) {}

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    if (request.path != "/healthz" && request.path != "/livez") {
      (void)co_await noSuchPage(response);
      co_return;
    }
    const auto state = source_.state();
    const bool eligible = state.nodeEligible || request.path == "/livez";
    auto body =
        fmt::format(R"({{"lastUpdated": "{}","currentTime": "{}","nodeEligible": {}}})",
                    rfc3339(state.lastUpdated), rfc3339(reactor_.wallNow()), state.nodeEligible);
    (void)co_await answer(response, state.healthy && eligible ? 200 : 503, "application/json",
                          std::move(body));
  }

 private:
  Reactor& reactor_;
  const StateSource& source_;
};

class HealthServers::MetricsHandler final : public net::Handler {
 public:
  explicit MetricsHandler(const StateSource& source) : source_(source) {}

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    if (request.path == "/metrics") {
      (void)co_await answer(response, 200, "text/plain; version=0.0.4; charset=utf-8",
                            source_.state().metrics);
    } else if (request.path == "/proxyMode") {
      (void)co_await answer(response, 200, "text/plain; charset=utf-8", "nftables");
    } else if (request.path == "/healthz") {
      (void)co_await answer(response, 200, "text/plain; charset=utf-8", "ok");
    } else {
      (void)co_await noSuchPage(response);
    }
  }

 private:
  const StateSource& source_;
};

class HealthServers::ServiceHandler final : public net::Handler {
 public:
  ServiceHandler(const StateSource& source, const std::string& service) : source_(source) {
    const auto slash = service.find('/');
    ns_ = service.substr(0, slash);
    name_ = service.substr(slash + 1);
  }
  void setLocalEndpoints(size_t count) { localEndpoints_ = count; }

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    const bool healthy = source_.state().healthy;
    net::Headers headers;
    headers.add("X-Load-Balancing-Endpoint-Weight", std::to_string(localEndpoints_));
    auto body = fmt::format(
        "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{}\",\n\t\t\"name\": \"{}\"\n\t}},\n"
        "\t\"localEndpoints\": {},\n\t\"serviceProxyHealthy\": {}\n}}",
        ns_, name_, localEndpoints_, healthy);
    (void)co_await answer(response, localEndpoints_ > 0 && healthy ? 200 : 503, "application/json",
                          std::move(body), std::move(headers));
  }

 private:
  const StateSource& source_;
  std::string ns_;
  std::string name_;
  size_t localEndpoints_ = 0;
};

struct HealthServers::ServicePort {
  ServicePort(const StateSource& source, const std::string& service) : handler(source, service) {}
  ServiceHandler handler;
  std::string address;
  std::unique_ptr<net::HttpServer> server;
};

HealthServers::HealthServers(Reactor& reactor, const StateSource& source)
    : reactor_(reactor),
      source_(source),
      healthzHandler_(std::make_unique<HealthzHandler>(reactor, source)),
      metricsHandler_(std::make_unique<MetricsHandler>(source)) {}

HealthServers::~HealthServers() = default;

Status HealthServers::start(const std::string& healthz, const std::string& metrics) {
  if (!healthz.empty()) {
    TRY(healthz_, listen(reactor_, healthz, *healthzHandler_));
  }
  if (!metrics.empty()) {
    TRY(metrics_, listen(reactor_, metrics, *metricsHandler_));
  }
  return {};
}

std::string HealthServers::healthzAddress() const {
  return healthz_ ? healthz_->address() : "";
}
std::string HealthServers::metricsAddress() const {
  return metrics_ ? metrics_->address() : "";
}

Task<void> HealthServers::setService(std::string service, std::string host, uint16_t port,
                                     size_t localEndpoints) {
  const auto address = port == 0 ? std::string() : host + ":" + std::to_string(port);
  auto found = services_.find(service);
  if (found != services_.end() && found->second->address != address) {
    auto old = std::move(found->second);
    services_.erase(found);
    if (old->server) co_await old->server->stop(0s);
    found = services_.end();
  }
  if (address.empty()) co_return;
  if (found == services_.end()) {
    found = services_.emplace(service, std::make_unique<ServicePort>(source_, service)).first;
    found->second->address = address;
  }
  auto& entry = *found->second;
  entry.handler.setLocalEndpoints(localEndpoints);
  if (entry.server) co_return;
  auto server = listen(reactor_, address, entry.handler);
  if (server.ok())
    entry.server = std::move(*server);
  else
    kLog.error("health check node port", {{"service", service}, {"why", server.status()}});
}

Task<void> HealthServers::stop() {
  for (auto& [service, entry] : services_) {
    if (entry->server) co_await entry->server->stop(0s);
  }
  services_.clear();
  if (healthz_) co_await healthz_->stop(0s);
  if (metrics_) co_await metrics_->stop(0s);
  healthz_.reset();
  metrics_.reset();
}

}  // namespace coxswain::proxy
