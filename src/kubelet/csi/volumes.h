#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "api/reflect/map.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/csi/volume_data.h"
#include "runtime/executor.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::csi {

/// Below a pod's folder: its CSI volumes, and its links to raw block volumes.
inline constexpr std::string_view kPodVolumes = "/volumes/kubernetes.io~csi";
inline constexpr std::string_view kPodDevices = "/volumeDevices/kubernetes.io~csi";

/// A volume for one pod, all that the cluster says of it.
struct MountSpec {
  VolumeData data;  ///< what is kept beside the mount
  /// pods/<uid>/volumes/kubernetes.io~csi/<name>, with the mount in it; of a raw block volume the
  /// link pods/<uid>/volumeDevices/kubernetes.io~csi/<name> to the device.
  std::string folder;
  std::string device;  ///< where a raw block volume is published; empty: it is a file system
  std::string accessMode = "ReadWriteOnce";
  std::string fsType;
  std::vector<std::string> mountOptions;
  bool readOnly = false;
  std::optional<int64_t> fsGroup;  ///< for drivers that set it themselves
  api::Map<std::string> publishContext;
  api::Map<std::string> volumeContext;
  api::Map<std::string> podContext;  ///< what publishing gets beside volumeContext
  api::Map<std::string> stageSecrets;
  api::Map<std::string> publishSecrets;
  [[nodiscard]] bool persistent() const { return data.lifecycleMode != "Ephemeral"; }
  [[nodiscard]] bool block() const { return !device.empty(); }
  [[nodiscard]] std::string target() const { return block() ? device : folder + "/mount"; }
};

/// Bytes and inodes as a driver counts them; unset: it does not say.
struct VolumeStats {
  struct Counts {
    int64_t available = 0;
    int64_t total = 0;
    int64_t used = 0;
  };
  std::optional<Counts> bytes;
  std::optional<Counts> inodes;
};

/// CSI volumes of this node: staged once, published for each pod, ended in the other order. What is
/// where stands on the disk (vol_data.json); in memory is only who uses a staged volume and what
/// this process has done already. Drivers' calls may be repeated, and are, after a restart.
/// One executor. Upstream: pkg/volume/csi/{csi_attacher,csi_mounter,expander}.go.
class Volumes {
 public:
  struct Dependencies {
    Executor& executor;
    Files& files;
    Mounter& mounter;
    Drivers& drivers;
    /// Called when inUse() has changed.
    std::function<void()> onInUse;
  };

  Volumes(Dependencies dependencies, std::string rootDir);
  ~Volumes();
  Volumes(const Volumes&) = delete;
  Volumes& operator=(const Volumes&) = delete;

  /// Finds what an earlier kubelet left. Before anything else.
  void load();

  /// From here until the last unmount the volume is one that this node uses; waits until the
  /// cluster knows it (`reported`). For volumes that somebody attaches.
  Task<Status> claim(std::shared_ptr<const MountSpec> spec, std::stop_token stop);
  /// node.status.volumesInUse.
  [[nodiscard]] std::vector<std::string> inUse() const;
  /// What the API server has been told.
  void reported(const std::vector<std::string>& names);

  /// Staged, where the driver wants it. Messages as upstream's behind "MountVolume.MountDevice
  /// failed for volume ...".
  Task<Status> stage(std::shared_ptr<const MountSpec> spec, std::stop_token stop);
  /// Published; after stage. True: the driver has set the fsGroup.
  Task<Result<bool>> publish(std::shared_ptr<const MountSpec> spec, std::stop_token stop);
  /// Ends all of a pod's: unpublished, unstaged where nobody else uses it. Works for pods that
  /// only the disk knows.
  Task<Status> unmountPod(std::string podDir, std::stop_token stop);
  /// Unstages what no pod uses: an earlier kubelet came no further. Call it when a driver came.
  Task<void> unstageUnused(std::string driver, std::stop_token stop);

  /// NotFound: the driver does not count.
  Task<Result<VolumeStats>> stats(std::string folder, std::stop_token stop);
  /// False: the driver does nothing on nodes.
  Task<Result<bool>> expands(std::string driver, std::stop_token stop);
  /// The size that it has then, 0: the driver does not say.
  Task<Result<int64_t>> expand(std::shared_ptr<const MountSpec> spec, int64_t bytes,
                               api::Map<std::string> secrets, std::stop_token stop);

 private:
  struct Device {
    std::string driver;
    std::string handle;
    std::string staging;            ///< where it is staged
    std::string record;             ///< folder of its vol_data.json
    std::set<std::string> folders;  ///< of pods that use it
    bool attachable = false;
    bool staged = false;  ///< by this process
    Semaphore turn{1};    ///< one stages or unstages
  };
  using DevicePointer = std::shared_ptr<Device>;  // shared with whoever waits for its turn

  /// `block` names the PersistentVolume of a raw block volume; empty: it is none.
  DevicePointer deviceOf(const std::string& driver, const std::string& handle,
                         const std::string& block);
  DevicePointer deviceOf(const MountSpec& spec) {
    const auto& data = spec.data;
    return deviceOf(data.driverName, data.volumeHandle, spec.block() ? data.specVolId : "");
  }
  void loadBlocks(const std::string& pods);
  [[nodiscard]] std::vector<DevicePointer> usedBelow(const std::string& path) const;
  Task<Status> stageNow(const DevicePointer device, std::shared_ptr<const MountSpec> spec,
                        std::stop_token stop);
  Status prepareTarget(const MountSpec& spec);
  Task<Status> unmountOne(std::string folder, std::stop_token stop);
  Task<Status> unmapOne(std::string link, std::string podUid, std::stop_token stop);
  Task<Status> unpublish(std::string driver, std::string handle, std::string target,
                         std::stop_token stop);
  Task<Status> release(DevicePointer device, std::string folder, std::stop_token stop);
  Task<Status> unstage(const DevicePointer device, std::stop_token stop);
  Task<Status> unstageNow(const DevicePointer device, std::stop_token stop);
  Task<Result<VolumeCapability>> capabilityOf(std::shared_ptr<const MountSpec> spec,
                                              std::shared_ptr<Driver> driver, std::stop_token stop);
  void changed() const {
    if (deps_.onInUse) deps_.onInUse();
  }
  Dependencies deps_;
  std::string rootDir_;
  std::map<std::string, DevicePointer> devices_;  // by uniqueVolumeName
  std::set<std::string> reported_;
  WaitList reports_;
};

}  // namespace coxswain::kubelet::csi
