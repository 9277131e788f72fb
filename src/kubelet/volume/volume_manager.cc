#include "kubelet/volume/volume_manager.h"

#include <algorithm>
#include <thread>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "kubelet/csi/volumes.h"
#include "kubelet/env/references.h"
#include "kubelet/volume/volume_manager_impl.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Pod;
using api::core::v1::Volume;

namespace {

const Logger kLog("volume");
/// A claim is bound any moment, by somebody else.
constexpr Duration kClaimRetryMax = 4s;
/// Also where a server gives tokens that are over at once.
constexpr Duration kRefreshMin = 10s;
constexpr std::string_view kClaimFailure = "error processing PVC ";

/// Names of the volumes that containers mount: others are not made.
std::set<std::string> usedVolumes(const Pod& pod) {
  std::set<std::string> used;
  const auto add = [&used](const auto& container) {
    for (const auto& mount : container.volumeMounts) used.insert(mount.name);
    for (const auto& device : container.volumeDevices) used.insert(device.name);
  };
  for (const auto& container : pod.spec.initContainers) add(container);
  for (const auto& container : pod.spec.containers) add(container);
  for (const auto& container : pod.spec.ephemeralContainers) {
    add(container.ephemeralContainerCommon);
  }
  return used;
}

const Volume* findVolume(const Pod& pod, std::string_view name) {
  for (const auto& volume : pod.spec.volumes) {
    if (volume.name == name) return &volume;
  }
  return nullptr;
}

std::set<ObjectKey> objectsOf(const Pod& pod, const Volume& volume) {
  Pod only;
  only.metadata.namespace_ = pod.metadata.namespace_;
  only.spec.volumes = {volume};
  return referencedObjects(only);
}

bool isPathPart(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}

}  // namespace

std::string unmountedMessage(const PodVolumes& state, const std::string& failed,
                             std::string_view why) {
  std::string names;
  for (const auto& [name, volume] : state.volumes) {
    if (volume.isReady) continue;
    if (!names.empty()) names += ' ';
    names += name;
  }
  return "unmounted volumes=[" + names + "], unattached volumes=[], failed to process volumes=[" +
         failed + "]: " + std::string(why);
}

VolumeManager::Impl::Impl(Dependencies d, VolumeManagerOptions o)
    : deps(std::move(d)),
      options(std::move(o)),
      tokens(deps.client, deps.executor),
      host{deps.client,      deps.executor,   deps.random, deps.files,
           deps.mounter,     deps.objects,    tokens,      deps.events,
           options.nodeName, options.rootDir, deps.csi},
      plugins(makeVolumePlugins(host)) {
  deps.objects.onChange([this, known = std::weak_ptr<bool>(alive)](const ObjectKey& key) {
    if (!known.expired()) onObject(key);
  });
}

VolumePlugin& VolumeManager::Impl::pluginOf(const Volume& volume) {
  const auto found = std::find_if(plugins.begin(), plugins.end(),
                                  [&](const auto& plugin) { return plugin->handles(volume); });
  return **found;  // the last one handles all
}

void VolumeManager::Impl::onObject(const ObjectKey& key) {
  for (auto& [uid, state] : pods) {
    for (auto& [name, volume] : state->volumes) {
      if (!volume.objects.contains(key)) continue;
      volume.due = deps.executor.now();
      volume.backoff = {};
      state->woken = true;
    }
    if (state->woken) state->wake.notifyAll();
  }
}

/// Its time to refresh passed while the machine slept, and the timer slept with it.
bool VolumeManager::Impl::isLate(const PodVolumes::State& volume) const {
  return volume.isReady && volume.ready.refreshAt &&
         deps.executor.wallNow() >= *volume.ready.refreshAt;
}

void VolumeManager::Impl::adopt(PodVolumes& state, PodPointer pod) {
  const PodPointer before = std::exchange(state.pod, std::move(pod));
  const Pod& now = *state.pod;
  const bool factsChanged = before && (before->metadata.labels != now.metadata.labels ||
                                       before->metadata.annotations != now.metadata.annotations);
  for (const auto& name : usedVolumes(now)) {
    const Volume* volume = findVolume(now, name);
    if (volume == nullptr) continue;  // told of when the container's mounts are made
    auto [at, fresh] = state.volumes.try_emplace(name);
    if (fresh) {
      at->second.plugin = &pluginOf(*volume);
      at->second.objects = objectsOf(now, *volume);
      at->second.due = deps.executor.now();
      state.woken = true;
    } else if ((factsChanged && at->second.plugin->followsPod(*volume)) || isLate(at->second)) {
      at->second.due = deps.executor.now();
      state.woken = true;
    }
  }
  if (state.woken) state.wake.notifyAll();
}

