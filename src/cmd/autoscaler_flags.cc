#include "cmd/autoscaler_flags.h"

#include "api/meta/time.h"

namespace coxswain::cmd {
namespace {

Status readDuration(const char* flag, const std::string& text, bool zero, Duration& into) {
  auto parsed = api::GoDuration::parse(text);
  if (!parsed.ok()) return parsed.status().withContext(flag);
  if (parsed->nanos < 0 || (parsed->nanos == 0 && !zero)) {
    return badRequest(std::string(flag) + ": must be greater than 0");
  }
  into = parsed->duration();
  return {};
}

}  // namespace

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
  TRY_STATUS(
      readDuration("--horizontal-pod-autoscaler-sync-period", flags.period, false, out.period));
  TRY_STATUS(readDuration("--horizontal-pod-autoscaler-downscale-stabilization",
                          flags.downscaleStabilization, true, out.downscaleStabilization));
  TRY_STATUS(readDuration("--horizontal-pod-autoscaler-cpu-initialization-period",
                          flags.cpuInitialization, true, out.cpuInitialization));
  TRY_STATUS(readDuration("--horizontal-pod-autoscaler-initial-readiness-delay",
                          flags.initialReadinessDelay, true, out.initialReadinessDelay));
  return out;
}

}  // namespace coxswain::cmd
