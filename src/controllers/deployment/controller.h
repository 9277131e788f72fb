#pragma once

#include <memory>

#include "controllers/deployment/decide.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::deployment {

/// Rolls a Deployment's template out through replica sets.
/// Upstream: pkg/controller/deployment/deployment_controller.go.
class DeploymentController final : public Controller {
 public:
  explicit DeploymentController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onSet(const client::Change& change);
  void onPod(const client::Change& change);
  void enqueueOwnersOf(const ReplicaSet& set);
  Task<Result<Sets>> claimSets(const std::shared_ptr<const Deployment>& deployment,
                               std::stop_token stop);
  Task<Status> refuseEmptySelector(std::shared_ptr<const Deployment> deployment,
                                   std::stop_token stop);

  client::Informer& deployments_;
  client::Informer& sets_;
  client::Informer& pods_;
};

}  // namespace coxswain::controllers::deployment
