#pragma once

#include "cloud/provider.h"

namespace coxswain::cloud {

struct LocalOptions {
  std::string zone;    ///< of all nodes; empty: none
  std::string region;  ///< of all nodes; empty: none
};

/// Machines without a cloud. Each node is what it says it is and exists as long as its Node does. A
/// load balancer is the nodes' own addresses: the Service's ports are answered there by kube-proxy.
class LocalProvider final : public Provider, private Instances, private LoadBalancers {
 public:
  explicit LocalProvider(LocalOptions options) : options_(std::move(options)) {}

  Instances* instances() override { return this; }
  LoadBalancers* loadBalancers() override { return this; }

 private:
  Task<Result<bool>> exists(NodePtr node, std::stop_token stop) override;
  Task<Result<bool>> isShutDown(NodePtr node, std::stop_token stop) override;
  Task<Result<InstanceMetadata>> metadata(NodePtr node, std::stop_token stop) override;

  Task<Result<std::optional<api::core::v1::LoadBalancerStatus>>> find(
      ServicePtr service, std::stop_token stop) override;
  Task<Result<api::core::v1::LoadBalancerStatus>> ensure(ServicePtr service,
                                                         std::vector<NodePtr> nodes,
                                                         std::stop_token stop) override;
  Task<Result<std::optional<api::core::v1::LoadBalancerStatus>>> update(
      ServicePtr service, std::vector<NodePtr> nodes, std::stop_token stop) override;
  Task<Status> remove(ServicePtr service, std::stop_token stop) override;

  const LocalOptions options_;
};

}  // namespace coxswain::cloud
