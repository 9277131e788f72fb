#include "apiserver/flow_control/metrics.h"

#include <algorithm>

namespace coxswain::apiserver::flow {
namespace {

constexpr const char* kQueue = "priority_and_fairness_config_queue";

void collectFlow(const FlowStats& stats, MetricSink& sink) {
  const MetricLabels labels = {{"flow_schema", stats.schema}, {"priority_level", stats.level}};
  auto with = [&](const char* name, std::string value) {
    auto more = labels;
    more.emplace_back(name, std::move(value));
    return more;
  };
  sink.counter("apiserver_flowcontrol_dispatched_requests_total", "Requests that got their seats",
               labels, static_cast<double>(stats.dispatched));
  for (size_t i = 0; i < kRefusals.size(); ++i) {
    if (stats.refused[i] == 0) continue;
    sink.counter("apiserver_flowcontrol_rejected_requests_total", "Requests that were refused",
                 with("reason", std::string(kRefusals[i])), static_cast<double>(stats.refused[i]));
  }
  sink.gauge("apiserver_flowcontrol_current_inqueue_requests", "Requests that wait", labels,
             static_cast<double>(stats.waiting));
  sink.gauge("apiserver_flowcontrol_current_executing_requests", "Requests that hold seats", labels,
             static_cast<double>(stats.executing));
  sink.gauge("apiserver_flowcontrol_current_executing_seats", "Seats that are held", labels,
             static_cast<double>(stats.executingSeats));
  sink.histogram("apiserver_flowcontrol_request_wait_duration_seconds",
                 "How long requests waited for their seats", with("execute", "true"),
                 stats.waitOfExecuted);
  if (stats.waitOfRefused.count() > 0) {
    sink.histogram("apiserver_flowcontrol_request_wait_duration_seconds",
                   "How long requests waited for their seats", with("execute", "false"),
                   stats.waitOfRefused);
  }
  sink.histogram("apiserver_flowcontrol_request_execution_seconds",
                 "How long requests held their seats", with("type", "regular"), stats.execution);
}

}  // namespace

void collect(const FlowController& controller, MetricSink& sink) {
  const char* kInflight = "apiserver_current_inflight_requests";
  sink.gauge(kInflight, "Requests that hold seats", {{"request_kind", "readOnly"}},
             static_cast<double>(controller.readsRunning()));
  sink.gauge(kInflight, "Requests that hold seats", {{"request_kind", "mutating"}},
             static_cast<double>(controller.writesRunning()));
  for (const auto& stats : controller.stats()) collectFlow(*stats, sink);
  int64_t idle = 0;
  for (const auto& level : controller.levels()) {
    const auto free = level->limits().nominal - std::max(level->seats(), level->limits().lower);
    idle += std::max<int64_t>(free, 0);
  }
  for (const auto& level : controller.levels()) {
    const MetricLabels labels = {{"priority_level", level->name()}};
    auto gauge = [&](const char* name, const char* help, int64_t value) {
      sink.gauge(name, help, labels, static_cast<double>(value));
    };
    const auto& limits = level->limits();
    gauge("apiserver_flowcontrol_nominal_limit_seats", "Share of the server's seats",
          limits.nominal);
    gauge("apiserver_flowcontrol_lower_limit_seats", "Seats that are not lent", limits.lower);
    gauge("apiserver_flowcontrol_upper_limit_seats", "Seats with all that may be borrowed",
          limits.upper);
    const auto own = std::max(level->seats(), limits.nominal);
    gauge("apiserver_flowcontrol_current_limit_seats", "Seats that it could hold now",
          std::min(limits.upper, own + idle));
    gauge("apiserver_flowcontrol_demand_seats_current", "Seats that are held or waited for",
          level->seats() + level->waitingSeats());
    gauge("apiserver_flowcontrol_current_inqueue_seats", "Seats that are waited for",
          level->waitingSeats());
  }
}

void collect(const ConfigConsumer& consumer, MetricSink& sink) {
  sink.gauge("workqueue_depth", "Keys that wait", {{"name", kQueue}},
             static_cast<double>(consumer.depth()));
  sink.counter("workqueue_adds_total", "Keys that were added", {{"name", kQueue}},
               static_cast<double>(consumer.added()));
}

}  // namespace coxswain::apiserver::flow
