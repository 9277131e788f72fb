#pragma once

#include <stop_token>
#include <string>

#include "api/gen/autoscaling_v2.h"
#include "api/gen/meta_v1.h"
#include "controllers/podautoscaler/metrics_source.h"
#include "controllers/podautoscaler/replicas.h"

namespace coxswain::controllers::podautoscaler {

/// What all metrics of an autoscaler are measured with.
struct Measuring {
  const Counting& counting;
  std::string ns;
  std::string selector;  ///< of the target's pods, as its scale says
  const Pods& pods;      ///< those that it matches
  int32_t running = 0;   ///< replicas by the scale's status
};

/// One metric's outcome.
struct Measured {
  int32_t replicas = 0;
  std::string name;  ///< as events and conditions call it
  api::autoscaling::v2::MetricStatus reading;
  /// Of a failure: what condition and event say, and what is told of the whole.
  Status failure;
  std::string whole;
};

/// Asks for the metric's values and says what they come to.
Task<Measured> measure(const api::autoscaling::v2::MetricSpec& metric, Measuring with,
                       MetricsSource& source, std::stop_token stop);

/// "FailedGetResourceMetric": reason of condition and event.
std::string failureReason(const api::autoscaling::v2::MetricSpec& metric);
/// As upstream prints a selector in names of metrics: "nil", "&LabelSelector{MatchLabels:...}".
std::string selectorText(const api::meta::v1::LabelSelector* selector);

}  // namespace coxswain::controllers::podautoscaler
