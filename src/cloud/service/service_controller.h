#pragma once

#include <map>
#include <string>
#include <vector>

#include "cloud/provider.h"
#include "controllers/framework/controller.h"

namespace coxswain::cloud {

inline constexpr std::string_view kCleanupFinalizer = "service.kubernetes.io/load-balancer-cleanup";

/// Of type LoadBalancer, not deleted, and no class says that somebody else makes it.
bool wantsLoadBalancer(const api::core::v1::Service& service);
/// Behind load balancers are all nodes but those that leave or are marked as excluded.
bool isBackend(const api::core::v1::Node& node);

/// Load balancers of Services: made, kept current as nodes come and go, and taken away before their
/// Service is gone. Upstream: service-lb-controller.
class ServiceController final : public controllers::Controller {
 public:
  ServiceController(const controllers::Context& context, LoadBalancers& balancers, int workers);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  /// What a balancer was last given.
  struct Given {
    ServicePtr service;
    std::vector<std::string> nodes;
  };

  void onNode(const client::Change& change);
  [[nodiscard]] std::vector<NodePtr> backends() const;
  Task<Result<Duration>> ensure(ServicePtr service, std::stop_token stop);
  Task<Status> update(ServicePtr service, std::vector<NodePtr> nodes, std::stop_token stop);
  Task<Result<Duration>> tearDown(ServicePtr service, std::stop_token stop);
  Task<Status> setStatus(ServicePtr service, api::core::v1::LoadBalancerStatus status,
                         std::stop_token stop);
  /// Through status, which is all of a Service that its account may change.
  Task<Status> setFinalizer(ServicePtr service, bool present, std::stop_token stop);
  void tell(const api::core::v1::Service& service, std::string_view type, std::string_view reason,
            std::string message);

  LoadBalancers& balancers_;
  client::Informer& services_;
  client::Informer& nodes_;
  std::map<std::string, Given> given_;  ///< by key; a new process gives all of it again
};

}  // namespace coxswain::cloud
