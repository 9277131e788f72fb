#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "client/event_recorder.h"
#include "kubelet/env/environment.h"
#include "kubelet/env/object_cache.h"
#include "kubelet/volume/atomic_writer.h"
#include "kubelet/volume/token_cache.h"
#include "kubelet/volume/volume_usage.h"
#include "runtime/executor.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/random.h"
#include "runtime/task.h"

namespace coxswain::api::core::v1 {
struct Volume;
}
namespace coxswain::kubelet::csi {
class Volumes;
}

namespace coxswain::kubelet {

/// What plugins work with.
struct VolumeHost {
  client::Client& client;
  Executor& executor;
  Random& random;
  Files& files;
  Mounter& mounter;
  ObjectCache& objects;
  TokenCache& tokens;
  client::EventRecorder& events;
  std::string nodeName;
  std::string rootDir;
  csi::Volumes* csi = nullptr;  ///< null: this kubelet has no plugins
};

struct VolumeRequest {
  std::shared_ptr<const api::core::v1::Pod> pod;
  const api::core::v1::Volume* volume = nullptr;  ///< of `pod`
  std::string podDir;
  EnvironmentFacts facts;
};

/// A volume that can be given to containers.
struct VolumeReady {
  std::string hostPath;
  bool readOnly = false;
  std::optional<WallTime> refreshAt;  ///< set up again then; unset: only after changes
  bool block = false;                 ///< `hostPath` leads to a device
};

/// One kind of volume. One executor.
class VolumePlugin {
 public:
  virtual ~VolumePlugin() = default;
  /// "kubernetes.io/empty-dir"; its folder has '~' for '/'.
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual bool handles(const api::core::v1::Volume& volume) const = 0;
  /// Makes it ready, or brings it up to date. Any number of times, also after a restart. Messages
  /// of failures stand behind `MountVolume.SetUp failed for volume "x" : `.
  virtual Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) = 0;
  /// Its content follows the pod's labels and annotations.
  [[nodiscard]] virtual bool followsPod(const api::core::v1::Volume&) const { return false; }
  /// The pod's volumes are gone.
  virtual void forgetPod(const std::string& /*uid*/) {}
  /// Of a volume that is set up. NotFound: nobody counts it.
  virtual Task<Result<VolumeUsage>> usage(VolumeRequest request, std::stop_token stop);
};

/// A failure that is told in its own words: `<step> failed for volume "x" : why`, where the step is
/// "MountVolume.SetUp" and the like, or "MapVolume.MapPodDevice" for raw block volumes.
Status stepFailure(std::string_view step, std::string_view volume, const Status& why);
inline constexpr std::string_view kMountStep = "MountVolume.";
inline constexpr std::string_view kMapStep = "MapVolume.";

/// All kinds, in the order they are asked. Upstream: pkg/volume/plugins.go.
std::vector<std::unique_ptr<VolumePlugin>> makeVolumePlugins(const VolumeHost& host);

/// <podDir>/volumes/kubernetes.io~empty-dir/<name>
std::string volumeDir(const VolumeRequest& request, const VolumePlugin& plugin);
/// The same, made (its parents for root only) with `mode` where it was absent.
Result<std::string> makeVolumeDir(const VolumeHost& host, const VolumeRequest& request,
                                  const VolumePlugin& plugin, uint32_t mode);
/// A tmpfs on it, unless there is one.
Status ensureTmpfs(const VolumeHost& host, const std::string& folder, uint64_t sizeBytes);
/// fsGroup of the pod, if any, for a volume's folder.
Status applyFsGroup(const VolumeHost& host, const api::core::v1::Pod& pod,
                    const std::string& folder, bool readOnly);
/// Writes a payload into a volume's folder with the pod's fsGroup.
Result<VolumeReady> projectPayload(const VolumeHost& host, const VolumeRequest& request,
                                   const std::string& folder, const Payload& payload);

}  // namespace coxswain::kubelet
