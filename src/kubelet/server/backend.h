#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/task.h"

namespace coxswain::api::core::v1 {
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet::server {

/// Which container a request names. `podUid` may be empty: whatever pod has that name now.
struct ContainerAddress {
  std::string podNamespace;
  std::string podName;
  std::string podUid;
  std::string container;
};

/// What the runtime says of one container (CRI ContainerStatus).
struct RuntimeContainer {
  std::string id;       ///< of the runtime, without "containerd://"
  std::string logPath;  ///< absolute; empty: the runtime keeps no log
  bool running = false;
  bool tty = false;
};

/// Which streams a session has. With a tty, stderr is part of stdout: `stderr_` is false then.
struct StreamFlags {
  bool stdin_ = false;
  bool stdout_ = false;
  bool stderr_ = false;
  bool tty = false;
};

/// A command's outcome (CRI ExecSync).
struct CommandOutput {
  std::string stdout_;
  std::string stderr_;
  int exitCode = 0;
};

/// What the kubelet's own port needs of the kubelet. All methods on the server's reactor, which is
/// the kubelet's; coroutines answer there. Waits end with Canceled when `stop` is requested.
/// Upstream: HostInterface of pkg/kubelet/server/server.go.
class Backend {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

  virtual ~Backend() = default;

  [[nodiscard]] virtual const std::string& nodeName() const = 0;

  /// The pods this node is to run, static ones (or their mirrors) included, with the status the
  /// kubelet has worked out last, which may be newer than the API server's.
  [[nodiscard]] virtual std::vector<PodPointer> pods() const = 0;
  /// One of them; null when there is none of that name. `uid` empty: any.
  [[nodiscard]] virtual PodPointer findPod(std::string_view ns, std::string_view name,
                                           std::string_view uid) const = 0;
  /// Pods made up from what the runtime runs: metadata (name, namespace, uid) and
  /// spec.containers (name, image).
  virtual Task<Result<std::vector<PodPointer>>> runningPods(std::stop_token stop) = 0;

  /// CRI ContainerStatus. NotFound: the runtime does not know the id.
  virtual Task<Result<RuntimeContainer>> containerStatus(std::string id, std::stop_token stop) = 0;
  /// Id of the running container. NotFound `container not found ("NAME")`.
  virtual Task<Result<std::string>> findContainer(ContainerAddress address,
                                                  std::stop_token stop) = 0;
  /// Id of the pod's ready sandbox. NotFound `pod not found ("NAME_NAMESPACE")`.
  virtual Task<Result<std::string>> findSandbox(std::string ns, std::string name, std::string uid,
                                                std::stop_token stop) = 0;

  /// CRI Exec, Attach, PortForward: the runtime's streaming URL
  /// ("http://127.0.0.1:41234/exec/TOKEN").
  virtual Task<Result<std::string>> execUrl(std::string containerId,
                                            std::vector<std::string> command, StreamFlags streams,
                                            std::stop_token stop) = 0;
  virtual Task<Result<std::string>> attachUrl(std::string containerId, StreamFlags streams,
                                              std::stop_token stop) = 0;
  virtual Task<Result<std::string>> portForwardUrl(std::string sandboxId,
                                                   std::vector<int32_t> ports,
                                                   std::stop_token stop) = 0;
  /// CRI ExecSync. `timeout` zero: none.
  virtual Task<Result<CommandOutput>> execSync(std::string containerId,
                                               std::vector<std::string> command, Duration timeout,
                                               std::stop_token stop) = 0;

  /// For /healthz/syncloop: has the loop gone round lately? InternalError says since when not.
  [[nodiscard]] virtual Status syncLoopHealthy() const = 0;
  /// What /configz answers, {"kubeletconfig":{...}}; empty: 404.
  [[nodiscard]] virtual std::string configJson() const = 0;
  /// Metrics in Prometheus' text format, for /metrics; may be empty.
  virtual Task<Result<std::string>> metricsText(std::stop_token stop) = 0;
  /// stats.k8s.io Summary as JSON for /stats/summary. NotFound where the runtime gives none.
  virtual Task<Result<std::string>> statsSummary(std::stop_token stop) = 0;
  /// What containers and the node use, in Prometheus' text format, for /metrics/resource.
  virtual Task<Result<std::string>> resourceMetrics(std::stop_token stop) = 0;
};

}  // namespace coxswain::kubelet::server
