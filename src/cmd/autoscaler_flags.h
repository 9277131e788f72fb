#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/result.h"
#include "controllers/podautoscaler/controller.h"

namespace coxswain::cmd {

/// --horizontal-pod-autoscaler-*, of both kube-controller-manager and up.
struct AutoscalerFlags {
  controllers::podautoscaler::PodAutoscaler::Options options;
  std::string period = "15s";
  std::string downscaleStabilization = "5m0s";
  std::string cpuInitialization = "5m0s";
  std::string initialReadinessDelay = "30s";
};

void addAutoscalerFlags(CLI::App& app, AutoscalerFlags& flags);
/// The options with what the flags say. BadRequest for what is no time.
Result<controllers::podautoscaler::PodAutoscaler::Options> autoscalerOptions(
    const AutoscalerFlags& flags);

}  // namespace coxswain::cmd
