#pragma once

#include <memory>
#include <string>

#include "kubelet/cri/services.h"
#include "net/grpc/grpc.h"

namespace coxswain::kubelet::cri {

struct GrpcOptions {
  std::string endpoint;            ///< "unix:///run/containerd/containerd.sock"
  Duration requestTimeout = 2min;  ///< of each call but pulls; added to a call's own waiting
};

/// The CRI over gRPC. One reactor. Connects when needed, again after failures. close() before the
/// reactor stops.
class GrpcRuntimeService final : public RuntimeService {
 public:
  GrpcRuntimeService(Reactor& reactor, GrpcOptions options);
  ~GrpcRuntimeService() override;
  /// Ends calls that are still running.
  Task<void> close();

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

 private:
  net::grpc::Channel channel_;
  Duration timeout_;
  bool criEvents_ = true;  // until the runtime says that it has none
};

/// The same of the image service, whose endpoint may be another one.
class GrpcImageService final : public ImageService {
 public:
  GrpcImageService(Reactor& reactor, GrpcOptions options);
  ~GrpcImageService() override;
  Task<void> close();

  Task<Result<std::vector<Image>>> listImages(ImageFilter filter, std::stop_token stop) override;
  Task<Result<std::optional<Image>>> imageStatus(ImageSpec image, std::stop_token stop) override;
  Task<Result<std::string>> pullImage(ImageSpec image, std::optional<AuthConfig> auth,
                                      PodSandboxConfig sandboxConfig,
                                      std::stop_token stop) override;
  Task<Status> removeImage(ImageSpec image, std::stop_token stop) override;
  Task<Result<std::vector<FilesystemUsage>>> imageFsInfo(std::stop_token stop) override;

 private:
  net::grpc::Channel channel_;
  Duration timeout_;
};

}  // namespace coxswain::kubelet::cri
