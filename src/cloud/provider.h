#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/result.h"
#include "runtime/task.h"

/// What a cloud offers to a cluster. Each capability may be absent (null): its controllers then do
/// not run. Failures are Statuses; TooManyRequests with retryAfterSeconds says when to come back.
/// Called on one executor, several calls at a time. Upstream: k8s.io/cloud-provider/cloud.go.
namespace coxswain::cloud {

using NodePtr = std::shared_ptr<const api::core::v1::Node>;
using ServicePtr = std::shared_ptr<const api::core::v1::Service>;

/// What a cloud knows of a machine. Empty: unknown, or it has none.
struct InstanceMetadata {
  std::string providerId;  ///< "local://node1"
  std::string instanceType;
  std::string zone;
  std::string region;
  std::vector<api::core::v1::NodeAddress> addresses;
  std::map<std::string, std::string> labels;  ///< more, of the provider's own
};

class Instances {
 public:
  virtual ~Instances() = default;
  virtual Task<Result<bool>> exists(NodePtr node, std::stop_token stop) = 0;
  virtual Task<Result<bool>> isShutDown(NodePtr node, std::stop_token stop) = 0;
  /// NotFound: there is no such machine (yet).
  virtual Task<Result<InstanceMetadata>> metadata(NodePtr node, std::stop_token stop) = 0;
};

/// Each is found by its Service's uid. All calls may be repeated.
class LoadBalancers {
 public:
  virtual ~LoadBalancers() = default;
  /// Nothing: there is none.
  virtual Task<Result<std::optional<api::core::v1::LoadBalancerStatus>>> find(
      ServicePtr service, std::stop_token stop) = 0;
  virtual Task<Result<api::core::v1::LoadBalancerStatus>> ensure(ServicePtr service,
                                                                 std::vector<NodePtr> nodes,
                                                                 std::stop_token stop) = 0;
  /// Other nodes for one that is there. Its status, where that changes with them.
  virtual Task<Result<std::optional<api::core::v1::LoadBalancerStatus>>> update(
      ServicePtr service, std::vector<NodePtr> nodes, std::stop_token stop) = 0;
  /// Success where it is gone already.
  virtual Task<Status> remove(ServicePtr service, std::stop_token stop) = 0;
};

struct Route {
  std::string name;  ///< the cloud's
  std::string node;  ///< its target; empty: a machine that the cloud knows no more
  std::string cidr;  ///< of pods
  bool blackhole = false;

  bool operator==(const Route&) const = default;
};

class Routes {
 public:
  virtual ~Routes() = default;
  virtual Task<Result<std::vector<Route>>> list(std::stop_token stop) = 0;
  virtual Task<Status> create(Route route, std::stop_token stop) = 0;
  virtual Task<Status> remove(Route route, std::stop_token stop) = 0;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual Instances* instances() { return nullptr; }
  virtual LoadBalancers* loadBalancers() { return nullptr; }
  virtual Routes* routes() { return nullptr; }
};

}  // namespace coxswain::cloud
