#include "kubelet/csi/volumes.h"

#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::csi {
namespace {

const Logger kLog("csi");

}  // namespace

Volumes::Volumes(Dependencies dependencies, std::string rootDir)
    : deps_(std::move(dependencies)), rootDir_(std::move(rootDir)) {}
Volumes::~Volumes() = default;

Volumes::DevicePointer Volumes::deviceOf(const std::string& driver, const std::string& handle,
                                         const std::string& block) {
  auto& device = devices_[uniqueVolumeName(driver, handle)];
  if (device) return device;
  device = std::make_shared<Device>();
  device->driver = driver;
  device->handle = handle;
  if (block.empty()) {
    device->record = deviceFolder(rootDir_, driver, handle);
    device->staging = device->record + "/globalmount";
  } else {
    device->record = blockFolder(rootDir_) + "/" + block + "/data";
    device->staging = blockFolder(rootDir_) + "/staging/" + block;
  }
  return device;
}

Task<Result<VolumeCapability>> Volumes::capabilityOf(std::shared_ptr<const MountSpec> spec,
                                                     std::shared_ptr<Driver> driver,
                                                     std::stop_token stop) {
  CO_TRY(const auto known, co_await driver->capabilities(std::move(stop)));
  const bool fine = known.contains(SINGLE_NODE_MULTI_WRITER_CAPABILITY);
  VolumeCapability capability;
  if (spec->block()) {
    capability.block.emplace();
  } else {
    auto& mount = capability.mount.emplace();
    mount.fsType = spec->fsType;
    mount.mountFlags = spec->mountOptions;
    if (spec->fsGroup && known.contains(VOLUME_MOUNT_GROUP)) {
      mount.volumeMountGroup = std::to_string(*spec->fsGroup);
    }
  }
  int32_t mode = fine ? SINGLE_NODE_MULTI_WRITER : SINGLE_NODE_WRITER;
  if (spec->accessMode == "ReadOnlyMany") mode = MULTI_NODE_READER_ONLY;
  if (spec->accessMode == "ReadWriteMany") mode = MULTI_NODE_MULTI_WRITER;
  if (spec->accessMode == "ReadWriteOncePod") {
    mode = fine ? SINGLE_NODE_SINGLE_WRITER : SINGLE_NODE_WRITER;
  }
  capability.accessMode.emplace().mode = mode;
  co_return capability;
}

Task<Status> Volumes::stage(std::shared_ptr<const MountSpec> spec, std::stop_token stop) {
  const auto device = deviceOf(*spec);
  device->folders.insert(spec->folder);
  CO_TRY_STATUS(co_await device->turn.acquire(stop));
  Status done;
  if (!device->staged) done = co_await stageNow(device, std::move(spec), std::move(stop));
  device->turn.release();
  co_return done;
}

Task<Status> Volumes::stageNow(const DevicePointer device, std::shared_ptr<const MountSpec> spec,
                               std::stop_token stop) {
  auto found = deps_.drivers.get(device->driver);
  if (!found.ok()) {
    co_return found.status().withContext(
        "kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient");
  }
  const auto driver = *found;
  CO_TRY(const auto known, co_await driver->capabilities(stop));
  if (!known.contains(STAGE_UNSTAGE_VOLUME)) {
    device->staged = true;
    co_return Status();
  }
  CO_TRY_STATUS(deps_.files.mkdirs(device->staging, 0750));
  CO_TRY_STATUS(deps_.files.mkdirs(device->record, 0750));
  VolumeData data;
  if (spec->block()) data = spec->data;
  data.driverName = device->driver;
  data.volumeHandle = device->handle;
  CO_TRY_STATUS(writeVolumeData(deps_.files, device->record, data));
  CO_TRY(auto capability, co_await capabilityOf(spec, driver, stop));
  NodeStageVolumeRequest request;
  request.volumeId = device->handle;
  request.publishContext = spec->publishContext;
  request.stagingTargetPath = device->staging;
  request.volumeCapability.getOrCreate() = std::move(capability);
  request.secrets = spec->stageSecrets;
  request.volumeContext = spec->volumeContext;
  Status staged = co_await driver->stage(std::move(request), std::move(stop));
  device->staged = staged.ok();
  co_return staged;
}

