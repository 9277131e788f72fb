#include "cmd/services_flags.h"

#include "api/meta/time.h"

namespace coxswain::cmd {

static Status readDuration(const char* flag, const std::string& text, bool zero, Duration& into) {
  auto parsed = api::GoDuration::parse(text);
  if (!parsed.ok()) return parsed.status().withContext(flag);
  if (parsed->nanos < 0 || (parsed->nanos == 0 && !zero)) {
    return badRequest(std::string(flag) + ": must be greater than 0");
  }
  into = parsed->duration();
  return {};
}

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
  TRY_STATUS(readDuration("--endpoint-updates-batch-period", flags.endpointsBatch, true,
                          options.endpointsBatchPeriod));
  TRY_STATUS(readDuration("--endpointslice-updates-batch-period", flags.slicesBatch, true,
                          options.endpointSliceBatchPeriod));
  TRY_STATUS(readDuration("--mirroring-endpointslice-updates-batch-period", flags.mirroringBatch,
                          true, options.mirroringBatchPeriod));
  return readDuration("--resource-quota-sync-period", flags.quotaPeriod, false,
                      options.resourceQuotaSyncPeriod);
}

}  // namespace coxswain::cmd
