#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/result.h"
#include "controllers/manager.h"

namespace coxswain::cmd {

/// Flags of kube-controller-manager on services and quotas: how much at once, how often.
struct ServicesFlags {
  std::string endpointsBatch = "0s";
  std::string slicesBatch = "0s";
  std::string mirroringBatch = "0s";
  std::string quotaPeriod = "5m0s";
};

void addServicesFlags(CLI::App& app, ServicesFlags& flags, controllers::ManagerOptions& options);
/// BadRequest for what is no time.
Status completeServices(const ServicesFlags& flags, controllers::ManagerOptions& options);

}  // namespace coxswain::cmd
