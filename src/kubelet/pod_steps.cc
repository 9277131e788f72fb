#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "base/log.h"
#include "kubelet/pod_worker.h"
#include "kubelet/status/pod_status.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");
constexpr Duration kEndRetry = 500ms;
constexpr Duration kEndRetryMax = 30s;

}  // namespace

Task<void> PodWorkers::step(WorkerPointer worker) {
  switch (worker->phase) {
    case Phase::Sync:
      co_await syncStep(*worker);
      break;
    case Phase::Terminating:
      co_await terminateStep(*worker);
      break;
    case Phase::Terminated:
      co_await terminatedStep(*worker);
      break;
    case Phase::Finished:
      break;
  }
}

/// Reads the pod's state where it may have changed. False: the runtime did not answer.
Task<bool> PodWorkers::look(Worker& worker, std::stop_token stop) {
  if (!worker.stale) co_return true;
  worker.stale = false;
  auto state = co_await deps_.reader.read(worker.uid, stop);
  if (!state.ok()) {
    worker.stale = true;
    if (!stop.stop_requested()) {
      log.warn("reading a pod's state failed",
               {{"pod", podText(*worker.pod)}, {"error", state.status()}});
    }
    co_return false;
  }
  worker.state = std::move(*state);
  trackProbes(worker);
  worker.looked = true;
  co_return true;
}

void PodWorkers::trackProbes(Worker& worker) {
  if (worker.phase == Phase::Terminated || worker.orphan) return;
  auto facts = deps_.runtime.factsFor(*worker.pod, worker.state.ips());
  for (const auto& container : podContainers(worker.pod)) {
    const auto& name = container.spec->name;
    const auto* run = worker.state.run(name);
    if (!run) continue;
    if (!run->running()) {
      deps_.probes.containerStopped(worker.uid, name);
      continue;
    }
    worker.waiting.erase(name);
    ProbeManager::RunningContainer running;
    running.name = name;
    running.id = run->id;
    running.podIP = facts.podIP;
    running.startedAt = WallTime(Duration(run->startedAt));
    running.foundRunning = !worker.looked;
    deps_.probes.containerStarted(worker.pod, std::move(running));
  }
}

/// True: the pod has come to its end. While a container runs still (a sidecar, one that is killed),
/// others are told of the end only by readiness: a pod in a final phase uses nothing any more.
bool PodWorkers::report(Worker& worker) {
  if (worker.quiet) return false;
  const auto* last = deps_.status.get(worker.uid);
  StatusInputs inputs{worker.pod,
                      last ? *last : worker.pod->status,
                      worker.state,
                      worker.waiting,
                      [this, &worker](std::string_view name) {
                        return deps_.probes.health(worker.uid, std::string(name));
                      },
                      options_.runtimeName,
                      options_.hostIps(),
                      worker.phase == Phase::Terminated,
                      worker.failReason,
                      worker.failMessage,
                      api::Time(deps_.executor.wallNow())};
  auto status = makePodStatus(inputs);
  bool ended = status.phase == "Succeeded" || status.phase == "Failed";
  if (ended && worker.state.anyRunning() && inputs.last.phase != status.phase) {
    status.phase = inputs.last.phase.empty() ? "Pending" : inputs.last.phase;
    status.reason = inputs.last.reason;
    status.message = inputs.last.message;
  }
  deps_.status.set(worker.pod, std::move(status));
  return ended;
}

Task<bool> PodWorkers::admit(Worker& worker, std::stop_token stop) {
  if (worker.admitted) co_return true;
  // What runs already was admitted by an earlier kubelet.
  if (worker.state.sandbox() || !worker.state.containers.empty()) {
    worker.admitted = true;
    co_return true;
  }
  auto pod = worker.pod;
  auto refused = admitPod(*pod, activeBeside(worker), options_.node(), isStaticPod(*pod));
  if (refused && options_.refreshNode) {
    // The scheduler may know labels and taints that are newer than our last heartbeat.
    co_await options_.refreshNode(stop);
    refused = admitPod(*pod, activeBeside(worker), options_.node(), isStaticPod(*pod));
  }
  worker.admitted = true;
  if (!refused) co_return true;
  deps_.runtime.event(*pod, nullptr, client::kEventWarning, refused->reason, refused->message);
  fail(worker, refused->reason, "Pod was rejected: " + refused->message);
  co_return false;
}

