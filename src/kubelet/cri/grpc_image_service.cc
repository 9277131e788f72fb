#include "kubelet/cri/grpc_services.h"
#include "kubelet/cri/invoke.h"

namespace coxswain::kubelet::cri {
namespace {

std::string method(std::string_view name) {
  return "/runtime.v1.ImageService/" + std::string(name);
}

}  // namespace

GrpcImageService::GrpcImageService(Reactor& reactor, GrpcOptions options)
    : channel_(reactor, channelOptions(options)), timeout_(options.requestTimeout) {}

GrpcImageService::~GrpcImageService() = default;

Task<void> GrpcImageService::close() {
  return channel_.close();
}

Task<Result<std::vector<Image>>> GrpcImageService::listImages(ImageFilter filter,
                                                              std::stop_token stop) {
  ListImagesRequest request;
  request.filter = std::move(filter);
  CO_TRY(auto answer, co_await invoke<ListImagesResponse>(channel_, method("ListImages"),
                                                          std::move(request), timeout_, stop));
  co_return std::move(answer.images);
}

Task<Result<std::optional<Image>>> GrpcImageService::imageStatus(ImageSpec image,
                                                                 std::stop_token stop) {
  ImageStatusRequest request;
  request.image = std::move(image);
  CO_TRY(auto answer, co_await invoke<ImageStatusResponse>(channel_, method("ImageStatus"),
                                                           std::move(request), timeout_, stop));
  std::optional<Image> found;
  if (answer.image) found = std::move(*answer.image);
  co_return found;
}

Task<Result<std::string>> GrpcImageService::pullImage(ImageSpec image,
                                                      std::optional<AuthConfig> auth,
                                                      PodSandboxConfig sandboxConfig,
                                                      std::stop_token stop) {
  PullImageRequest request;
  request.image = std::move(image);
  if (auth) request.auth = std::move(*auth);
  request.sandboxConfig = std::move(sandboxConfig);
  CO_TRY(auto answer,
         co_await invoke<PullImageResponse>(channel_, method("PullImage"), std::move(request),
                                            Duration::zero(), stop));
  co_return std::move(answer.imageRef);
}

Task<Status> GrpcImageService::removeImage(ImageSpec image, std::stop_token stop) {
  RemoveImageRequest request;
  request.image = std::move(image);
  Status status = co_await invokeEmpty<RemoveImageResponse>(channel_, method("RemoveImage"),
                                                            std::move(request), timeout_, stop);
  co_return isNotFound(status) ? Status() : status;
}

Task<Result<std::vector<FilesystemUsage>>> GrpcImageService::imageFsInfo(std::stop_token stop) {
  ImageFsInfoRequest request;
  CO_TRY(auto answer, co_await invoke<ImageFsInfoResponse>(channel_, method("ImageFsInfo"),
                                                           std::move(request), timeout_, stop));
  co_return std::move(answer.imageFilesystems);
}

}  // namespace coxswain::kubelet::cri
