#pragma once

#include <set>
#include <utility>

#include "cloud/provider.h"

namespace coxswain::cloud {

struct LocalOptions {
  std::string zone;    ///< of all nodes; empty: none
  std::string region;  ///< of all nodes; empty: none
  /// What nodes answer themselves on their addresses (ssh, etcd, the control plane, kubelets):
  /// no Service takes it from them.
  std::set<int32_t> reservedPorts = {22,    2379,  2380,  6443,  10053,
                                     10250, 10256, 10257, 10258, 10259};
};

/// Machines without a cloud. Each node is what it says it is and exists as long as its Node does. A
/// load balancer is the nodes' own addresses: the Service's ports are answered there by kube-proxy.
/// All Services share these addresses, so a port is the first one's that asks for it. One executor.
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

  /// BadRequest: one of its ports is somebody else's.
  Status takePorts(const api::core::v1::Service& service);
  void givePorts(const std::string& uid);
  [[nodiscard]] bool holdsPorts(const std::string& uid) const;

  struct Holder {
    std::string uid;
    std::string name;
  };
  const LocalOptions options_;
  std::map<std::pair<std::string, int32_t>, Holder> ports_;  ///< by protocol and port
};

}  // namespace coxswain::cloud
