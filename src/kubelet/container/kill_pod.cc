#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "base/log.h"
#include "kubelet/container/names.h"
#include "kubelet/container/pod_runtime.h"
#include "runtime/files.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

/// Every container gets a moment, however short its grace period.
constexpr int64_t kGraceSecondsMin = 2;

int64_t graceOf(const api::core::v1::Pod& pod) {
  if (pod.metadata.deletionGracePeriodSeconds) return *pod.metadata.deletionGracePeriodSeconds;
  return pod.spec.terminationGracePeriodSeconds.value_or(kGraceSecondsMin);
}

Task<void> keepStatus(Task<Status> task, Status& out) {
  Status status = co_await std::move(task);
  if (!status.ok() && out.ok()) out = status;
}

std::optional<int64_t> number(const api::Map<std::string>& map, std::string_view key) {
  const auto* text = map.get(key);
  if (!text) return std::nullopt;
  int64_t value = 0;
  auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string valueOf(const api::Map<std::string>& map, std::string_view key) {
  const auto* found = map.get(key);
  return found ? *found : std::string();
}

}  // namespace

Task<void> PodRuntime::killContainer(PodPointer pod, ContainerKill kill,
                                     std::optional<int64_t> grace, std::vector<std::string> ips,
                                     std::stop_token stop) {
  int64_t seconds = grace.value_or(graceOf(*pod));
  const PodContainer* about = kill.container.spec ? &kill.container : nullptr;
  if (about) event(*pod, about, client::kEventNormal, "Killing", kill.message);
  if (about && seconds > 0 && about->spec->lifecycle && about->spec->lifecycle->preStop) {
    auto facts = factsFor(*pod, ips);
    auto took = co_await deps_.hooks.preStop(pod, about->spec, kill.id, facts.podIP,
                                             std::chrono::seconds(seconds), stop);
    seconds -= std::chrono::duration_cast<std::chrono::seconds>(took).count();
  }
  // A grace period of zero means by force; others leave at least a moment.
  if (!grace || *grace > 0) seconds = std::max(seconds, kGraceSecondsMin);
  Status stopped =
      co_await deps_.runtime.stopContainer(kill.id, std::max<int64_t>(seconds, 0), stop);
  if (!stopped.ok() && !stop.stop_requested()) {
    log.warn("stopping a container failed", {{"pod", podText(*pod)}, {"error", stopped}});
  }
}

/// Regular containers at once; then sidecars, the last first.
Task<Status> PodRuntime::killAll(PodPointer pod, const PodState& state,
                                 std::optional<int64_t> grace, std::stop_token stop) {
  std::vector<Task<void>> together;
  std::vector<ContainerKill> sidecars;
  auto containers = podContainers(pod);
  for (const auto& run : state.containers) {
    if (!run.running() && run.state != cri::CONTAINER_UNKNOWN) continue;
    ContainerKill kill;
    kill.id = run.id;
    kill.message = fmt::format("Stopping container {}", run.name);
    auto found = std::find_if(containers.begin(), containers.end(),
                              [&](const auto& c) { return c.spec->name == run.name; });
    if (found != containers.end()) kill.container = *found;
    if (found != containers.end() && found->kind == ContainerKind::Sidecar) {
      sidecars.push_back(std::move(kill));
    } else {
      together.push_back(killContainer(pod, std::move(kill), grace, state.ips(), stop));
    }
  }
  auto begun = deps_.executor.now();
  co_await whenAll(std::move(together));
  auto position = [&](const ContainerKill& kill) {
    return std::find_if(containers.begin(), containers.end(),
                        [&](const auto& c) { return c.spec->name == kill.container.spec->name; });
  };
  std::sort(sidecars.begin(), sidecars.end(),
            [&](const auto& a, const auto& b) { return position(a) > position(b); });
  for (auto& kill : sidecars) {
    // They share the pod's grace period with those that ended before.
    auto passed = std::chrono::duration_cast<std::chrono::seconds>(deps_.executor.now() - begun);
    int64_t left = std::max(grace.value_or(graceOf(*pod)) - passed.count(), kGraceSecondsMin);
    if (grace && *grace == 0) left = 0;
    auto ips = state.ips();
    co_await killContainer(pod, std::move(kill), left, std::move(ips), stop);
  }
  co_return co_await stopSandboxes(state, stop);
}

Task<Status> PodRuntime::stopSandboxes(const PodState& state, std::stop_token stop) {
  Status first;
  std::vector<Task<void>> together;
  for (const auto& sandbox : state.sandboxes) {
    if (!sandbox.ready) continue;
    together.push_back(keepStatus(deps_.runtime.stopPodSandbox(sandbox.id, stop), first));
  }
  co_await whenAll(std::move(together));
  co_return first;
}

Task<Status> PodRuntime::killPod(PodPointer pod, PodState state, std::optional<int64_t> grace,
                                 std::stop_token stop) {
  Status killed = co_await killAll(pod, state, grace, stop);
  if (!killed.ok() && !stop.stop_requested()) {
    event(*pod, nullptr, client::kEventWarning, "FailedKillPod",
          "error killing pod: " + killed.message());
  }
  co_return killed;
}