bool PodWorkers::pastDeadline(Worker& worker) {
  const auto& limit = worker.pod->spec.activeDeadlineSeconds;
  const auto* status = deps_.status.get(worker.uid);
  const auto& begun = status ? status->startTime : worker.pod->status.startTime;
  if (!limit || !begun) return false;
  auto end = begun->wall() + std::chrono::seconds(*limit);
  auto now = deps_.executor.wallNow();
  if (now < end) {
    retry(worker, end - now);
    return false;
  }
  constexpr const char* kText = "Pod was active on the node longer than the specified deadline";
  deps_.runtime.event(*worker.pod, nullptr, client::kEventNormal, "DeadlineExceeded", kText);
  fail(worker, "DeadlineExceeded", kText);
  return true;
}

/// Cgroup and volumes. False: not there yet, and the next try is set.
Task<bool> PodWorkers::prepare(Worker& worker, std::stop_token stop) {
  auto pod = worker.pod;
  if (!pod->spec.hostNetwork && !worker.state.sandbox()) {
    auto problem = options_.networkProblem();
    if (!problem.empty()) {
      deps_.runtime.event(*pod, nullptr, client::kEventWarning, "NetworkNotReady",
                          "network is not ready: " + problem);
      retry(worker, 5s);
      co_return false;
    }
  }
  if (worker.cgroupFor != pod) {
    auto limits = podCgroupResources(*pod, options_.cgroups);
    auto qos = api::podQosClass(*pod);
    Status made = deps_.cgroups.ensurePod(worker.uid, qos, limits);
    if (!made.ok()) {
      deps_.runtime.event(*pod, nullptr, client::kEventWarning, "FailedCreatePodContainer",
                          "unable to ensure pod container exists: " + made.message());
      retryJittered(worker);
      co_return false;
    }
    worker.cgroupFor = pod;
    worker.shares = qos == "Burstable" ? limits.cpuShares.value_or(0) : 0;
    if (qos == "Burstable") sumBurstable();
  }
  Status mounted = co_await deps_.volumes.mountPod(pod, stop);
  if (!mounted.ok()) {
    // The event is written where it happened.
    if (!stop.stop_requested()) retryJittered(worker);
    co_return false;
  }
  co_return true;
}

Task<void> PodWorkers::syncStep(Worker& worker) {
  auto stop = worker.stepStop.get_token();
  if (worker.ending) {
    enter(worker, Phase::Terminating);
    co_return;
  }
  retry(worker, options_.syncFrequency);
  bool looked = co_await look(worker, stop);
  if (!looked) {
    retry(worker, 1s);
    co_return;
  }
  if (worker.ending) co_return;
  bool admitted = co_await admit(worker, stop);
  if (worker.ending || !admitted) co_return;
  if (report(worker)) {
    terminate(worker);
    co_return;
  }
  if (pastDeadline(worker)) co_return;
  if (std::exchange(worker.reportOnly, false)) {
    retry(worker, worker.retryDelay);
    co_return;
  }
  bool ready = co_await prepare(worker, stop);
  if (!ready || worker.ending) co_return;
  auto parent = deps_.cgroups.podParent(worker.uid, api::podQosClass(*worker.pod));
  auto outcome = co_await deps_.runtime.sync(worker.pod, worker.state, std::move(parent),
                                             healthOf(worker.uid), worker.waiting, stop);
  if (worker.ending || stop.stop_requested()) {
    worker.stale = true;
    co_return;
  }
  if (outcome.retryAfter) retry(worker, std::min(*outcome.retryAfter, options_.syncFrequency));
  if (!outcome.changed && outcome.status.ok()) {
    if (outcome.retryAfter) report(worker);  // it waits for its restart
    co_await deps_.runtime.pruneDead(worker.state, stop);
    co_return;
  }
  worker.stale = true;
  poke(worker);
  if (outcome.status.ok()) {
    worker.retryDelay = 0s;
    co_return;
  }
  log.warn("syncing a pod failed", {{"pod", podText(*worker.pod)}, {"error", outcome.status}});
  // Look and tell at once, try again later.
  worker.reportOnly = true;
  auto jitter = static_cast<int64_t>(deps_.random.unit() * 5e9);
  worker.retryDelay = outcome.retryAfter.value_or(options_.backoff + Duration(jitter));
}

