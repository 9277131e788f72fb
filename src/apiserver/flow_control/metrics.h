#pragma once

#include "apiserver/flow_control/config_consumer.h"
#include "apiserver/flow_control/controller.h"
#include "base/metric_sink.h"

namespace coxswain::apiserver::flow {

/// apiserver_flowcontrol_*, apiserver_current_inflight_requests.
void collect(const FlowController& controller, MetricSink& sink);
/// workqueue_* of the consumer.
void collect(const ConfigConsumer& consumer, MetricSink& sink);

}  // namespace coxswain::apiserver::flow
