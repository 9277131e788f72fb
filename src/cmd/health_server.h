#pragma once

#include <memory>
#include <string>

#include "net/http_server.h"

namespace coxswain::cmd {

struct HealthServerOptions {
  std::string name;     ///< of the certificate that is made, where none is given
  std::string address;  ///< "0.0.0.0:10257"
  std::string certificatePem;
  std::string keyPem;
};

/// HTTPS port of a component: /healthz, /livez and /readyz answer "ok" to everybody; all else is
/// forbidden. One reactor; stop() before destruction.
class HealthServer {
 public:
  static Result<std::unique_ptr<HealthServer>> start(Reactor& reactor,
                                                     const HealthServerOptions& options);
  ~HealthServer();
  [[nodiscard]] uint16_t port() const { return server_->port(); }
  Task<void> stop();

 private:
  class Answers;
  HealthServer();
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace coxswain::cmd