Task<Status> VolumeManager::Impl::mountPod(PodPointer pod, std::stop_token stop) {
  if (!isPathPart(pod->metadata.uid)) co_return badRequest("the pod's uid is not a name");
  const auto pass = gate.enter();
  if (!pass) co_return canceled();
  deps.objects.addPod(*pod);
  auto& slot = pods[pod->metadata.uid];
  if (!slot) slot = std::make_shared<PodVolumes>();
  const std::shared_ptr<PodVolumes> state = slot;
  adopt(*state, std::move(pod));
  if (state->volumes.empty()) co_return Status();
  if (!state->running) {
    auto own = state->gate.enter();
    auto all = gate.enter();
    if (!own || !all) co_return canceled();
    state->running = true;
    spawn(deps.executor, keep(*this, state, std::move(own), std::move(all)));
  }
  Deadline deadline(options.mountTimeout, stop);
  while (true) {
    const auto& volumes = state->volumes;
    const bool ready = std::all_of(volumes.begin(), volumes.end(),
                                   [](const auto& entry) { return entry.second.isReady; });
    if (ready) co_return Status();
    for (const auto& [name, volume] : volumes) {
      if (volume.isReady || !volume.failure.message().starts_with(kClaimFailure)) continue;
      co_return badRequest(unmountedMessage(*state, name, volume.failure.message()));
    }
    if (state->stop.stop_requested()) co_return canceled();
    Status waited = co_await state->progress.wait(deadline.token());
    if (!waited.ok()) break;
  }
  if (!deadline.expired()) co_return canceled();
  co_return Status(Reason::Timeout, 504, unmountedMessage(*state, "", "context deadline exceeded"));
}

Task<void> VolumeManager::Impl::keep(Impl& self, std::shared_ptr<PodVolumes> state, Gate::Pass own,
                                     Gate::Pass all) {
  const std::stop_token stop = state->stop.get_token();
  while (!stop.stop_requested()) {
    state->woken = false;
    std::vector<std::string> due;
    for (const auto& [name, volume] : state->volumes) {
      if (volume.due <= self.deps.executor.now()) due.push_back(name);
    }
    for (auto& name : due) {
      co_await self.setUp(*state, std::move(name));
      if (stop.stop_requested()) break;
    }
    state->progress.notifyAll();
    if (state->woken || stop.stop_requested()) continue;
    MonotonicTime next = kNever;
    for (const auto& [name, volume] : state->volumes) next = std::min(next, volume.due);
    if (next == kNever) {
      Status ignored = co_await state->wake.wait(stop);
      (void)ignored;
    } else {
      const Duration left = next - self.deps.executor.now();
      Deadline deadline(std::max<Duration>(left, 0s), stop);
      Status ignored = co_await state->wake.wait(deadline.token());
      (void)ignored;
    }
  }
  state->running = false;
  state->progress.notifyAll();
}

Task<void> VolumeManager::Impl::setUp(PodVolumes& state, std::string name) {
  const PodPointer pod = state.pod;
  auto& volume = state.volumes.at(name);
  const Volume* source = findVolume(*pod, name);
  volume.due = kNever;  // what changes meanwhile sets it again
  if (source == nullptr) {
    volume.failure = badRequest("the pod has no volume \"" + name + "\"");
    co_return;
  }
  VolumeRequest request;
  request.pod = pod;
  request.volume = source;
  request.podDir = podDir(pod->metadata.uid);
  if (deps.facts) request.facts = deps.facts(*pod);
  auto ready = co_await volume.plugin->setUp(std::move(request), state.stop.get_token());
  if (state.stop.stop_requested()) co_return;
  if (ready.ok()) {
    succeeded(volume, std::move(*ready));
  } else {
    failed(state, name, volume, ready.status());
  }
}

void VolumeManager::Impl::succeeded(PodVolumes::State& volume, VolumeReady ready) {
  volume.isReady = true;
  volume.failure = {};
  volume.backoff = {};
  if (ready.refreshAt) {
    const Duration left = *ready.refreshAt - deps.executor.wallNow();
    volume.due = std::min(volume.due, deps.executor.now() + std::max<Duration>(left, kRefreshMin));
  }
  volume.ready = std::move(ready);
}

void VolumeManager::Impl::failed(PodVolumes& state, const std::string& name,
                                 PodVolumes::State& volume, Status failure) {
  const bool claim = failure.message().starts_with(kClaimFailure);
  std::string message = failure.message();
  if (claim) {
    message = "Unable to attach or mount volumes: " + unmountedMessage(state, name, message);
  } else if (!message.starts_with(kMountStep) && !message.starts_with(kMapStep)) {
    message = "MountVolume.SetUp failed for volume \"" + name + "\" : " + message;
  }
  kLog.warn("volume is not ready",
            {{"pod", state.pod->metadata.namespace_ + "/" + state.pod->metadata.name},
             {"volume", name},
             {"error", failure}});
  const std::string_view reason = message.starts_with(kMapStep) ? "FailedMapVolume" : "FailedMount";
  deps.events.event(podReference(*state.pod), client::kEventWarning, reason, message);
  const Duration most = claim ? std::min(options.retryMax, kClaimRetryMax) : options.retryMax;
  volume.backoff = std::clamp(volume.backoff * 2, options.retryMin, most);
  volume.due = std::min(volume.due, deps.executor.now() + volume.backoff);
  volume.failure = std::move(failure);
}

