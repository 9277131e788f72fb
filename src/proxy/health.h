#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "net/http_server.h"
#include "runtime/reactor.h"

namespace coxswain::proxy {

/// What the proxy says of itself.
struct ProxyState {
  bool healthy = true;       ///< rules are written, or have not failed for long
  bool nodeEligible = true;  ///< the node is not being deleted
  WallTime lastUpdated{};    ///< of the rules
  std::string metrics;       ///< Prometheus text
};

/// Whoever knows the state. On the server's executor.
class StateSource {
 public:
  virtual ~StateSource() = default;
  [[nodiscard]] virtual ProxyState state() const = 0;
};

/// The proxy's own HTTP servers: /healthz and /livez; /metrics and /proxyMode; and one a service
/// with externalTrafficPolicy Local on its healthCheckNodePort, which tells load balancers whether
/// this node has endpoints. One reactor. stop() before it is destroyed.
class HealthServers {
 public:
  HealthServers(Reactor& reactor, const StateSource& source);
  ~HealthServers();
  HealthServers(const HealthServers&) = delete;
  HealthServers& operator=(const HealthServers&) = delete;

  /// Empty addresses: none.
  Status start(const std::string& healthz, const std::string& metrics);
  /// Where healthz really listens, for tests; empty: nowhere.
  [[nodiscard]] std::string healthzAddress() const;
  [[nodiscard]] std::string metricsAddress() const;

  /// What `service` ("namespace/name") tells on `port` of `host` from now on; port 0: nothing any
  /// more. A port that cannot be had is logged, and tried again at the next call.
  Task<void> setService(std::string service, std::string host, uint16_t port,
                        size_t localEndpoints);
  Task<void> stop();

 private:
  class HealthzHandler;
  class MetricsHandler;
  class ServiceHandler;
  struct ServicePort;

  Reactor& reactor_;
  const StateSource& source_;
  std::unique_ptr<HealthzHandler> healthzHandler_;
  std::unique_ptr<MetricsHandler> metricsHandler_;
  std::unique_ptr<net::HttpServer> healthz_;
  std::unique_ptr<net::HttpServer> metrics_;
  std::map<std::string, std::unique_ptr<ServicePort>> services_;
};

}  // namespace coxswain::proxy
