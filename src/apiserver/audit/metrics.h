#pragma once

#include "apiserver/audit/auditor.h"
#include "base/metric_sink.h"

namespace coxswain::apiserver::audit {

/// apiserver_audit_*. Null: nothing is audited.
void collect(const Auditor* auditor, MetricSink& sink);

}  // namespace coxswain::apiserver::audit
