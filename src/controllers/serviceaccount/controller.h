#pragma once

#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::serviceaccount {

/// Every active namespace has the service account "default".
/// Upstream: pkg/controller/serviceaccount/serviceaccounts_controller.go.
class ServiceAccountController final : public Controller {
 public:
  explicit ServiceAccountController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& namespaces_;
  client::Informer& accounts_;
};

/// Every active namespace has the config map "kube-root-ca.crt" with the API server's CA bundle.
/// Upstream: pkg/controller/certificates/rootcacertpublisher/publisher.go.
class RootCaPublisher final : public Controller {
 public:
  /// `rootCa` is PEM.
  RootCaPublisher(const Context& context, std::string rootCa);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& namespaces_;
  client::Informer& maps_;
  std::string rootCa_;
};

}  // namespace coxswain::controllers::serviceaccount
