#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "scheduler/config/gen/kubescheduler_v1.h"
#include "scheduler/scheduler.h"

namespace coxswain::scheduler {

/// What the configuration file of a kube-scheduler says.
struct SchedulerConfiguration {
  SchedulerOptions options;
  /// With defaults; leader election, client and the rest that the process is told by it.
  config::v1::KubeSchedulerConfiguration file;
};

/// Reads a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) in YAML or JSON, strictly.
/// BadRequest in upstream's words: unknown and duplicate fields, values out of range, plugins that
/// are none. Besides what upstream refuses: profiling, and the plugins that this scheduler lacks.
/// `registrations` empty: plugins::registry().
Result<SchedulerConfiguration> readConfiguration(std::string_view text,
                                                 std::vector<Registration> registrations = {});

}  // namespace coxswain::scheduler