Task<void> PodWorkers::terminateStep(Worker& worker) {
  auto stop = worker.stepStop.get_token();
  deps_.probes.podTerminating(worker.uid);
  worker.retryDelay = std::clamp<Duration>(worker.retryDelay * 2, kEndRetry, kEndRetryMax);
  retry(worker, worker.retryDelay);
  worker.stale = worker.stale || !worker.looked;
  bool looked = co_await look(worker, stop);
  if (!looked) co_return;
  report(worker);
  auto pod = worker.pod;
  Status killed = co_await deps_.runtime.killPod(pod, worker.state, worker.grace, stop);
  worker.stale = true;
  if (stop.stop_requested()) {
    worker.retryDelay = 0s;
    co_return;  // interrupted: at once again, with less time
  }
  looked = co_await look(worker, stop);
  if (!looked || !killed.ok() || worker.state.anyRunning()) {
    if (!killed.ok()) {
      log.warn("ending a pod failed", {{"pod", podText(*pod)}, {"error", killed}});
    }
    co_return;
  }
  deps_.probes.removePod(worker.uid);
  enter(worker, Phase::Terminated);
}

Task<void> PodWorkers::terminatedStep(Worker& worker) {
  auto stop = stop_.get_token();
  worker.retryDelay = std::clamp<Duration>(worker.retryDelay * 2, 100ms, kEndRetryMax);
  retry(worker, worker.retryDelay);
  report(worker);
  Status unmounted = co_await deps_.volumes.unmountPod(worker.uid, stop);
  if (!unmounted.ok()) {
    if (!stop.stop_requested()) {
      log.warn("unmounting a pod's volumes failed",
               {{"pod", podText(*worker.pod)}, {"error", unmounted}});
    }
    co_return;
  }
  Status removed = deps_.cgroups.removePod(worker.uid);
  if (!removed.ok()) {
    log.warn("removing a pod's cgroup failed", {{"pod", podText(*worker.pod)}, {"error", removed}});
    co_return;
  }
  deps_.objects.removePod(worker.uid);
  if (std::exchange(worker.shares, 0) != 0) sumBurstable();
  worker.cgroupFor = nullptr;
  enter(worker, Phase::Finished);
  if (worker.pod->metadata.deletionTimestamp && !isStaticPod(*worker.pod)) {
    deps_.status.finish(worker.pod);
  }
}

/// Nobody will ask for it any more. False: try again.
Task<bool> PodWorkers::cleanUp(Worker& worker) {
  auto stop = stop_.get_token();
  Status removed = co_await deps_.runtime.removePod(worker.uid, stop);
  if (!removed.ok()) {
    if (!stop.stop_requested()) {
      log.warn("removing a pod from the runtime failed",
               {{"pod", podText(*worker.pod)}, {"error", removed}});
    }
    worker.retryDelay = std::clamp<Duration>(worker.retryDelay * 2, 1s, kEndRetryMax);
    retry(worker, worker.retryDelay);
    co_return false;
  }
  deps_.status.forget(worker.uid);
  deps_.reader.forget(worker.uid);
  deps_.runtime.forgetPod(worker.uid);
  co_return true;
}

}  // namespace coxswain::kubelet
