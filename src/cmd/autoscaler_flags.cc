#include "cmd/autoscaler_flags.h"

#include "cmd/duration_flag.h"

namespace coxswain::cmd {
void addAutoscalerFlags(CLI::App& app, AutoscalerFlags& flags) {
  app.add_option("--horizontal-pod-autoscaler-sync-period", flags.period,
                 "how often autoscalers are looked at")
      ->capture_default_str();
  app.add_option("--horizontal-pod-autoscaler-downscale-stabilization",
                 flags.downscaleStabilization, "for how long the highest recommendation holds")
      ->capture_default_str();
  app.add_option("--horizontal-pod-autoscaler-cpu-initialization-period", flags.cpuInitialization,
                 "how long after a pod's start its CPU counts only once it is ready")
      ->capture_default_str();
  app.add_option("--horizontal-pod-autoscaler-initial-readiness-delay", flags.initialReadinessDelay,
                 "how long after its start a pod counts as never ready")
      ->capture_default_str();
  app.add_option("--horizontal-pod-autoscaler-tolerance", flags.options.tolerance,
                 "by how much the ratio of use to target may be off without a change")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--concurrent-horizontal-pod-autoscaler-syncs", flags.options.workers,
                 "autoscalers looked at at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

Result<controllers::podautoscaler::PodAutoscaler::Options> autoscalerOptions(
    const AutoscalerFlags& flags) {
  auto out = flags.options;
  TRY(out.period, positiveTimeOf("--horizontal-pod-autoscaler-sync-period", flags.period));
  TRY(out.downscaleStabilization,
      timeOf("--horizontal-pod-autoscaler-downscale-stabilization", flags.downscaleStabilization));
  TRY(out.cpuInitialization,
      timeOf("--horizontal-pod-autoscaler-cpu-initialization-period", flags.cpuInitialization));
  TRY(out.initialReadinessDelay,
      timeOf("--horizontal-pod-autoscaler-initial-readiness-delay", flags.initialReadinessDelay));
  return out;
}

}  // namespace coxswain::cmd