Task<Result<bool>> Volumes::publish(std::shared_ptr<const MountSpec> spec, std::stop_token stop) {
  const auto& data = spec->data;
  auto found = deps_.drivers.get(data.driverName);
  if (!found.ok()) {
    co_return found.status().withContext(
        "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client");
  }
  const auto driver = *found;
  CO_TRY(const auto known, co_await driver->capabilities(stop));
  CO_TRY(auto capability, co_await capabilityOf(spec, driver, stop));
  const bool grouped = capability.mount && !capability.mount->volumeMountGroup.empty();
  CO_TRY_STATUS(prepareTarget(*spec));
  NodePublishVolumeRequest request;
  request.volumeId = data.volumeHandle;
  request.publishContext = spec->publishContext;
  if (spec->persistent() && known.contains(STAGE_UNSTAGE_VOLUME)) {
    request.stagingTargetPath = deviceOf(*spec)->staging;
  }
  request.targetPath = spec->target();
  request.volumeCapability.getOrCreate() = std::move(capability);
  request.readonly = spec->readOnly;
  request.secrets = spec->publishSecrets;
  request.volumeContext = spec->volumeContext;
  for (const auto& [key, value] : spec->podContext) request.volumeContext[key] = value;
  CO_TRY_STATUS(co_await driver->publish(std::move(request), std::move(stop)));
  co_return grouped;
}

/// What a later kubelet needs to end it, and the folders that drivers expect.
Status Volumes::prepareTarget(const MountSpec& spec) {
  auto& files = deps_.files;
  if (!spec.block()) {
    TRY_STATUS(files.mkdirs(spec.folder, 0750));
    return writeVolumeData(files, spec.folder, spec.data);
  }
  const auto device = deviceOf(spec);
  TRY_STATUS(files.mkdirs(device->record, 0750));
  TRY_STATUS(writeVolumeData(files, device->record, spec.data));
  TRY_STATUS(files.mkdirs(std::string(parentPath(spec.device)), 0750));
  TRY_STATUS(files.mkdirs(std::string(parentPath(spec.folder)), 0750));
  return files.exists(spec.folder) ? Status() : files.symlink(spec.device, spec.folder);
}

Task<Status> Volumes::unmountPod(std::string podDir, std::stop_token stop) {
  const std::string volumes = podDir + std::string(kPodVolumes);
  const std::string links = podDir + std::string(kPodDevices);
  const std::string uid(baseName(podDir));
  Status failure;
  for (auto& name : deps_.files.list(volumes).valueOr(std::vector<std::string>())) {
    Status done = co_await unmountOne(volumes + "/" + name, stop);
    if (!done.ok()) failure = done;  // the others can end all the same
  }
  for (auto& name : deps_.files.list(links).valueOr(std::vector<std::string>())) {
    Status done = co_await unmapOne(links + "/" + name, uid, stop);
    if (!done.ok()) failure = done;
  }
  // Those that came no further than being claimed or staged.
  for (const auto& device : usedBelow(podDir + "/")) {
    for (auto& folder : std::vector<std::string>(device->folders.begin(), device->folders.end())) {
      const bool link = folder.starts_with(links + "/");
      if (!folder.starts_with(podDir + "/") ||
          deps_.files.exists(link ? folder : joinPath(folder, kVolumeDataFile))) {
        continue;
      }
      Status done = co_await release(device, folder, stop);
      if (!done.ok()) failure = done;
    }
  }
  co_return failure;
}

Task<Status> Volumes::unpublish(std::string driver, std::string handle, std::string target,
                                std::stop_token stop) {
  auto found = deps_.drivers.get(driver);
  if (!found.ok()) {
    co_return found.status().withContext(
        "kubernetes.io/csi: Unmounter.TearDownAt failed to get CSI client");
  }
  const auto known = *found;
  NodeUnpublishVolumeRequest request;
  request.volumeId = std::move(handle);
  request.targetPath = std::move(target);
  Status ended = co_await known->unpublish(std::move(request), std::move(stop));
  co_return ended.withContext("kubernetes.io/csi: Unmounter.TearDownAt failed");
}

