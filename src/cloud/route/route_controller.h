#pragma once

#include <string>
#include <vector>

#include "api/names/ip.h"
#include "cloud/provider.h"
#include "controllers/framework/controller.h"

namespace coxswain::cloud {

/// What is to be done so that each node's ranges, and nothing else within the cluster's, are routed
/// to it.
struct RoutePlan {
  std::vector<Route> create;
  std::vector<Route> remove;
  std::vector<std::string> routed;  ///< nodes all of whose ranges are
};
RoutePlan planRoutes(const std::vector<NodePtr>& nodes, const std::vector<Route>& routes,
                     const std::vector<api::IpPrefix>& clusterCidrs);

/// Keeps a route to each node's pods in the cloud; the node's condition NetworkUnavailable says
/// whether it is there. Upstream: node-route-controller.
class RouteController final : public controllers::Controller {
 public:
  struct Options {
    std::vector<api::IpPrefix> clusterCidrs;
    Duration period = std::chrono::seconds(10);  ///< --route-reconciliation-period
  };
  RouteController(const controllers::Context& context, Routes& routes, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Status> setCondition(NodePtr node, bool routed, std::stop_token stop);

  Routes& routes_;
  const Options options_;
  client::Informer& nodes_;
};

}  // namespace coxswain::cloud
