#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kubelet/cri/services.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::cri::testing {

/// A container runtime in memory, for tests: sandboxes, containers and images with their states and
/// times on the executor's clock, events, and a log of the calls. Containers run until `exit` or a
/// stop. One executor.
class FakeRuntime final : public RuntimeService, public ImageService {
 public:
  struct FakeSandbox {
    std::string id;
    PodSandboxConfig config;
    std::string handler;
    PodSandboxState state = SANDBOX_READY;
    int64_t createdAt = 0;  ///< nanoseconds of the wall clock
    std::string ip;         ///< empty on the host's network
  };
  struct FakeContainer {
    std::string id;
    std::string sandboxId;
    ContainerConfig config;
    ContainerState state = CONTAINER_CREATED;
    int64_t createdAt = 0;
    int64_t startedAt = 0;
    int64_t finishedAt = 0;
    int32_t exitCode = 0;
    std::string reason;  ///< "Completed", "Error", "OOMKilled"
    std::string message;
  };

  explicit FakeRuntime(Executor& executor) : executor_(executor) {}

  // What tests see and do.

  std::map<std::string, FakeSandbox> sandboxes;
  std::map<std::string, FakeContainer> containers;
  std::map<std::string, Image> images;  ///< by each of their names
  /// Names that pullImage finds besides. Others: NotFound.
  std::vector<std::string> pullable;
  /// "RunPodSandbox web", "CreateContainer web/app", "StopContainer web/app 30", in order.
  std::vector<std::string> calls;
  /// Asked before each call by that name ("CreateContainer") and its subject ("web/app"); a failure
  /// is the answer, and nothing happens.
  std::function<Status(std::string_view call, std::string_view subject)> reaction;
  /// What execSync answers.
  std::function<Result<ExecSyncResponse>(const FakeContainer&, const std::vector<std::string>&)>
      onExec;
  /// Containers end with this code when they are stopped; nullopt: they ignore the signal and are
  /// killed after the grace period (137).
  std::optional<int32_t> stopExitCode = 0;
  Duration latency = 1ms;  ///< of every call
  bool ready = true;       ///< RuntimeReady
  bool networkReady = true;
  std::string sandboxImage = "pause:1";  ///< as its verbose status tells
  std::string cgroupDriver;  ///< "cgroupfs", "systemd"; empty: runtimeConfig is not implemented

  /// An image that is present, of one name.
  void addImage(const std::string& name, uint64_t size = 1000);
  /// The newest container of a pod by name; null: none.
  FakeContainer* find(std::string_view pod, std::string_view container);
  FakeSandbox* findSandbox(std::string_view pod);
  /// The container's process ends by itself.
  void exit(FakeContainer& container, int32_t code, std::string reason = "");
  /// Calls whose text starts so.
  [[nodiscard]] size_t countCalls(std::string_view prefix) const;

  // RuntimeService
  Task<Result<VersionResponse>> version(std::stop_token stop) override;
  Task<Result<StatusResponse>> status(bool verbose, std::stop_token stop) override;
  Task<Result<RuntimeConfigResponse>> runtimeConfig(std::stop_token stop) override;
  Task<Status> updateRuntimeConfig(std::string podCidr, std::stop_token stop) override;
  Task<Result<std::string>> runPodSandbox(PodSandboxConfig config, std::string handler,
                                          std::stop_token stop) override;
  Task<Status> stopPodSandbox(std::string id, std::stop_token stop) override;
  Task<Status> removePodSandbox(std::string id, std::stop_token stop) override;
  Task<Result<PodSandboxStatusResponse>> podSandboxStatus(std::string id, bool verbose,
                                                          std::stop_token stop) override;
  Task<Result<std::vector<PodSandbox>>> listPodSandbox(PodSandboxFilter filter,
                                                       std::stop_token stop) override;
  Task<Result<std::string>> createContainer(std::string sandboxId, ContainerConfig config,
                                            PodSandboxConfig sandboxConfig,
                                            std::stop_token stop) override;
  Task<Status> startContainer(std::string id, std::stop_token stop) override;
  Task<Status> stopContainer(std::string id, int64_t timeoutSeconds, std::stop_token stop) override;
  Task<Status> removeContainer(std::string id, std::stop_token stop) override;
  Task<Result<std::vector<Container>>> listContainers(ContainerFilter filter,
                                                      std::stop_token stop) override;
  Task<Result<ContainerStatusResponse>> containerStatus(std::string id, bool verbose,
                                                        std::stop_token stop) override;
  Task<Status> updateContainerResources(UpdateContainerResourcesRequest request,
                                        std::stop_token stop) override;
  Task<Status> reopenContainerLog(std::string id, std::stop_token stop) override;
  Task<Result<ExecSyncResponse>> execSync(std::string id, std::vector<std::string> command,
                                          std::chrono::seconds timeout,
                                          std::stop_token stop) override;
  Task<Result<std::string>> exec(ExecRequest request, std::stop_token stop) override;
  Task<Result<std::string>> attach(AttachRequest request, std::stop_token stop) override;
  Task<Result<std::string>> portForward(PortForwardRequest request, std::stop_token stop) override;
  Task<Result<ContainerStats>> containerStats(std::string id, std::stop_token stop) override;
  Task<Result<std::vector<ContainerStats>>> listContainerStats(ContainerStatsFilter filter,
                                                               std::stop_token stop) override;
  Task<Result<std::vector<PodSandboxStats>>> listPodSandboxStats(PodSandboxStatsFilter filter,
                                                                 std::stop_token stop) override;
  Task<Result<std::unique_ptr<EventStream>>> events(std::stop_token stop) override;

  // ImageService
  Task<Result<std::vector<Image>>> listImages(ImageFilter filter, std::stop_token stop) override;
  Task<Result<std::optional<Image>>> imageStatus(ImageSpec image, std::stop_token stop) override;
  Task<Result<std::string>> pullImage(ImageSpec image, std::optional<AuthConfig> auth,
                                      PodSandboxConfig sandboxConfig,
                                      std::stop_token stop) override;
  Task<Status> removeImage(ImageSpec image, std::stop_token stop) override;
  Task<Result<std::vector<FilesystemUsage>>> imageFsInfo(std::stop_token stop) override;

 private:
  struct Events;
  class Stream;
  Task<Status> arrive(std::string call, std::string subject, std::string more,
                      std::stop_token stop);
  void tell(const std::string& id, ContainerEventType type);
  void end(FakeContainer& container, int32_t code, std::string reason);
  int64_t wallNanos() const;
  std::string nextId();
  std::string subjectOf(const FakeContainer& container) const;
  ContainerStats statsOf(const FakeContainer& container) const;

  Executor& executor_;
  std::vector<std::shared_ptr<Events>> streams_;
  uint64_t ids_ = 0;
};

}  // namespace coxswain::kubelet::cri::testing
