#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "client/event_recorder.h"
#include "kubelet/env/object_cache.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::cri {
class ImageService;
struct PodSandboxConfig;
}  // namespace coxswain::kubelet::cri

namespace coxswain::kubelet {

struct ImageManagerOptions {
  bool serializeImagePulls = true;
  int maxParallelImagePulls = 0;  ///< with serializeImagePulls false; 0: no limit
  double registryPullQps = 5;     ///< 0: no limit
  int registryBurst = 10;
  Duration backoffMin = 10s;
  Duration backoffMax = 300s;
};

/// An image that is on the node, or why it is not.
struct ImageOutcome {
  std::string imageRef;  ///< what CreateContainer takes; empty: failed
  std::string reason;    ///< of the waiting state: "ErrImagePull", "ImagePullBackOff",
                         ///< "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"
  std::string message;   ///< its message
  [[nodiscard]] bool ok() const { return reason.empty(); }
};

/// Brings images to the node by pull policy, with backoff, credentials from pull secrets and events
/// (Pulling, Pulled, Failed, BackOff, ErrImageNeverPull, InspectFailed). One executor.
/// Upstream: pkg/kubelet/images/image_manager.go.
class ImageManager {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
  using ContainerPointer = std::shared_ptr<const api::core::v1::Container>;

  ImageManager(cri::ImageService& images, ObjectCache& objects, client::EventRecorder& events,
               Executor& executor, ImageManagerOptions options = {});
  ~ImageManager();
  ImageManager(const ImageManager&) = delete;
  ImageManager& operator=(const ImageManager&) = delete;

  /// `container`: of any sort; what it says of image and policy counts. `sandbox` is passed on to
  /// PullImage. `runtimeHandler` may be empty. While the image backs off it answers at once; the
  /// pod worker comes again (CRI has no callbacks).
  Task<ImageOutcome> ensure(PodPointer pod, ContainerPointer container,
                            std::shared_ptr<const cri::PodSandboxConfig> sandbox,
                            std::string runtimeHandler, std::stop_token stop);
  /// How long until a pull of this image for this pod may be tried again; 0: now.
  [[nodiscard]] Duration backoffLeft(const api::core::v1::Pod& pod, std::string_view image) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::kubelet
