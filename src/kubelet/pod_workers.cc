#include "kubelet/pod_workers.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "base/log.h"
#include "kubelet/pod_worker.h"
#include "kubelet/static_pods/file_source.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

std::string fullName(const api::core::v1::Pod& pod) {
  return api::objectKey(pod.metadata);
}

/// How long a deleted pod's containers have; nothing: it is not deleted.
std::optional<int64_t> deletionGrace(const api::core::v1::Pod& pod) {
  if (!pod.metadata.deletionTimestamp) return std::nullopt;
  return pod.metadata.deletionGracePeriodSeconds;
}

}  // namespace

bool isStaticPod(const api::core::v1::Pod& pod) {
  const auto* source = pod.metadata.annotations.get(kConfigSourceAnnotation);
  return source && *source != "api" && !isMirrorPod(pod);
}

bool isMirrorPod(const api::core::v1::Pod& pod) {
  return pod.metadata.annotations.contains(kConfigMirrorAnnotation);
}

PodWorkers::PodWorkers(Dependencies dependencies, Options options)
    : deps_(dependencies), options_(std::move(options)) {}

PodWorkers::~PodWorkers() = default;

Task<void> PodWorkers::stop() {
  stop_.request_stop();
  for (auto& [uid, worker] : workers_) interrupt(*worker);
  co_await gate_.close();
}

void PodWorkers::update(PodPointer pod) {
  auto found = workers_.find(pod->metadata.uid);
  if (found == workers_.end()) {
    auto name = fullName(*pod);
    bool blocked =
        isStaticPod(*pod) && std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
          return fullName(*entry.second->pod) == name;
        });
    if (blocked) {
      waiting_[name] = std::move(pod);
    } else {
      startWorker(std::move(pod));
    }
    return;
  }
  Worker& worker = *found->second;
  if (worker.orphan) return;  // it is on its way out under a made-up object
  auto before = deletionGrace(*worker.pod);
  worker.pod = std::move(pod);
  worker.forgotten = false;
  auto now = deletionGrace(*worker.pod);
  if (now && worker.phase == Phase::Sync) {
    terminate(worker);
  } else if (now && worker.phase == Phase::Terminating && (!before || *now < *before)) {
    interrupt(worker);  // less time than it had
  } else if (worker.phase == Phase::Finished) {
    if (worker.pod->metadata.deletionTimestamp) deps_.status.finish(worker.pod);
  } else {
    poke(worker);
  }
}

void PodWorkers::startWorker(PodPointer pod) {
  auto worker = std::make_shared<Worker>();
  worker->uid = pod->metadata.uid;
  worker->pod = std::move(pod);
  if (api::isPodTerminal(*worker->pod) && !isStaticPod(*worker->pod)) {
    // An earlier kubelet brought it to its end and told so.
    worker->quiet = true;
    worker->ending = true;
  } else if (worker->pod->metadata.deletionTimestamp) {
    worker->ending = true;
  }
  workers_.emplace(worker->uid, worker);
  spawn(deps_.executor, run(*this, std::move(worker), gate_.enter()));
}

void PodWorkers::startWaiting(const std::string& name) {
  auto waiting = waiting_.find(name);
  if (waiting == waiting_.end() || stop_.stop_requested()) return;
  auto pod = std::move(waiting->second);
  waiting_.erase(waiting);
  startWorker(std::move(pod));
}

void PodWorkers::removed(const std::string& uid) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second->metadata.uid == uid; });
  auto found = workers_.find(uid);
  if (found == workers_.end()) return;
  Worker& worker = *found->second;
  worker.forgotten = true;
  if (worker.phase == Phase::Sync) {
    terminate(worker);
  } else {
    poke(worker);
  }
}

void PodWorkers::orphan(PodPointer restored) {
  if (knows(restored->metadata.uid)) return;
  log.info("ending a pod that nobody asks for any more", {{"pod", podText(*restored)}});
  auto worker = std::make_shared<Worker>();
  worker->uid = restored->metadata.uid;
  worker->pod = std::move(restored);
  worker->orphan = worker->quiet = worker->ending = worker->forgotten = true;
  workers_.emplace(worker->uid, worker);
  spawn(deps_.executor, run(*this, std::move(worker), gate_.enter()));
}

void PodWorkers::runtimeChanged(const std::string& uid) {
  auto found = workers_.find(uid);
  if (found == workers_.end()) return;
  found->second->stale = true;
  poke(*found->second);
}

void PodWorkers::wake(const std::string& uid) {
  auto found = workers_.find(uid);
  if (found != workers_.end()) poke(*found->second);
}

void PodWorkers::wakeAll() {
  for (auto& [uid, worker] : workers_) poke(*worker);
}

void PodWorkers::poke(Worker& worker) {
  worker.dirty = true;
  worker.wake.set();
}

void PodWorkers::interrupt(Worker& worker) {
  worker.stepStop.request_stop();
  poke(worker);
}

void PodWorkers::terminate(Worker& worker) {
  worker.ending = true;
  interrupt(worker);
}

