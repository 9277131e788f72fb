#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "cloud/provider.h"
#include "runtime/random.h"

namespace coxswain::cloud::testing {

/// A cloud in memory that misbehaves as much as it is told to. One executor; repeatable.
class SimulatedCloud final : public Provider,
                             private Instances,
                             private LoadBalancers,
                             private Routes {
 public:
  /// Chances of 0 to 1 for a call.
  struct Faults {
    double error = 0;       ///< nothing happened
    double throttle = 0;    ///< TooManyRequests with retryAfterSeconds 2
    double lostAnswer = 0;  ///< writes: happened, yet a failure
    Duration latencyMax = std::chrono::seconds(1);
  };
  struct Machine {
    InstanceMetadata metadata;
    bool off = false;
  };
  struct Balancer {
    std::string address;
    std::vector<std::string> nodes;
  };

  explicit SimulatedCloud(Random& random) : random_(random) {}

  Instances* instances() override { return this; }
  LoadBalancers* loadBalancers() override { return this; }
  Routes* routes() override { return this; }

  Faults faults;
  std::map<std::string, Machine> machines;    ///< by the node's name
  std::map<std::string, Balancer> balancers;  ///< by the Service's uid
  std::vector<Route> table;
  int made = 0;  ///< balancers, ever

 private:
  Task<Status> arrive(std::stop_token stop);
  Status leave();
  bool happens(double chance);

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

  Task<Result<std::vector<Route>>> list(std::stop_token stop) override;
  Task<Status> create(Route route, std::stop_token stop) override;
  Task<Status> remove(Route route, std::stop_token stop) override;

  Random& random_;
};

}  // namespace coxswain::cloud::testing
