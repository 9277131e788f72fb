#include "cmd/services_flags.h"

#include "cmd/duration_flag.h"

namespace coxswain::cmd {

void addServicesFlags(CLI::App& app, ServicesFlags& flags, controllers::ManagerOptions& options) {
  app.add_option("--max-endpoints-per-slice", options.endpointsPerSliceMax,
                 "endpoints in one EndpointSlice")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--mirroring-max-endpoints-per-subset", options.mirroredAddressesMax,
                 "addresses of a subset of Endpoints that are shown as EndpointSlices")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--endpoint-updates-batch-period", flags.endpointsBatch,
                 "how long changes of pods are gathered before Endpoints are written")
      ->capture_default_str();
  app.add_option("--endpointslice-updates-batch-period", flags.slicesBatch,
                 "how long changes of pods are gathered before EndpointSlices are written")
      ->capture_default_str();
  app.add_option("--mirroring-endpointslice-updates-batch-period", flags.mirroringBatch,
                 "how long changes of Endpoints are gathered before they are mirrored")
      ->capture_default_str();
  app.add_option("--resource-quota-sync-period", flags.quotaPeriod,
                 "how often a quota is counted that nothing happens to")
      ->capture_default_str();
}

Status completeServices(const ServicesFlags& flags, controllers::ManagerOptions& options) {
  TRY(options.endpointsBatchPeriod,
      timeOf("--endpoint-updates-batch-period", flags.endpointsBatch));
  TRY(options.endpointSliceBatchPeriod,
      timeOf("--endpointslice-updates-batch-period", flags.slicesBatch));
  TRY(options.mirroringBatchPeriod,
      timeOf("--mirroring-endpointslice-updates-batch-period", flags.mirroringBatch));
  TRY(options.resourceQuotaSyncPeriod,
      positiveTimeOf("--resource-quota-sync-period", flags.quotaPeriod));
  return {};
}

}  // namespace coxswain::cmd