/// A pod's link to a raw block volume.
Task<Status> Volumes::unmapOne(std::string link, std::string podUid, std::stop_token stop) {
  const std::string name(baseName(link));
  const std::string blocks = blockFolder(rootDir_);
  const auto data = readVolumeData(deps_.files, blocks + "/" + name + "/data");
  if (isNotFound(data.status())) co_return deps_.files.remove(link);
  CO_TRY_STATUS(data.status());
  const std::string target = blocks + "/publish/" + name + "/" + podUid;
  CO_TRY_STATUS(co_await unpublish(data->driverName, data->volumeHandle, target, stop));
  CO_TRY_STATUS(deps_.files.remove(target));
  CO_TRY_STATUS(co_await release(deviceOf(data->driverName, data->volumeHandle, name), link, stop));
  co_return deps_.files.remove(link);
}

Task<Status> Volumes::unmountOne(std::string folder, std::stop_token stop) {
  auto data = readVolumeData(deps_.files, folder);
  if (isNotFound(data.status())) co_return Status();  // nothing was published yet
  if (!data.ok()) co_return data.status().withContext(joinPath(folder, kVolumeDataFile));
  CO_TRY_STATUS(co_await unpublish(data->driverName, data->volumeHandle, folder + "/mount", stop));
  // Drivers remove the target; what they leave goes, but never what is in a volume.
  CO_TRY(const bool mounted, deps_.mounter.isMountPoint(folder + "/mount"));
  if (mounted) {
    co_return Status(Reason::Conflict, 409, folder + "/mount is mounted after NodeUnpublishVolume");
  }
  CO_TRY_STATUS(deps_.files.remove(folder + "/mount"));
  if (data->lifecycleMode != "Ephemeral") {
    CO_TRY_STATUS(
        co_await release(deviceOf(data->driverName, data->volumeHandle, ""), folder, stop));
  }
  CO_TRY_STATUS(deps_.files.remove(joinPath(folder, kVolumeDataFile)));
  co_return deps_.files.remove(folder);
}

/// One use less. While its vol_data.json is there, a next try ends here again.
Task<Status> Volumes::release(DevicePointer device, std::string folder, std::stop_token stop) {
  device->folders.erase(folder);
  Status done = co_await unstage(device, std::move(stop));
  if (!done.ok()) device->folders.insert(std::move(folder));
  co_return done;
}

Task<Status> Volumes::unstageNow(const DevicePointer device, std::stop_token stop) {
  CO_TRY(const auto driver, deps_.drivers.get(device->driver));
  CO_TRY(const auto known, co_await driver->capabilities(stop));
  device->staged = false;
  if (known.contains(STAGE_UNSTAGE_VOLUME)) {
    NodeUnstageVolumeRequest request;
    request.volumeId = device->handle;
    request.stagingTargetPath = device->staging;
    CO_TRY_STATUS(co_await driver->unstage(std::move(request), std::move(stop)));
  }
  auto& files = deps_.files;
  CO_TRY_STATUS(files.remove(device->staging));
  const std::string name(baseName(parentPath(device->record)));
  const bool block = device->record.starts_with(blockFolder(rootDir_) + "/");
  if (block) CO_TRY_STATUS(files.remove(blockFolder(rootDir_) + "/publish/" + name));
  CO_TRY_STATUS(files.remove(joinPath(device->record, kVolumeDataFile)));
  CO_TRY_STATUS(files.remove(device->record));
  co_return block ? files.remove(std::string(parentPath(device->record))) : Status();
}

Task<Status> Volumes::unstage(const DevicePointer device, std::stop_token stop) {
  CO_TRY_STATUS(co_await device->turn.acquire(stop));
  Status done;
  if (device->folders.empty() && deps_.files.exists(joinPath(device->record, kVolumeDataFile))) {
    done = co_await unstageNow(device, std::move(stop));
    done = done.withContext("kubernetes.io/csi: attacher.UnmountDevice failed");
  }
  if (done.ok() && device->folders.empty() &&
      devices_.erase(uniqueVolumeName(device->driver, device->handle)) != 0) {
    changed();
  }
  device->turn.release();
  co_return done;
}

Task<void> Volumes::unstageUnused(std::string driver, std::stop_token stop) {
  std::vector<DevicePointer> unused;
  for (const auto& [name, device] : devices_) {
    if (device->driver == driver && device->folders.empty()) unused.push_back(device);
  }
  for (const auto& device : unused) {
    const Status done = co_await unstage(device, stop);
    if (!done.ok() && !stop.stop_requested()) {
      kLog.warn("unstaging a volume that no pod uses failed",
                {{"driver", device->driver}, {"volume", device->handle}, {"error", done}});
    }
  }
}

}  // namespace coxswain::kubelet::csi
