#pragma once

#include "cloud/provider.h"
#include "controllers/framework/controller.h"

namespace coxswain::cloud {

inline constexpr std::string_view kShutdownTaint = "node.cloudprovider.kubernetes.io/shutdown";

/// Deletes nodes that are not ready and whose machine is gone; taints those whose machine is off.
/// Upstream: cloud-node-lifecycle-controller.
class LifecycleController final : public controllers::Controller {
 public:
  LifecycleController(const controllers::Context& context, Instances& instances,
                      Duration monitorPeriod);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  Task<Status> setShutdown(NodePtr node, bool off, std::stop_token stop);

  Instances& instances_;
  const Duration monitorPeriod_;
  client::Informer& nodes_;
};

}  // namespace coxswain::cloud
