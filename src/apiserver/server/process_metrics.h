#pragma once

#include "base/metric_sink.h"

namespace coxswain::apiserver {

/// process_* and what stands for go_goroutines here: threads.
void collectProcess(MetricSink& sink);

}  // namespace coxswain::apiserver
