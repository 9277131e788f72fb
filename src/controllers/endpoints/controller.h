#pragma once

#include <set>
#include <string>

#include "controllers/endpointslice/trigger_times.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::endpoints {

/// Keeps the Endpoints of services with a selector; deletes those of a service that is gone.
/// Upstream: pkg/controller/endpoint/endpoints_controller.go.
class EndpointsController final : public Controller {
 public:
  /// `batchPeriod`: how long changes of pods are gathered.
  explicit EndpointsController(const Context& context, int workers = 5, Duration batchPeriod = {});

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onPod(const client::Change& change);
  Task<Status> removeEndpoints(std::string key, bool gone, std::stop_token stop);

  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& endpoints_;
  Duration batchPeriod_;
  endpointslice::TriggerTimes triggers_;
  std::set<std::string> gone_;  ///< services that were seen to go
};

}  // namespace coxswain::controllers::endpoints
