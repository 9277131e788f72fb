// Which volumes this node uses: found on the disk, told to the cluster.

#include "kubelet/csi/volumes.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::csi {
namespace {

/// The cluster is told when the node's status is written; without an answer, on with it.
constexpr Duration kReportTimeout = 1min;

}  // namespace

void Volumes::load() {
  auto& files = deps_.files;
  const auto names = [&files](const std::string& folder) {
    return files.list(folder).valueOr(std::vector<std::string>());
  };
  const std::string pods = rootDir_ + "/pods";
  for (const auto& pod : names(pods)) {
    const std::string volumes = pods + "/" + pod + std::string(kPodVolumes);
    for (const auto& name : names(volumes)) {
      const std::string folder = volumes + "/" + name;
      const auto data = readVolumeData(files, folder);
      if (!data.ok() || data->lifecycleMode == "Ephemeral") continue;
      const auto device = deviceOf(data->driverName, data->volumeHandle, "");
      device->folders.insert(folder);
      device->attachable = true;  // for all that is known: it is taken back with the last use
    }
  }
  loadBlocks(pods);
  const std::string plugins = rootDir_ + "/plugins/kubernetes.io/csi";
  for (const auto& driver : names(plugins)) {
    for (const auto& hash : names(plugins + "/" + driver)) {
      const auto data = readVolumeData(files, plugins + "/" + driver + "/" + hash);
      if (data.ok()) deviceOf(data->driverName, data->volumeHandle, "")->attachable = true;
    }
  }
}

void Volumes::loadBlocks(const std::string& pods) {
  auto& files = deps_.files;
  const auto names = [&files](const std::string& folder) {
    return files.list(folder).valueOr(std::vector<std::string>());
  };
  const std::string blocks = blockFolder(rootDir_);
  for (const auto& name : names(blocks)) {
    const auto data = readVolumeData(files, blocks + "/" + name + "/data");
    if (!data.ok()) continue;
    const auto device = deviceOf(data->driverName, data->volumeHandle, name);
    device->attachable = true;
    for (const auto& pod : names(pods)) {
      const std::string link = pods + "/" + pod + std::string(kPodDevices) + "/" + name;
      if (files.exists(link)) device->folders.insert(link);
    }
  }
}

std::vector<std::string> Volumes::inUse() const {
  std::vector<std::string> names;
  for (const auto& [name, device] : devices_) {
    if (device->attachable) names.push_back(name);
  }
  return names;
}

void Volumes::reported(const std::vector<std::string>& names) {
  reported_ = std::set<std::string>(names.begin(), names.end());
  reports_.notifyAll();
}

Task<Status> Volumes::claim(std::shared_ptr<const MountSpec> spec, std::stop_token stop) {
  const std::string name = uniqueVolumeName(spec->data.driverName, spec->data.volumeHandle);
  const auto device = deviceOf(*spec);
  device->folders.insert(spec->folder);
  if (!std::exchange(device->attachable, true)) changed();
  Deadline deadline(kReportTimeout, stop);
  while (!reported_.contains(name)) {
    const Status told = co_await reports_.wait(deadline.token());
    if (stop.stop_requested()) co_return canceled();
    if (!told.ok()) {
      co_return serviceUnavailable("the volume is not reported as in use by the node yet");
    }
  }
  co_return Status();
}

std::vector<Volumes::DevicePointer> Volumes::usedBelow(const std::string& path) const {
  std::vector<DevicePointer> used;
  for (const auto& [name, device] : devices_) {
    const auto first = device->folders.lower_bound(path);
    if (first != device->folders.end() && first->starts_with(path)) used.push_back(device);
  }
  return used;
}

}  // namespace coxswain::kubelet::csi
