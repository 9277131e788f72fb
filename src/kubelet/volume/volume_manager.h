#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "client/event_recorder.h"
#include "kubelet/env/environment.h"
#include "kubelet/env/object_cache.h"
#include "kubelet/volume/volume_usage.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::csi {
class Volumes;
}

namespace coxswain::kubelet {

/// One mount of a container, as CRI's Mount wants it.
struct ContainerMount {
  std::string volume;  ///< name in the pod
  std::string hostPath;
  std::string containerPath;
  bool readOnly = false;
  bool recursiveReadOnly = false;
  std::string propagation;  ///< "None", "HostToContainer", "Bidirectional"; never empty
};

/// One device of a container, as CRI's Device wants it.
struct ContainerDevice {
  std::string hostPath;
  std::string containerPath;
  bool readOnly = false;
};

struct VolumeManagerOptions {
  std::string rootDir = "/var/lib/kubelet";
  std::string nodeName;
  /// mountPod gives up after this; upstream: 2m3s.
  Duration mountTimeout = 123s;
  Duration retryMin = 500ms;
  Duration retryMax = 122s;
  /// Big folders are removed on a thread of their own: not under simulation.
  bool removeOnThread = false;
};

/// Makes pods' volumes ready below <rootDir>/pods/<uid>/volumes/kubernetes.io~<kind>/<name>, keeps
/// mounted config maps, secrets, tokens and downward files up to date, and cleans up. Failures
/// become FailedMount events in upstream's words and are tried again with backoff. One executor;
/// stop() before destruction (mounts stay: containers may live on).
/// Upstream: pkg/kubelet/volumemanager.
class VolumeManager {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
  /// Facts of downwardAPI volumes: addresses and allocatable.
  using FactsFunction = std::function<EnvironmentFacts(const api::core::v1::Pod&)>;

  struct Dependencies {
    client::Client& client;
    Executor& executor;
    Random& random;
    Files& files;
    Mounter& mounter;
    ObjectCache& objects;
    client::EventRecorder& events;
    FactsFunction facts;
    csi::Volumes* csi = nullptr;  ///< null: CSI volumes are refused
  };

  VolumeManager(Dependencies dependencies, VolumeManagerOptions options);
  ~VolumeManager();
  VolumeManager(const VolumeManager&) = delete;
  VolumeManager& operator=(const VolumeManager&) = delete;

  /// All volumes that the pod's containers use are ready. Call it at each sync of a pod: it costs
  /// nothing when all is there, and brings label changes into downward files. Waits and retries;
  /// Timeout: `unmounted volumes=[x], unattached volumes=[], failed to process volumes=[]: context
  /// deadline exceeded`. Call objects.addPod first (or let mountPod do it: it does).
  Task<Status> mountPod(PodPointer pod, std::stop_token stop);

  /// Mounts of one container, subPaths bound and ready. After mountPod. A failure's message is what
  /// stands in CreateContainerConfigError (`failed to prepare subPath for volumeMount "x" of
  /// container "y"`).
  Task<Result<std::vector<ContainerMount>>> containerMounts(
      PodPointer pod, std::shared_ptr<const api::core::v1::Container> container,
      std::vector<EnvironmentVariable> environment, std::stop_token stop);

  /// Raw block volumes of one container. After mountPod.
  [[nodiscard]] Result<std::vector<ContainerDevice>> containerDevices(
      const api::core::v1::Pod& pod, const api::core::v1::Container& container) const;

  /// Ends updates, unmounts and removes the pod's volumes (its hostPaths stay, of course), then its
  /// folder <rootDir>/pods/<uid>. After its containers ended. Works for pods that only the disk
  /// knows. Success where nothing is there; Conflict where something stayed mounted.
  Task<Status> unmountPod(std::string uid, std::stop_token stop);

  /// Uids with a folder on disk: what an earlier kubelet left counts too.
  [[nodiscard]] std::vector<std::string> podsOnDisk() const;
  /// unmountPod(uid) has something to do: pods are not gone from the API before this is false.
  [[nodiscard]] bool hasVolumes(const std::string& uid) const;

  /// What claims' volumes of a pod hold, as far as somebody counts it.
  Task<std::vector<VolumeUsage>> usage(std::string uid, std::stop_token stop);

  /// A CSI driver came: volumes that could not be set up are tried at once.
  void driverCame();

  /// Supplemental groups and the like need no help from here; this is the folder itself.
  [[nodiscard]] std::string podDir(const std::string& uid) const;

  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::kubelet