Task<Status> PodRuntime::removePod(std::string uid, std::stop_token stop) {
  cri::ContainerFilter containers;
  containers.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto listed, co_await deps_.runtime.listContainers(std::move(containers), stop));
  for (const auto& container : listed) {
    CO_TRY_STATUS(co_await deps_.runtime.removeContainer(container.id, stop));
  }
  cri::PodSandboxFilter sandboxes;
  sandboxes.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto boxes, co_await deps_.runtime.listPodSandbox(std::move(sandboxes), stop));
  for (const auto& sandbox : boxes) {
    CO_TRY_STATUS(co_await deps_.runtime.stopPodSandbox(sandbox.id, stop));
    CO_TRY_STATUS(co_await deps_.runtime.removePodSandbox(sandbox.id, stop));
  }
  co_return removeLogs(uid);
}

/// The folder's name ends with the uid; links lead into it.
Status PodRuntime::removeLogs(const std::string& uid) {
  if (!options_.containerLogsDir.empty()) {
    auto links = deps_.files.list(options_.containerLogsDir);
    for (const auto& name : links.valueOr(std::vector<std::string>())) {
      auto target = deps_.files.readlink(options_.containerLogsDir + "/" + name);
      if (!target.ok() || target->find("_" + uid + "/") == std::string::npos) continue;
      TRY_STATUS(deps_.files.remove(options_.containerLogsDir + "/" + name));
    }
  }
  auto names = deps_.files.list(options_.node.podLogsDir);
  if (!names.ok()) return isNotFound(names.status()) ? Status() : names.status();
  for (const auto& name : *names) {
    if (!name.ends_with("_" + uid)) continue;
    TRY_STATUS(deps_.files.removeAll(options_.node.podLogsDir + "/" + name));
  }
  return {};
}

Task<void> PodRuntime::pruneDead(const PodState& state, std::stop_token stop) {
  std::map<std::string, int> dead;
  const auto* sandbox = state.sandbox();
  for (const auto& run : state.containers) {
    if (!run.exited() || ++dead[run.name] == 1) continue;
    Status removed = co_await deps_.runtime.removeContainer(run.id, stop);
    if (!removed.ok()) {
      log.warn("removing a dead container failed", {{"id", run.id}, {"error", removed}});
      continue;
    }
    if (run.logPath.empty()) continue;
    removed = deps_.files.remove(run.logPath);
    if (!removed.ok()) log.warn("removing a log failed", {{"path", run.logPath}});
  }
  for (const auto& old : state.sandboxes) {
    if (old.ready || &old == sandbox) continue;
    // The last run of a container may have been in it still.
    bool used = std::any_of(state.containers.begin(), state.containers.end(),
                            [&](const auto& run) { return run.sandboxId == old.id; });
    if (used) continue;
    Status removed = co_await deps_.runtime.removePodSandbox(old.id, stop);
    if (!removed.ok()) {
      log.warn("removing a dead sandbox failed", {{"id", old.id}, {"error", removed}});
    }
  }
}

Task<Result<PodPointer>> PodRuntime::restorePod(std::string uid, std::stop_token stop) {
  auto pod = std::make_shared<api::core::v1::Pod>();
  pod->metadata.uid = uid;
  cri::ContainerFilter filter;
  filter.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto containers, co_await deps_.runtime.listContainers(std::move(filter), stop));
  for (const auto& listed : containers) {
    pod->metadata.name = valueOf(listed.labels, kPodNameLabel);
    pod->metadata.namespace_ = valueOf(listed.labels, kPodNamespaceLabel);
    pod->metadata.deletionGracePeriodSeconds = number(listed.annotations, kPodDeletionGracePeriod);
    pod->spec.terminationGracePeriodSeconds =
        number(listed.annotations, kPodTerminationGracePeriod);
    auto& spec = pod->spec.containers.emplace_back();
    spec.name = valueOf(listed.labels, kContainerNameLabel);
    if (const auto* text = listed.annotations.get(kPreStopHandler)) {
      auto handler = api::decodeJson<api::core::v1::LifecycleHandler>(*text);
      if (handler.ok()) spec.lifecycle.getOrCreate().preStop = std::move(*handler);
    }
  }
  cri::PodSandboxFilter sandboxFilter;
  sandboxFilter.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto sandboxes, co_await deps_.runtime.listPodSandbox(std::move(sandboxFilter), stop));
  for (const auto& sandbox : sandboxes) {
    if (!sandbox.metadata) continue;
    pod->metadata.name = sandbox.metadata->name;
    pod->metadata.namespace_ = sandbox.metadata->namespace_;
  }
  if (containers.empty() && sandboxes.empty()) co_return notFound("pods", uid);
  co_return PodPointer(std::move(pod));
}

}  // namespace coxswain::kubelet
