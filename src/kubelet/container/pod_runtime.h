#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/event_recorder.h"
#include "kubelet/container/actions.h"
#include "kubelet/container/config.h"
#include "kubelet/container/pod_state.h"
#include "kubelet/container/restart_backoff.h"
#include "kubelet/env/environment.h"
#include "kubelet/images/image_manager.h"
#include "kubelet/lifecycle/handlers.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/random.h"

namespace coxswain::client {
class Client;
}

namespace coxswain::kubelet {

/// Why a container does not run: the waiting state of its status.
struct WaitingReason {
  std::string reason;
  std::string message;
  bool operator==(const WaitingReason&) const = default;
};
/// By container name; of those that could not be started.
using WaitingReasons = std::map<std::string, WaitingReason>;

struct SyncOutcome {
  bool changed = false;                ///< something was done: read the pod's state again
  std::optional<Duration> retryAfter;  ///< when a backoff ends or a failed step may be tried again
  Status status;                       ///< the first failure
};

/// Carries pods' containers from how they are to how they should be, over the CRI, and tells of it
/// by events. One executor; a pod's methods one at a time.
/// Upstream: pkg/kubelet/kuberuntime.
class PodRuntime {
 public:
  struct Dependencies {
    Executor& executor;
    client::Client& client;  ///< runtime classes
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    ImageManager& imageManager;
    EnvironmentMaker& environment;
    VolumeManager& volumes;
    LifecycleRunner& hooks;
    client::EventRecorder& events;
    Files& files;
    Random& random;
  };
  struct Options {
    NodeSettings node;
    std::string containerLogsDir;  ///< for links to logs; empty: none
    Duration backoffMax = 300s;
    /// Host addresses and allocatable.
    std::function<EnvironmentFacts()> facts;
  };

  PodRuntime(Dependencies dependencies, Options options);

  /// One step: kills, then a sandbox, then what can be started. Fills and clears `waiting`. The
  /// pod's volumes are mounted and its cgroup is made. `state` is brought up to date with a sandbox
  /// that was made.
  Task<SyncOutcome> sync(PodPointer pod, PodState& state, std::string cgroupParent,
                         HealthFunction health, WaitingReasons& waiting, std::stop_token stop);

  /// Ends all containers (sidecars after the others, last first) and the sandboxes. `grace` is what
  /// each container gets; nothing: the pod's own. `pod` may be one that restorePod made up.
  Task<Status> killPod(PodPointer pod, PodState state, std::optional<int64_t> grace,
                       std::stop_token stop);

  /// Removes a pod's containers and sandboxes, which have ended, and its logs.
  Task<Status> removePod(std::string uid, std::stop_token stop);
  /// Old runs: all but the newest dead one of each container, and dead sandboxes but the newest.
  Task<void> pruneDead(const PodState& state, std::stop_token stop);

  /// A pod object from what the runtime's labels tell, enough for killPod; null: unknown.
  Task<Result<PodPointer>> restorePod(std::string uid, std::stop_token stop);

  void forgetPod(const std::string& uid);
  [[nodiscard]] const NodeSettings& node() const { return options_.node; }
  /// Addresses a pod's programs see: the sandbox's, or the host's.
  [[nodiscard]] EnvironmentFacts factsFor(const api::core::v1::Pod& pod,
                                          const std::vector<std::string>& ips) const;
  void event(const api::core::v1::Pod& pod, const PodContainer* container, std::string_view type,
             std::string_view reason, std::string message);

 private:
  struct Failure;
  struct Start;
  Task<Status> makeSandbox(PodPointer pod, PodState& state, uint32_t attempt,
                           std::string cgroupParent, std::stop_token stop);
  Task<Result<std::string>> runtimeHandler(PodPointer pod, std::stop_token stop);
  Task<Status> stopSandboxes(const PodState& state, std::stop_token stop);
  Task<void> killContainer(PodPointer pod, ContainerKill kill, std::optional<int64_t> grace,
                           std::vector<std::string> ips, std::stop_token stop);
  Task<Status> killAll(PodPointer pod, const PodState& state, std::optional<int64_t> grace,
                       std::stop_token stop);
  /// Nothing: it may start now. Otherwise how long it waits.
  std::optional<Duration> backsOff(PodPointer pod, const PodContainer& container,
                                   const PodState& state, WaitingReasons& waiting);
  Task<std::optional<WaitingReason>> start(PodPointer pod, PodContainer container,
                                           const PodState& state, std::string cgroupParent,
                                           std::stop_token stop);
  Task<std::optional<WaitingReason>> create(Start& start, std::stop_token stop);
  Task<Status> prepare(Start& start, std::stop_token stop);
  Task<std::optional<WaitingReason>> launch(Start& start, std::stop_token stop);
  Task<Result<ImageUser>> imageUser(std::string imageRef, std::stop_token stop);
  Result<std::string> writeHostsFile(const api::core::v1::Pod& pod,
                                     const std::vector<std::string>& ips);
  Result<std::string> makeTerminationLog(const api::core::v1::Pod& pod,
                                         const api::core::v1::Container& container);
  void linkLog(const api::core::v1::Pod& pod, const std::string& container, const std::string& id,
               const std::string& logPath);
  Status removeLogs(const std::string& uid);

  Dependencies deps_;
  Options options_;
  RestartBackoff backoff_;
};

}  // namespace coxswain::kubelet
