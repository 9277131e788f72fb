#pragma once

// Inside of VolumeManager, shared by its files.

#include "kubelet/volume/plugin.h"
#include "kubelet/volume/volume_manager.h"

namespace coxswain::kubelet {

inline constexpr MonotonicTime kNever = MonotonicTime::max();

/// A pod with volumes. One coroutine (keep) does all its setting up, first mounts and updates; it
/// sleeps until something is due.
struct PodVolumes {
  struct State {
    VolumePlugin* plugin = nullptr;
    std::set<ObjectKey> objects;  ///< its content follows these
    bool isReady = false;
    VolumeReady ready;
    Status failure;
    Duration backoff{};
    MonotonicTime due{};  ///< when to set it up (again); kNever: not before something changes
  };

  std::shared_ptr<const api::core::v1::Pod> pod;
  std::map<std::string, State> volumes;  ///< those that containers use
  bool woken = false;
  WaitList wake;
  WaitList progress;
  std::stop_source stop;
  bool running = false;
  Gate gate;  ///< last: passes may outlive nothing above
};

struct VolumeManager::Impl {
  Impl(Dependencies d, VolumeManagerOptions o);

  Task<Status> mountPod(PodPointer pod, std::stop_token stop);
  Task<Result<std::vector<ContainerMount>>> containerMounts(
      PodPointer pod, std::shared_ptr<const api::core::v1::Container> container,
      std::vector<EnvironmentVariable> environment);
  Result<std::vector<ContainerDevice>> containerDevices(
      const api::core::v1::Pod& pod, const api::core::v1::Container& container) const;
  /// Null: it is not ready.
  [[nodiscard]] const VolumeReady* readyVolume(const std::string& uid,
                                               const std::string& name) const;
  Task<Status> unmountPod(std::string uid, std::stop_token stop);
  Task<std::vector<VolumeUsage>> usage(std::string uid, std::stop_token stop);
  void driverCame();
  Task<void> stop();

  /// Brings the state to what the pod says now.
  void adopt(PodVolumes& state, PodPointer pod);
  static Task<void> keep(Impl& self, std::shared_ptr<PodVolumes> state, Gate::Pass own,
                         Gate::Pass all);
  Task<void> setUp(PodVolumes& state, std::string name);
  void succeeded(PodVolumes::State& volume, VolumeReady ready);
  void failed(PodVolumes& state, const std::string& name, PodVolumes::State& volume,
              Status failure);
  void onObject(const ObjectKey& key);
  [[nodiscard]] bool isLate(const PodVolumes::State& volume) const;
  VolumePlugin& pluginOf(const api::core::v1::Volume& volume);
  Result<std::string> subPath(const api::core::v1::Pod& pod, const std::string& container,
                              const std::string& volume, const std::string& root,
                              const std::string& relative, size_t index);
  Task<Status> removeFolder(std::string path);
  [[nodiscard]] std::string podDir(const std::string& uid) const {
    return options.rootDir + "/pods/" + uid;
  }

  Dependencies deps;
  VolumeManagerOptions options;
  TokenCache tokens;
  VolumeHost host;
  std::vector<std::unique_ptr<VolumePlugin>> plugins;
  std::map<std::string, std::shared_ptr<PodVolumes>> pods;  // shared with their coroutines
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  Gate gate;
};

/// "unmounted volumes=[a b], unattached volumes=[], failed to process volumes=[b]: why".
std::string unmountedMessage(const PodVolumes& state, const std::string& failed,
                             std::string_view why);

}  // namespace coxswain::kubelet
