#include "kubelet/cri/grpc_services.h"
#include "kubelet/cri/invoke.h"

namespace coxswain::kubelet::cri {
namespace {

std::string method(std::string_view name) {
  return "/runtime.v1.RuntimeService/" + std::string(name);
}

}  // namespace

GrpcRuntimeService::GrpcRuntimeService(Reactor& reactor, GrpcOptions options)
    : channel_(reactor, channelOptions(options)), timeout_(options.requestTimeout) {}

GrpcRuntimeService::~GrpcRuntimeService() = default;

Task<void> GrpcRuntimeService::close() {
  return channel_.close();
}

Task<Result<VersionResponse>> GrpcRuntimeService::version(std::stop_token stop) {
  VersionRequest request;
  request.version = "v1";
  co_return co_await invoke<VersionResponse>(channel_, method("Version"), std::move(request),
                                             timeout_, stop);
}

Task<Result<StatusResponse>> GrpcRuntimeService::status(bool verbose, std::stop_token stop) {
  StatusRequest request;
  request.verbose = verbose;
  co_return co_await invoke<StatusResponse>(channel_, method("Status"), std::move(request),
                                            timeout_, stop);
}

Task<Result<RuntimeConfigResponse>> GrpcRuntimeService::runtimeConfig(std::stop_token stop) {
  RuntimeConfigRequest request;
  co_return co_await invoke<RuntimeConfigResponse>(channel_, method("RuntimeConfig"),
                                                   std::move(request), timeout_, stop);
}

Task<Status> GrpcRuntimeService::updateRuntimeConfig(std::string podCidr, std::stop_token stop) {
  UpdateRuntimeConfigRequest request;
  request.runtimeConfig.getOrCreate().networkConfig.getOrCreate().podCidr = std::move(podCidr);
  co_return co_await invokeEmpty<UpdateRuntimeConfigResponse>(
      channel_, method("UpdateRuntimeConfig"), std::move(request), timeout_, stop);
}

Task<Result<std::string>> GrpcRuntimeService::runPodSandbox(PodSandboxConfig config,
                                                            std::string handler,
                                                            std::stop_token stop) {
  RunPodSandboxRequest request;
  request.config = std::move(config);
  request.runtimeHandler = std::move(handler);
  // Twice the time, as it may have to pull its image.
  CO_TRY(auto answer,
         co_await invoke<RunPodSandboxResponse>(channel_, method("RunPodSandbox"),
                                                std::move(request), timeout_ * 2, stop));
  co_return std::move(answer.podSandboxId);
}

Task<Status> GrpcRuntimeService::stopPodSandbox(std::string id, std::stop_token stop) {
  StopPodSandboxRequest request;
  request.podSandboxId = std::move(id);
  Status status = co_await invokeEmpty<StopPodSandboxResponse>(channel_, method("StopPodSandbox"),
                                                               std::move(request), timeout_, stop);
  co_return isNotFound(status) ? Status() : status;
}

Task<Status> GrpcRuntimeService::removePodSandbox(std::string id, std::stop_token stop) {
  RemovePodSandboxRequest request;
  request.podSandboxId = std::move(id);
  Status status = co_await invokeEmpty<RemovePodSandboxResponse>(
      channel_, method("RemovePodSandbox"), std::move(request), timeout_, stop);
  co_return isNotFound(status) ? Status() : status;
}

Task<Result<PodSandboxStatusResponse>> GrpcRuntimeService::podSandboxStatus(std::string id,
                                                                            bool verbose,
                                                                            std::stop_token stop) {
  PodSandboxStatusRequest request;
  request.podSandboxId = std::move(id);
  request.verbose = verbose;
  co_return co_await invoke<PodSandboxStatusResponse>(channel_, method("PodSandboxStatus"),
                                                      std::move(request), timeout_, stop);
}

Task<Result<std::vector<PodSandbox>>> GrpcRuntimeService::listPodSandbox(PodSandboxFilter filter,
                                                                         std::stop_token stop) {
  ListPodSandboxRequest request;
  request.filter = std::move(filter);
  CO_TRY(auto answer, co_await invoke<ListPodSandboxResponse>(channel_, method("ListPodSandbox"),
                                                              std::move(request), timeout_, stop));
  co_return std::move(answer.items);
}

Task<Result<std::string>> GrpcRuntimeService::createContainer(std::string sandboxId,
                                                              ContainerConfig config,
                                                              PodSandboxConfig sandboxConfig,
                                                              std::stop_token stop) {
  CreateContainerRequest request;
  request.podSandboxId = std::move(sandboxId);
  request.config = std::move(config);
  request.sandboxConfig = std::move(sandboxConfig);
  CO_TRY(auto answer, co_await invoke<CreateContainerResponse>(channel_, method("CreateContainer"),
                                                               std::move(request), timeout_, stop));
  co_return std::move(answer.containerId);
}

Task<Status> GrpcRuntimeService::startContainer(std::string id, std::stop_token stop) {
  StartContainerRequest request;
  request.containerId = std::move(id);
  co_return co_await invokeEmpty<StartContainerResponse>(channel_, method("StartContainer"),
                                                         std::move(request), timeout_, stop);
}

Task<Status> GrpcRuntimeService::stopContainer(std::string id, int64_t timeoutSeconds,
                                               std::stop_token stop) {
  StopContainerRequest request;
  request.containerId = std::move(id);
  request.timeout = timeoutSeconds;
  auto limit = timeout_ + std::chrono::seconds(std::min<int64_t>(timeoutSeconds, 86'400));
  Status status = co_await invokeEmpty<StopContainerResponse>(channel_, method("StopContainer"),
                                                              std::move(request), limit, stop);
  co_return isNotFound(status) ? Status() : status;
}

Task<Status> GrpcRuntimeService::removeContainer(std::string id, std::stop_token stop) {
  RemoveContainerRequest request;
  request.containerId = std::move(id);
  Status status = co_await invokeEmpty<RemoveContainerResponse>(channel_, method("RemoveContainer"),
                                                                std::move(request), timeout_, stop);
  co_return isNotFound(status) ? Status() : status;
}

Task<Result<std::vector<Container>>> GrpcRuntimeService::listContainers(ContainerFilter filter,
                                                                        std::stop_token stop) {
  ListContainersRequest request;
  request.filter = std::move(filter);
  CO_TRY(auto answer, co_await invoke<ListContainersResponse>(channel_, method("ListContainers"),
                                                              std::move(request), timeout_, stop));
  co_return std::move(answer.containers);
}

Task<Result<ContainerStatusResponse>> GrpcRuntimeService::containerStatus(std::string id,
                                                                          bool verbose,
                                                                          std::stop_token stop) {
  ContainerStatusRequest request;
  request.containerId = std::move(id);
  request.verbose = verbose;
  co_return co_await invoke<ContainerStatusResponse>(channel_, method("ContainerStatus"),
                                                     std::move(request), timeout_, stop);
}

Task<Status> GrpcRuntimeService::updateContainerResources(UpdateContainerResourcesRequest request,
                                                          std::stop_token stop) {
  co_return co_await invokeEmpty<UpdateContainerResourcesResponse>(
      channel_, method("UpdateContainerResources"), std::move(request), timeout_, stop);
}

Task<Status> GrpcRuntimeService::reopenContainerLog(std::string id, std::stop_token stop) {
  ReopenContainerLogRequest request;
  request.containerId = std::move(id);
  co_return co_await invokeEmpty<ReopenContainerLogResponse>(channel_, method("ReopenContainerLog"),
                                                             std::move(request), timeout_, stop);
}

Task<Result<ExecSyncResponse>> GrpcRuntimeService::execSync(std::string id,
                                                            std::vector<std::string> command,
                                                            std::chrono::seconds timeout,
                                                            std::stop_token stop) {
  ExecSyncRequest request;
  request.containerId = std::move(id);
  request.cmd = std::move(command);
  request.timeout = timeout.count();
  Duration limit = timeout.count() == 0 ? Duration::zero() : Duration(timeout) + timeout_;
  co_return co_await invoke<ExecSyncResponse>(channel_, method("ExecSync"), std::move(request),
                                              limit, stop);
}

Task<Result<std::string>> GrpcRuntimeService::exec(ExecRequest request, std::stop_token stop) {
  CO_TRY(auto answer, co_await invoke<ExecResponse>(channel_, method("Exec"), std::move(request),
                                                    timeout_, stop));
  co_return std::move(answer.url);
}

Task<Result<std::string>> GrpcRuntimeService::attach(AttachRequest request, std::stop_token stop) {
  CO_TRY(auto answer, co_await invoke<AttachResponse>(channel_, method("Attach"),
                                                      std::move(request), timeout_, stop));
  co_return std::move(answer.url);
}

Task<Result<std::string>> GrpcRuntimeService::portForward(PortForwardRequest request,
                                                          std::stop_token stop) {
  CO_TRY(auto answer, co_await invoke<PortForwardResponse>(channel_, method("PortForward"),
                                                           std::move(request), timeout_, stop));
  co_return std::move(answer.url);
}

Task<Result<ContainerStats>> GrpcRuntimeService::containerStats(std::string id,
                                                                std::stop_token stop) {
  ContainerStatsRequest request;
  request.containerId = std::move(id);
  CO_TRY(auto answer, co_await invoke<ContainerStatsResponse>(channel_, method("ContainerStats"),
                                                              std::move(request), timeout_, stop));
  if (!answer.stats) co_return notFound("containers", "stats");
  co_return std::move(*answer.stats);
}

Task<Result<std::vector<ContainerStats>>> GrpcRuntimeService::listContainerStats(
    ContainerStatsFilter filter, std::stop_token stop) {
  ListContainerStatsRequest request;
  request.filter = std::move(filter);
  CO_TRY(auto answer,
         co_await invoke<ListContainerStatsResponse>(channel_, method("ListContainerStats"),
                                                     std::move(request), timeout_, stop));
  co_return std::move(answer.stats);
}

Task<Result<std::vector<PodSandboxStats>>> GrpcRuntimeService::listPodSandboxStats(
    PodSandboxStatsFilter filter, std::stop_token stop) {
  ListPodSandboxStatsRequest request;
  request.filter = std::move(filter);
  CO_TRY(auto answer,
         co_await invoke<ListPodSandboxStatsResponse>(channel_, method("ListPodSandboxStats"),
                                                      std::move(request), timeout_, stop));
  co_return std::move(answer.stats);
}

}  // namespace coxswain::kubelet::cri
