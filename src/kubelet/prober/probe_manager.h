#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/time.h"
#include "client/event_recorder.h"
#include "kubelet/prober/prober.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// A cached result changed.
struct ProbeUpdate {
  std::string podUid;
  std::string container;    ///< name
  std::string containerId;  ///< without "containerd://"
  ProbeKind kind = ProbeKind::Readiness;
  ProbeResult result = ProbeResult::Unknown;
};

/// Runs the probes of running containers: a coroutine for each probe, from the container's start to
/// its end; a startup probe holds the others back. Results come by callback and are kept for
/// questions. One executor; stop() before destruction. Upstream: pkg/kubelet/prober.
///
/// The pod worker tells: containerStarted when it started a container or found it running,
/// containerStopped when it is dead, podTerminating, removePod. The kubelet acts on a Failure of
/// liveness or startup by killing the container with probeKillMessage and the probe's own grace
/// period (probeGracePeriod), if set.
class ProbeManager {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
  using UpdateHandler = std::function<void(const ProbeUpdate&)>;

  struct Dependencies {
    Executor& executor;
    Random& random;
    Prober& prober;
    client::EventRecorder& events;
    UpdateHandler onUpdate;
  };

  explicit ProbeManager(Dependencies dependencies);
  ~ProbeManager();
  ProbeManager(const ProbeManager&) = delete;
  ProbeManager& operator=(const ProbeManager&) = delete;

  struct RunningContainer {
    std::string name;
    std::string id;     ///< without "containerd://"
    std::string podIP;  ///< the host's for host network
    WallTime startedAt{};
    /// It was running when this kubelet started: first probes are spread over a period, and it
    /// counts as started and, until the first result, as ready or not as the pod's status says.
    bool foundRunning = false;
  };

  /// Init containers with restartPolicy Always too. The same id again: nothing happens, but the
  /// newer pod object is used from now on.
  void containerStarted(PodPointer pod, RunningContainer container);
  void containerStopped(const std::string& podUid, const std::string& container);
  /// Liveness and startup probes end; readiness goes on.
  void podTerminating(const std::string& podUid);
  void removePod(const std::string& podUid);

  /// ContainerStatus.started and .ready of a running container as far as probes go: started without
  /// a startup probe or after its success; ready when started and, with a readiness probe, after
  /// its success. Of a container that is not running: {false, false}.
  struct Health {
    bool started = false;
    bool ready = false;
  };
  [[nodiscard]] Health health(const std::string& podUid, const std::string& container) const;
  /// Unknown where there is no such probe or container (liveness begins as Success, readiness as
  /// Failure).
  [[nodiscard]] ProbeResult result(const std::string& podUid, const std::string& container,
                                   ProbeKind kind) const;

  [[nodiscard]] size_t workers() const;
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "Container web failed liveness probe, will be restarted": message of the Killing event.
/// `restarts`: the pod's policy brings it back.
std::string probeKillMessage(std::string_view container, ProbeKind kind, bool restarts);
/// terminationGracePeriodSeconds of the probe, else of the pod.
int64_t probeGracePeriod(const api::core::v1::Pod& pod, const api::core::v1::Container& container,
                         ProbeKind kind);

}  // namespace coxswain::kubelet