Task<Status> VolumeManager::Impl::removeFolder(std::string path) {
  if (!options.removeOnThread) co_return deps.files.removeAll(path);
  OneShot<Status> done;
  std::thread([done, &files = deps.files, path]() mutable {
    done.set(files.removeAll(path));
  }).detach();
  auto removed = co_await done.wait();
  co_return removed ? std::move(*removed) : canceled();
}

Task<Status> VolumeManager::Impl::unmountPod(std::string uid, std::stop_token stop) {
  if (!isPathPart(uid)) co_return badRequest("the pod's uid is not a name");
  auto pass = gate.enter();
  if (!pass) co_return canceled();
  if (const auto found = pods.find(uid); found != pods.end()) {
    const std::shared_ptr<PodVolumes> state = found->second;
    state->stop.request_stop();
    co_await state->gate.close();
    pods.erase(uid);
  }
  deps.objects.removePod(uid);
  tokens.forgetPod(uid);
  const std::string folder = podDir(uid);
  for (const auto& plugin : plugins) plugin->forgetPod(uid);
  if (deps.csi != nullptr) CO_TRY_STATUS(co_await deps.csi->unmountPod(folder, std::move(stop)));
  if (!deps.files.exists(folder)) co_return Status();
  CO_TRY_STATUS(deps.mounter.unmountAll(folder));
  co_return co_await removeFolder(folder);
}

Task<std::vector<VolumeUsage>> VolumeManager::Impl::usage(std::string uid, std::stop_token stop) {
  std::vector<VolumeUsage> all;
  const auto found = pods.find(uid);
  if (found == pods.end()) co_return all;
  const std::shared_ptr<PodVolumes> state = found->second;
  const PodPointer pod = state->pod;
  for (const Volume& source : pod->spec.volumes) {
    const auto volume = state->volumes.find(source.name);
    if (volume == state->volumes.end() || !volume->second.isReady) continue;
    VolumeRequest request;
    request.pod = pod;
    request.volume = &source;
    request.podDir = podDir(uid);
    auto used = co_await volume->second.plugin->usage(std::move(request), stop);
    if (used.ok()) all.push_back(std::move(*used));
  }
  co_return all;
}

void VolumeManager::Impl::driverCame() {
  for (auto& [uid, state] : pods) {
    for (auto& [name, volume] : state->volumes) {
      if (volume.isReady || volume.failure.ok()) continue;
      volume.due = deps.executor.now();
      volume.backoff = {};
      state->woken = true;
    }
    if (state->woken) state->wake.notifyAll();
  }
}

Task<void> VolumeManager::Impl::stop() {
  for (const auto& [uid, state] : pods) state->stop.request_stop();
  co_await gate.close();
}

VolumeManager::VolumeManager(Dependencies dependencies, VolumeManagerOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(options))) {}
VolumeManager::~VolumeManager() = default;

Task<Status> VolumeManager::mountPod(PodPointer pod, std::stop_token stop) {
  return impl_->mountPod(std::move(pod), std::move(stop));
}

Task<Result<std::vector<ContainerMount>>> VolumeManager::containerMounts(
    PodPointer pod, std::shared_ptr<const api::core::v1::Container> container,
    std::vector<EnvironmentVariable> environment, std::stop_token) {
  return impl_->containerMounts(std::move(pod), std::move(container), std::move(environment));
}

Result<std::vector<ContainerDevice>> VolumeManager::containerDevices(
    const api::core::v1::Pod& pod, const api::core::v1::Container& container) const {
  return impl_->containerDevices(pod, container);
}

Task<Status> VolumeManager::unmountPod(std::string uid, std::stop_token stop) {
  return impl_->unmountPod(std::move(uid), std::move(stop));
}

Task<std::vector<VolumeUsage>> VolumeManager::usage(std::string uid, std::stop_token stop) {
  return impl_->usage(std::move(uid), std::move(stop));
}

void VolumeManager::driverCame() {
  impl_->driverCame();
}

std::vector<std::string> VolumeManager::podsOnDisk() const {
  auto names = impl_->deps.files.list(impl_->options.rootDir + "/pods");
  return names.ok() ? std::move(*names) : std::vector<std::string>();
}

bool VolumeManager::hasVolumes(const std::string& uid) const {
  if (impl_->pods.contains(uid)) return true;
  const std::string folder = impl_->podDir(uid);
  const auto kinds = impl_->deps.files.list(folder + "/volumes");
  if (kinds.ok() && !kinds->empty()) return true;
  const auto devices = impl_->deps.files.list(folder + "/volumeDevices");
  if (devices.ok() && !devices->empty()) return true;
  const auto subPaths = impl_->deps.files.list(folder + "/volume-subpaths");
  return subPaths.ok() && !subPaths->empty();
}

std::string VolumeManager::podDir(const std::string& uid) const {
  return impl_->podDir(uid);
}

Task<void> VolumeManager::stop() {
  return impl_->stop();
}

}  // namespace coxswain::kubelet
