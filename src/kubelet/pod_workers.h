#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "client/event_recorder.h"
#include "kubelet/admission.h"
#include "kubelet/cgroups/cgroup_manager.h"
#include "kubelet/container/pod_runtime.h"
#include "kubelet/prober/probe_manager.h"
#include "kubelet/status/status_manager.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// One coroutine for each pod, which takes it through its life:
///
///     Sync         brings containers to what the spec asks, again at each change (of the object,
///                  of the runtime, of a probe) and periodically
///     Terminating  the pod is deleted, gone from its source, rejected, past its deadline, or all
///                  its containers ended for good: ends what still runs
///     Terminated   nothing runs: unmounts volumes, removes cgroups, writes the last status; the
///                  object of a deleted pod is removed from the API server
///     Finished     waits until its source has forgotten the pod, then removes what the runtime
///                  keeps of it, and itself
///
/// A step that waits is interrupted when the pod is to end, or to end sooner. One executor; stop()
/// before destruction; stopping leaves containers alone. Upstream: pkg/kubelet/pod_workers.go.
class PodWorkers {
 public:
  struct Dependencies {
    Executor& executor;
    Random& random;
    PodRuntime& runtime;
    PodStateReader& reader;
    ProbeManager& probes;
    VolumeManager& volumes;
    CgroupManager& cgroups;
    ObjectCache& objects;
    StatusManager& status;
  };
  struct Options {
    Duration syncFrequency = 1min;
    Duration backoff = 10s;
    PodCgroupOptions cgroups;
    std::string runtimeName = "containerd";
    std::function<std::vector<std::string>()> hostIps;
    /// Why no network can be had; empty: it can.
    std::function<std::string()> networkProblem;
    std::function<const api::core::v1::Node&()> node;
    /// Reads the node again from the API server, before a pod is refused; null: it is not.
    std::function<Task<void>(std::stop_token)> refreshNode;
  };

  PodWorkers(Dependencies dependencies, Options options);
  ~PodWorkers();
  PodWorkers(const PodWorkers&) = delete;
  PodWorkers& operator=(const PodWorkers&) = delete;

  /// A pod is new or changed. A static one waits for another of the same name that still ends.
  void update(PodPointer pod);
  /// Its source does not have it any more.
  void removed(const std::string& uid);
  /// The runtime has a pod that no source knows: it is ended and removed.
  void orphan(PodPointer restored);
  /// Something of it changed in the runtime: look.
  void runtimeChanged(const std::string& uid);
  /// Something else it depends on changed (a probe's result, the network).
  void wake(const std::string& uid);
  void wakeAll();
  Task<void> stop();

  [[nodiscard]] bool knows(const std::string& uid) const { return workers_.contains(uid); }
  /// All pods, with the newest status.
  [[nodiscard]] std::vector<PodPointer> pods() const;
  [[nodiscard]] PodPointer find(std::string_view ns, std::string_view name,
                                std::string_view uid) const;
  /// What was read last; null: unknown.
  [[nodiscard]] const PodState* state(const std::string& uid) const;
  /// The pod that has a container or sandbox with this id; empty: none is known.
  [[nodiscard]] std::string uidOf(std::string_view runtimeId) const;
  [[nodiscard]] size_t size() const { return workers_.size(); }

 private:
  enum class Phase : uint8_t { Sync, Terminating, Terminated, Finished };
  struct Worker;
  using WorkerPointer = std::shared_ptr<Worker>;  // shared with its coroutine

  static Task<void> run(PodWorkers& self, WorkerPointer worker, Gate::Pass pass);
  Task<void> step(WorkerPointer worker);
  Task<void> syncStep(Worker& worker);
  Task<void> terminateStep(Worker& worker);
  Task<void> terminatedStep(Worker& worker);
  Task<bool> cleanUp(Worker& worker);
  Task<bool> look(Worker& worker, std::stop_token stop);
  Task<bool> prepare(Worker& worker, std::stop_token stop);
  Task<bool> admit(Worker& worker, std::stop_token stop);
  bool pastDeadline(Worker& worker);
  void trackProbes(Worker& worker);
  bool report(Worker& worker);
  void fail(Worker& worker, std::string reason, std::string message);
  void terminate(Worker& worker);
  void enter(Worker& worker, Phase phase);
  void retry(Worker& worker, Duration after);
  void retryJittered(Worker& worker);
  void poke(Worker& worker);
  void interrupt(Worker& worker);
  void startWorker(PodPointer pod);
  void startWaiting(const std::string& fullName);
  void sumBurstable();
  std::vector<PodPointer> activeBeside(const Worker& worker) const;
  HealthFunction healthOf(const std::string& uid) const;

  Dependencies deps_;
  Options options_;
  std::map<std::string, WorkerPointer> workers_;
  std::map<std::string, PodPointer> waiting_;  // static pods, by namespace/name
  Gate gate_;
  std::stop_source stop_;
};

/// It came from a manifest, not from the API server.
bool isStaticPod(const api::core::v1::Pod& pod);
/// It stands for a static pod at the API server.
bool isMirrorPod(const api::core::v1::Pod& pod);

}  // namespace coxswain::kubelet
