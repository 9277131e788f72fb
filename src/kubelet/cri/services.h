#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kubelet/cri/gen/runtime.h"
#include "runtime/task.h"

/// The CRI v1 as a kubelet sees it. Implementations: GrpcRuntimeService and GrpcImageService
/// (cri/grpc_services.h), testing::FakeRuntime. Every method on one executor; several calls may run
/// at once. Failures carry the runtime's code as reason (NotFound, AlreadyExists, Timeout, ...,
/// code 501: not implemented) and a message such as "rpc error: code = NotFound desc = ...";
/// Canceled where `stop` was requested first, ServiceUnavailable or Unreachable where the runtime
/// does not answer.
/// Upstream: k8s.io/cri-api/pkg/apis/services.go.
namespace coxswain::kubelet::cri {

/// Something happened to a container or a sandbox (`containerId` is its id then). Sources without
/// CRI events do not know the pod.
struct ContainerEvent {
  std::string containerId;
  ContainerEventType type = CONTAINER_CREATED_EVENT;
};

/// An open stream of events; destroying it ends it.
class EventStream {
 public:
  virtual ~EventStream() = default;
  /// The next one. EndOfStream, Unreachable: open another; events in between are lost.
  virtual Task<Result<ContainerEvent>> next(std::stop_token stop) = 0;
};

class RuntimeService {
 public:
  virtual ~RuntimeService() = default;

  virtual Task<Result<VersionResponse>> version(std::stop_token stop) = 0;
  /// Runtime and network conditions; `verbose` fills `info`.
  virtual Task<Result<StatusResponse>> status(bool verbose, std::stop_token stop) = 0;
  /// The cgroup driver. containerd before 2.0: not implemented.
  virtual Task<Result<RuntimeConfigResponse>> runtimeConfig(std::stop_token stop) = 0;
  /// Tells the runtime the pods' network range.
  virtual Task<Status> updateRuntimeConfig(std::string podCidr, std::stop_token stop) = 0;

  /// Answers the sandbox's id, which runs then. `handler` is RuntimeClass's; empty: the default.
  virtual Task<Result<std::string>> runPodSandbox(PodSandboxConfig config, std::string handler,
                                                  std::stop_token stop) = 0;
  /// Ends its containers too. A sandbox that is gone: success.
  virtual Task<Status> stopPodSandbox(std::string id, std::stop_token stop) = 0;
  virtual Task<Status> removePodSandbox(std::string id, std::stop_token stop) = 0;
  virtual Task<Result<PodSandboxStatusResponse>> podSandboxStatus(std::string id, bool verbose,
                                                                  std::stop_token stop) = 0;
  virtual Task<Result<std::vector<PodSandbox>>> listPodSandbox(PodSandboxFilter filter,
                                                               std::stop_token stop) = 0;

  /// Answers the container's id. `sandboxConfig` is what the sandbox was made with.
  virtual Task<Result<std::string>> createContainer(std::string sandboxId, ContainerConfig config,
                                                    PodSandboxConfig sandboxConfig,
                                                    std::stop_token stop) = 0;
  virtual Task<Status> startContainer(std::string id, std::stop_token stop) = 0;
  /// The stop signal, then after `timeoutSeconds` the end by force. Waits for the end. A container
  /// that is gone: success.
  virtual Task<Status> stopContainer(std::string id, int64_t timeoutSeconds,
                                     std::stop_token stop) = 0;
  /// By force where it runs. A container that is gone: success.
  virtual Task<Status> removeContainer(std::string id, std::stop_token stop) = 0;
  virtual Task<Result<std::vector<Container>>> listContainers(ContainerFilter filter,
                                                              std::stop_token stop) = 0;
  virtual Task<Result<ContainerStatusResponse>> containerStatus(std::string id, bool verbose,
                                                                std::stop_token stop) = 0;
  virtual Task<Status> updateContainerResources(UpdateContainerResourcesRequest request,
                                                std::stop_token stop) = 0;
  /// Opens the log file anew after it was renamed.
  virtual Task<Status> reopenContainerLog(std::string id, std::stop_token stop) = 0;

  /// Runs a command to its end. `timeout` 0: none; afterwards Timeout and the command is killed.
  virtual Task<Result<ExecSyncResponse>> execSync(std::string id, std::vector<std::string> command,
                                                  std::chrono::seconds timeout,
                                                  std::stop_token stop) = 0;
  // Each answers the address where the runtime serves the stream.
  virtual Task<Result<std::string>> exec(ExecRequest request, std::stop_token stop) = 0;
  virtual Task<Result<std::string>> attach(AttachRequest request, std::stop_token stop) = 0;
  virtual Task<Result<std::string>> portForward(PortForwardRequest request,
                                                std::stop_token stop) = 0;

  virtual Task<Result<ContainerStats>> containerStats(std::string id, std::stop_token stop) = 0;
  virtual Task<Result<std::vector<ContainerStats>>> listContainerStats(ContainerStatsFilter filter,
                                                                       std::stop_token stop) = 0;
  virtual Task<Result<std::vector<PodSandboxStats>>> listPodSandboxStats(
      PodSandboxStatsFilter filter, std::stop_token stop) = 0;

  /// Events from now on: the CRI's, or where that is not implemented containerd's own.
  virtual Task<Result<std::unique_ptr<EventStream>>> events(std::stop_token stop) = 0;
};

class ImageService {
 public:
  virtual ~ImageService() = default;

  /// All, or those that match `filter`.
  virtual Task<Result<std::vector<Image>>> listImages(ImageFilter filter, std::stop_token stop) = 0;
  /// Nullopt: not present.
  virtual Task<Result<std::optional<Image>>> imageStatus(ImageSpec image, std::stop_token stop) = 0;
  /// Answers the image's reference by digest. No time limit but `stop`.
  virtual Task<Result<std::string>> pullImage(ImageSpec image, std::optional<AuthConfig> auth,
                                              PodSandboxConfig sandboxConfig,
                                              std::stop_token stop) = 0;
  /// An image that is gone: success.
  virtual Task<Status> removeImage(ImageSpec image, std::stop_token stop) = 0;
  virtual Task<Result<std::vector<FilesystemUsage>>> imageFsInfo(std::stop_token stop) = 0;
};

}  // namespace coxswain::kubelet::cri
