// What volumes hold, and how they grow.

#include "kubelet/csi/volumes.h"

namespace coxswain::kubelet::csi {

Task<Result<VolumeStats>> Volumes::stats(std::string folder, std::stop_token stop) {
  CO_TRY(const auto data, readVolumeData(deps_.files, folder));
  CO_TRY(const auto driver, deps_.drivers.get(data.driverName));
  CO_TRY(const auto known, co_await driver->capabilities(stop));
  if (!known.contains(GET_VOLUME_STATS)) {
    co_return Status(Reason::NotFound, 404, "driver " + data.driverName + " has no statistics");
  }
  NodeGetVolumeStatsRequest request;
  request.volumeId = data.volumeHandle;
  request.volumePath = folder + "/mount";
  CO_TRY(const auto answer, co_await driver->stats(std::move(request), std::move(stop)));
  VolumeStats stats;
  for (const auto& usage : answer.usage) {
    VolumeStats::Counts counts{usage.available, usage.total, usage.used};
    if (usage.unit == BYTES) stats.bytes = counts;
    if (usage.unit == INODES) stats.inodes = counts;
  }
  co_return stats;
}

Task<Result<bool>> Volumes::expands(std::string driver, std::stop_token stop) {
  CO_TRY(const auto found, deps_.drivers.get(driver));
  CO_TRY(const auto known, co_await found->capabilities(std::move(stop)));
  co_return known.contains(EXPAND_VOLUME);
}

Task<Result<int64_t>> Volumes::expand(std::shared_ptr<const MountSpec> spec, int64_t bytes,
                                      api::Map<std::string> secrets, std::stop_token stop) {
  const auto& data = spec->data;
  CO_TRY(const auto driver, deps_.drivers.get(data.driverName));
  CO_TRY(const auto known, co_await driver->capabilities(stop));
  CO_TRY(auto capability, co_await capabilityOf(spec, driver, stop));
  NodeExpandVolumeRequest request;
  request.volumeId = data.volumeHandle;
  request.volumePath = spec->target();
  request.capacityRange.getOrCreate().requiredBytes = bytes;
  if (known.contains(STAGE_UNSTAGE_VOLUME)) {
    request.stagingTargetPath = deviceOf(*spec)->staging;
  }
  request.volumeCapability.getOrCreate() = std::move(capability);
  request.secrets = std::move(secrets);
  co_return co_await driver->expand(std::move(request), std::move(stop));
}

}  // namespace coxswain::kubelet::csi
