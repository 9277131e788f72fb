#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "kubelet/volume/volume_manager_impl.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::VolumeMount;

namespace {

const Logger kLog("volume");

bool hasDotDot(std::string_view path) {
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (path.substr(at, end - at) == "..") return true;
    at = end + 1;
  }
  return false;
}

/// What a mount names below its volume; empty: the whole.
Result<std::string> relativePath(const VolumeMount& mount,
                                 const std::vector<EnvironmentVariable>& environment) {
  std::string path = mount.subPath;
  if (!mount.subPathExpr.empty()) {
    TRY(path, expandSubPath(mount.subPathExpr, environment));
  }
  if (path.starts_with('/')) {
    return badRequest("error SubPath `" + path + "` must not be an absolute path");
  }
  if (hasDotDot(path)) {
    return badRequest("unable to provision SubPath `" + path + "`: must not contain '..'");
  }
  return path;
}

}  // namespace

/// Binds a path below a volume to a place of its own: what the container gets cannot be swapped for
/// a link any more.
Result<std::string> VolumeManager::Impl::subPath(const Pod& pod, const std::string& container,
                                                 const std::string& volume, const std::string& root,
                                                 const std::string& relative, size_t index) {
  const std::string names =
      "volumeMount " + api::goQuote(volume) + " of container " + api::goQuote(container);
  TRY(const auto top, deps.files.stat(root));
  if (const Status made = deps.files.mkdirsBeneath(root, relative, top.mode); !made.ok()) {
    kLog.warn("making a subPath failed", {{"root", root}, {"path", relative}, {"error", made}});
    return badRequest("failed to create subPath directory for " + names);
  }
  const std::string target = podDir(pod.metadata.uid) + "/volume-subpaths/" + volume + "/" +
                             container + "/" + std::to_string(index);
  // A former container's may be another file by now.
  Status bound = deps.mounter.unmountAll(target);
  if (bound.ok()) bound = deps.files.remove(target);
  if (bound.ok()) bound = deps.mounter.bindBeneath(root, relative, target, BindOptions{});
  if (!bound.ok()) {
    kLog.warn("binding a subPath failed", {{"root", root}, {"path", relative}, {"error", bound}});
    return badRequest("failed to prepare subPath for " + names);
  }
  return target;
}

Task<Result<std::vector<ContainerMount>>> VolumeManager::Impl::containerMounts(
    PodPointer pod, std::shared_ptr<const Container> container,
    std::vector<EnvironmentVariable> environment) {
  std::vector<ContainerMount> mounts;
  for (size_t index = 0; index < container->volumeMounts.size(); ++index) {
    const VolumeMount& mount = container->volumeMounts[index];
    const VolumeReady* volume = readyVolume(pod->metadata.uid, mount.name);
    if (volume == nullptr || volume->block) {
      co_return badRequest("cannot find volume " + api::goQuote(mount.name) +
                           " to mount into container " + api::goQuote(container->name));
    }
    CO_TRY(const auto relative, relativePath(mount, environment));
    ContainerMount made;
    made.volume = mount.name;
    made.hostPath = volume->hostPath;
    if (!relative.empty()) {
      CO_TRY(made.hostPath,
             subPath(*pod, container->name, mount.name, volume->hostPath, relative, index));
    }
    made.containerPath = mount.mountPath.starts_with('/') ? mount.mountPath : "/" + mount.mountPath;
    made.readOnly = mount.readOnly || volume->readOnly;
    made.recursiveReadOnly = made.readOnly && mount.recursiveReadOnly == "Enabled";
    made.propagation = mount.mountPropagation.value_or("None");
    mounts.push_back(std::move(made));
  }
  co_return mounts;
}

const VolumeReady* VolumeManager::Impl::readyVolume(const std::string& uid,
                                                    const std::string& name) const {
  const auto state = pods.find(uid);
  if (state == pods.end()) return nullptr;
  const auto found = state->second->volumes.find(name);
  return found != state->second->volumes.end() && found->second.isReady ? &found->second.ready
                                                                        : nullptr;
}

Result<std::vector<ContainerDevice>> VolumeManager::Impl::containerDevices(
    const Pod& pod, const Container& container) const {
  std::vector<ContainerDevice> devices;
  for (const auto& device : container.volumeDevices) {
    const VolumeReady* volume = readyVolume(pod.metadata.uid, device.name);
    if (volume == nullptr || !volume->block) {
      return badRequest("cannot find volume " + api::goQuote(device.name) +
                        " to pass into container " + api::goQuote(container.name));
    }
    devices.push_back({volume->hostPath, device.devicePath, volume->readOnly});
  }
  return devices;
}

}  // namespace coxswain::kubelet
