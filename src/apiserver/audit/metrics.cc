#include "apiserver/audit/metrics.h"

namespace coxswain::apiserver::audit {

void collect(const Auditor* auditor, MetricSink& sink) {
  sink.counter("apiserver_audit_event_total", "Events made and handed to the log", {},
               auditor ? static_cast<double>(auditor->events()) : 0);
  sink.counter("apiserver_audit_requests_rejected_total",
               "Requests refused since they could not be audited", {}, 0);
  if (!auditor) return;
  sink.counter("apiserver_audit_error_total", "Events that were lost", {{"plugin", "log"}},
               static_cast<double>(auditor->lost()));
  for (auto level : {Level::None, Level::Metadata, Level::Request, Level::RequestResponse}) {
    sink.counter("apiserver_audit_level_total", "Requests by the level of their policy rule",
                 {{"level", std::string(levelName(level))}},
                 static_cast<double>(auditor->requests(level)));
  }
}

}  // namespace coxswain::apiserver::audit
