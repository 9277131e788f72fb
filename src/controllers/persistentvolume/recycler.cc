#include "controllers/persistentvolume/recycler.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/framework/recycler_pods.h"

namespace coxswain::controllers::persistentvolume {

using api::core::v1::PersistentVolume;
using api::core::v1::Pod;

namespace {

constexpr const char* kImage = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.4";
constexpr const char* kWipe =
    "test -e /scrub && find /scrub -mindepth 1 -delete && test -z \"$(ls -A /scrub)\" || exit 1";
constexpr int64_t kGibibyte = 1LL << 30;

Pod builtInPod() {
  Pod pod;
  pod.spec.restartPolicy = "Never";
  pod.spec.volumes.emplace_back().name = "vol";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "pv-recycler";
  container.image = kImage;
  container.command = {"/bin/sh"};
  container.args = {"-c", kWipe};
  auto& mount = container.volumeMounts.emplace_back();
  mount.name = "vol";
  mount.mountPath = "/scrub";
  return pod;
}

int64_t timeoutSeconds(const PersistentVolume& volume, const RecyclerOptions::Kind& kind) {
  const auto* size = volume.spec.capacity.get("storage");
  const int64_t bytes = size == nullptr ? 0 : std::max<int64_t>(size->value(), 0);
  const int64_t count = bytes / kGibibyte + (bytes % kGibibyte != 0 ? 1 : 0);
  const auto each = std::chrono::duration_cast<std::chrono::seconds>(kind.perGibibyte).count();
  const auto least = std::chrono::duration_cast<std::chrono::seconds>(kind.timeoutMin).count();
  // A year is enough for any disk.
  constexpr int64_t kMost = 366LL * 86400;
  if (each > 0 && count > kMost / each) return kMost;
  return std::max(least, each * count);
}

/// What a pod wipes.
std::string targetOf(const Pod& pod) {
  if (pod.spec.volumes.empty()) return "";
  const auto& source = pod.spec.volumes.front().volumeSource;
  if (source.hostPath) return source.hostPath->path;
  return source.nfs ? source.nfs->server + ":" + source.nfs->path : "";
}

}  // namespace

bool isRecyclable(const PersistentVolume& volume) {
  const auto& source = volume.spec.persistentVolumeSource;
  return source.hostPath || source.nfs;
}

std::optional<Pod> recyclerPod(const PersistentVolume& volume, const RecyclerOptions& options) {
  if (!isRecyclable(volume)) return std::nullopt;
  const auto& source = volume.spec.persistentVolumeSource;
  const auto& kind = source.hostPath ? options.hostPath : options.nfs;
  Pod pod = kind.pod ? *kind.pod : builtInPod();
  pod.metadata.namespace_ = kRecyclerNamespace;
  pod.metadata.name = std::string(kRecyclerPrefix) + volume.metadata.name;
  pod.metadata.generateName.clear();
  pod.spec.activeDeadlineSeconds = timeoutSeconds(volume, kind);
  if (pod.spec.volumes.empty()) pod.spec.volumes.emplace_back().name = "vol";
  auto& target = pod.spec.volumes.front().volumeSource;
  target = {};
  if (source.hostPath) {
    target.hostPath.getOrCreate().path = source.hostPath->path;
  } else {
    target.nfs = source.nfs;
    target.nfs->readOnly = false;
  }
  return pod;
}

Task<Status> Recycler::removePod(std::shared_ptr<const Pod> pod, std::stop_token stop) {
  client::DeleteOptions options;
  options.uid = pod->metadata.uid;
  co_return co_await client_.remove(client::resourceOf<Pod>(), kRecyclerNamespace,
                                    pod->metadata.name, options, stop);
}

Task<Result<Recycler::State>> Recycler::step(std::shared_ptr<const PersistentVolume> volume,
                                             std::stop_token stop) {
  auto wanted = recyclerPod(*volume, options_);
  if (!wanted) co_return badRequest("No recycler plugin found for the volume!");
  const std::string name = wanted->metadata.name;
  auto pod = pods_.get<Pod>(std::string(kRecyclerNamespace) + "/" + name);
  if (!pod) {
    auto live = co_await client::get<Pod>(client_, kRecyclerNamespace, name, stop);
    if (!live.ok() && !isNotFound(live.status())) co_return live.status();
    if (live.ok()) pod = *live;
  }
  if (!pod) {
    auto made = co_await client::create(client_, std::move(*wanted), stop);
    if (made.ok() || isAlreadyExists(made.status())) co_return State::Working;
    co_return made.status().withContext("unexpected error creating recycler pod");
  }
  if (pod->metadata.deletionTimestamp) co_return State::Working;
  // A pod of an earlier volume of this name wipes something else.
  const bool same = targetOf(*pod) == targetOf(*wanted);
  const auto& phase = pod->status.phase;
  if (same && phase != "Succeeded" && phase != "Failed") co_return State::Working;
  Status removed = co_await removePod(pod, stop);
  // Gone already: the cache shows one of an earlier time, which says nothing of the data of now.
  if (isNotFound(removed) || isConflict(removed)) co_return State::Working;
  CO_TRY_STATUS(std::move(removed));
  if (!same) co_return State::Working;
  if (phase == "Succeeded") co_return State::Done;
  const auto& why = pod->status.message;
  co_return badRequest("failed to recycle volume: " +
                       (why.empty() ? "pod failed, pod.Status.Message unknown" : why));
}

}  // namespace coxswain::controllers::persistentvolume