void PodWorkers::fail(Worker& worker, std::string reason, std::string message) {
  worker.failReason = std::move(reason);
  worker.failMessage = std::move(message);
  terminate(worker);
}

void PodWorkers::enter(Worker& worker, Phase phase) {
  worker.phase = phase;
  worker.retryDelay = 0s;
  worker.reportOnly = false;
  poke(worker);
}

/// The earliest of what was asked for since the step began counts.
void PodWorkers::retry(Worker& worker, Duration after) {
  auto at = deps_.executor.now() + after;
  worker.wakeAt = worker.wakeAt ? std::min(*worker.wakeAt, at) : at;
}

void PodWorkers::retryJittered(Worker& worker) {
  auto half = options_.backoff.count() / 2;
  auto more = static_cast<int64_t>(deps_.random.unit() * static_cast<double>(half));
  retry(worker, options_.backoff + Duration(more));
}

Task<void> PodWorkers::run(PodWorkers& self, WorkerPointer worker, Gate::Pass pass) {
  auto stop = self.stop_.get_token();
  while (!stop.stop_requested()) {
    if (!worker->dirty) {
      Duration limit = 1h;
      if (worker->wakeAt) {
        limit = std::max(*worker->wakeAt - self.deps_.executor.now(), Duration::zero());
      }
      Deadline deadline(limit, stop);
      Status ignored = co_await worker->wake.wait(deadline.token());
      if (stop.stop_requested()) co_return;
    }
    worker->wake.reset();
    worker->dirty = false;
    worker->wakeAt.reset();
    worker->stepStop = std::stop_source();
    if (worker->phase == Phase::Finished && worker->forgotten) {
      bool clean = co_await self.cleanUp(*worker);
      if (clean) break;
      continue;
    }
    co_await self.step(worker);
  }
  if (stop.stop_requested()) co_return;
  auto name = fullName(*worker->pod);
  self.workers_.erase(worker->uid);
  self.startWaiting(name);
}

std::vector<PodPointer> PodWorkers::pods() const {
  std::vector<PodPointer> out;
  for (const auto& [uid, worker] : workers_) {
    if (worker->orphan) continue;
    const auto* status = deps_.status.get(uid);
    if (!status) {
      out.push_back(worker->pod);
      continue;
    }
    auto copy = std::make_shared<api::core::v1::Pod>(*worker->pod);
    copy->status = *status;
    out.push_back(std::move(copy));
  }
  return out;
}

PodPointer PodWorkers::find(std::string_view ns, std::string_view name,
                            std::string_view uid) const {
  for (const auto& [id, worker] : workers_) {
    const auto& metadata = worker->pod->metadata;
    if (worker->orphan || metadata.name != name || metadata.namespace_ != ns) continue;
    if (!uid.empty() && id != uid) continue;
    const auto* status = deps_.status.get(id);
    if (!status) return worker->pod;
    auto copy = std::make_shared<api::core::v1::Pod>(*worker->pod);
    copy->status = *status;
    return copy;
  }
  return nullptr;
}

const PodState* PodWorkers::state(const std::string& uid) const {
  auto found = workers_.find(uid);
  return found == workers_.end() || !found->second->looked ? nullptr : &found->second->state;
}

std::string PodWorkers::uidOf(std::string_view runtimeId) const {
  for (const auto& [uid, worker] : workers_) {
    if (worker->state.runById(runtimeId)) return uid;
    for (const auto& sandbox : worker->state.sandboxes) {
      if (sandbox.id == runtimeId) return uid;
    }
  }
  return {};
}

std::vector<PodPointer> PodWorkers::activeBeside(const Worker& worker) const {
  std::vector<PodPointer> out;
  for (const auto& [uid, other] : workers_) {
    if (other.get() == &worker || other->orphan) continue;
    bool runs = other->admitted || other->pod->status.startTime.has_value();
    bool active = other->phase == Phase::Sync || other->phase == Phase::Terminating;
    if (runs && active && !other->quiet) out.push_back(other->pod);
  }
  return out;
}

/// The burstable class gets as much as its pods together.
void PodWorkers::sumBurstable() {
  uint64_t sum = 0;
  for (const auto& [uid, worker] : workers_) sum += worker->shares;
  Status set = deps_.cgroups.setBurstableShares(std::clamp(sum, kSharesMin, kSharesMax));
  if (!set.ok()) log.warn("setting the burstable class's shares failed", {{"error", set}});
}

HealthFunction PodWorkers::healthOf(const std::string& uid) const {
  return [this, uid](std::string_view name) {
    ContainerHealth out;
    std::string container(name);
    out.started = deps_.probes.health(uid, container).started;
    out.livenessFailed =
        deps_.probes.result(uid, container, ProbeKind::Liveness) == ProbeResult::Failure;
    out.startupFailed =
        deps_.probes.result(uid, container, ProbeKind::Startup) == ProbeResult::Failure;
    return out;
  };
}

}  // namespace coxswain::kubelet
