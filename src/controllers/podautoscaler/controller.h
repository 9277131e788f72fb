#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/select/labels.h"
#include "controllers/framework/controller.h"
#include "controllers/podautoscaler/measure.h"
#include "controllers/podautoscaler/metrics_source.h"
#include "controllers/podautoscaler/replicas.h"
#include "controllers/podautoscaler/scaling.h"

namespace coxswain::controllers::podautoscaler {

/// What all metrics of an autoscaler come to.
struct Wanted {
  int32_t replicas = 0;
  std::string metric;  ///< the one that asked for the most
  Status partly;       ///< some could not be measured, and that changes nothing
};

/// Sets the replicas of what HorizontalPodAutoscalers point at, through its scale subresource, by
/// what its pods use. Upstream: pkg/controller/podautoscaler.
class PodAutoscaler final : public Controller {
 public:
  struct Options {
    int workers = 5;
    Duration period = 15s;
    Duration downscaleStabilization = 5min;
    Duration cpuInitialization = 5min;
    Duration initialReadinessDelay = 30s;
    double tolerance = 0.1;
    /// Where metrics are read; null: by the controller's client. Outlives the controller.
    client::PathReader* metrics = nullptr;
  };
  PodAutoscaler(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using Autoscaler = api::autoscaling::v2::HorizontalPodAutoscaler;
  using Scale = api::autoscaling::v1::Scale;
  struct Known {
    std::string uid;
    History history;
    std::optional<api::LabelSelector> pods;  ///< of its target, when last seen
  };

  /// Changes `next.status`, and the scale where that is due. The failure is for the log and retry.
  Task<Status> autoscale(Autoscaler& next, Known& known, std::stop_token stop);
  Status noScale(Autoscaler& next, const Status& error);
  Task<Result<Wanted>> ask(Autoscaler& next, Known& known, const Scale& scale,
                           std::stop_token stop);
  Task<Status> rescale(Autoscaler& next, Known& known, const client::ResourceType& target,
                       Scale scale, int32_t wanted, std::string why, std::stop_token stop);
  Status checkSelector(Autoscaler& next, Known& known, const std::string& text, Pods& pods);
  [[nodiscard]] Counting counting(const Autoscaler& autoscaler, int32_t current) const;

  Options options_;
  MetricsSource metrics_;
  client::Informer& autoscalers_;
  client::Informer& pods_;
  std::map<std::string, Known> known_;  ///< by key
};

}  // namespace coxswain::controllers::podautoscaler
