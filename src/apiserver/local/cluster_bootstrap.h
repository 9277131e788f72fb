#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

struct BootstrapOptions {
  /// One range, or two of different families: ServiceCIDR kubernetes.
  std::vector<std::string> serviceCidrs;
  std::string serviceAddress;    ///< of service default/kubernetes: the range's first
  std::string advertiseAddress;  ///< where it leads to; a loopback address: nowhere
  uint16_t securePort = 6443;
  /// What this server serves, as objects: see localApiServices.
  std::vector<api::apiregistration::v1::APIService> apiServices;
  /// Also roles, and the service account, of parts that we bring along beside upstream's.
  bool ownPartsRoles = false;
};

/// What every cluster has besides its first namespaces: roles and bindings, APIServices
/// of what this server serves, the system priority classes, the ranges of service addresses, the
/// service default/kubernetes with its Endpoints and EndpointSlice, the config map by which
/// aggregated servers know who signs clients. `ensure` makes or mends them; then `keep` mends the
/// service, its endpoints and its range when somebody changes them. One executor.
class ClusterBootstrap {
 public:
  /// `client` (of system:masters) outlives it.
  ClusterBootstrap(client::Client& client, BootstrapOptions options)
      : client_(client), options_(std::move(options)) {}

  Task<Status> ensure(std::stop_token stop);
  /// Starts keeping on the current executor.
  void keep(Executor& executor);
  /// Ends it; always, once `keep` was called.
  Task<void> stop();

 private:
  Task<Status> ensurePriorityClasses(std::stop_token stop);
  Task<Status> ensureServiceCidr(std::stop_token stop);
  Task<Status> ensureService(std::stop_token stop);
  Task<Status> ensureEndpoints(std::stop_token stop);
  Task<Status> ensureSlice(std::stop_token stop);
  Task<Status> ensureAccounts(std::stop_token stop);
  Task<Status> ensureRest(std::stop_token stop);
  using Ensure = Task<Status> (ClusterBootstrap::*)(std::stop_token);
  Task<void> keepOne(const client::ResourceType& type, Ensure ensure, Gate::Pass pass);
  Task<Status> watchOne(const client::ResourceType& type, Ensure ensure);
  [[nodiscard]] bool reachable() const;

  client::Client& client_;
  BootstrapOptions options_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
