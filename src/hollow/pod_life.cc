#include "hollow/pod_life.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"

namespace coxswain::hollow {

using api::core::v1::Container;
using api::core::v1::ContainerStatus;
using api::core::v1::Pod;
using api::core::v1::PodCondition;

namespace {

constexpr Duration kBackOffMin = 10s;
constexpr Duration kBackOffMax = 5min;
constexpr int kBackOffDoublings = 5;

enum class Purpose : uint32_t { Fail = 1, Crash = 2 };

/// Whether the pod is among a share of all; each run of its containers is drawn anew.
bool isPicked(const Pod& pod, double share, Purpose purpose, uint64_t seed, int32_t run) {
  if (share <= 0) return false;
  auto hash = api::fnv32a(pod.metadata.uid, static_cast<uint32_t>(seed * 2654435761U) ^
                                                static_cast<uint32_t>(purpose) * 40503U ^
                                                static_cast<uint32_t>(run) * 69069U);
  hash ^= hash >> 16;
  hash *= 0x45d9f3bU;
  hash ^= hash >> 16;
  return static_cast<double>(hash) < share * 4294967296.0;
}

Duration runFor(const Pod& pod, const PodBehaviour& behaviour) {
  const auto* text = pod.metadata.annotations.get(kRunFor);
  if (text == nullptr) return behaviour.run;
  auto parsed = api::GoDuration::parse(*text);
  constexpr Duration kLongest = std::chrono::hours(24 * 3660);
  return parsed.ok() ? std::clamp(parsed->duration(), Duration(0), kLongest) : behaviour.run;
}

int32_t exitCode(const Pod& pod, const PodBehaviour& behaviour) {
  if (const auto* text = pod.metadata.annotations.get(kExitCode)) {
    int32_t code = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), code);
    if (error == std::errc() && end == text->data() + text->size()) return code & 255;
  }
  return isPicked(pod, behaviour.failShare, Purpose::Fail, behaviour.seed, api::podRestarts(pod))
             ? 1
             : 0;
}

bool endsByItself(const Pod& pod) {
  return pod.spec.restartPolicy == "Never" || pod.spec.restartPolicy == "OnFailure";
}

bool waitsToRestart(const Pod& pod) {
  return std::any_of(pod.status.containerStatuses.begin(), pod.status.containerStatuses.end(),
                     [](const auto& c) { return static_cast<bool>(c.state.waiting); });
}

bool containersReady(const Pod& pod) {
  return std::all_of(pod.status.containerStatuses.begin(), pod.status.containerStatuses.end(),
                     [](const auto& c) { return c.ready; });
}

bool gatesOpen(const Pod& pod) {
  return std::all_of(pod.spec.readinessGates.begin(), pod.spec.readinessGates.end(),
                     [&](const auto& gate) {
                       const auto* found = api::findPodCondition(pod.status, gate.conditionType);
                       return found != nullptr && found->status == "True";
                     });
}

void setCondition(Pod& pod, std::string_view type, bool holds, WallTime now,
                  std::string_view reason = "", std::string message = "") {
  PodCondition condition;
  condition.type = type;
  condition.status = holds ? "True" : "False";
  condition.reason = reason;
  condition.message = std::move(message);
  condition.lastTransitionTime = api::Time(now);
  condition.observedGeneration = pod.metadata.generation;
  api::setPodCondition(pod.status, condition);
}

/// Conditions Ready and ContainersReady as containers, gates and phase are.
void judge(Pod& pod, WallTime now) {
  if (api::isPodTerminal(pod)) {
    const auto* reason = pod.status.phase == "Succeeded" ? "PodCompleted" : "PodFailed";
    setCondition(pod, "ContainersReady", false, now, reason);
    setCondition(pod, "Ready", false, now, reason);
    return;
  }
  if (!containersReady(pod)) {
    std::string names;
    for (const auto& c : pod.status.containerStatuses) {
      if (!c.ready) names += (names.empty() ? "" : " ") + c.name;
    }
    const auto message = "containers with unready status: [" + names + "]";
    setCondition(pod, "ContainersReady", false, now, "ContainersNotReady", message);
    setCondition(pod, "Ready", false, now, "ContainersNotReady", message);
    return;
  }
  setCondition(pod, "ContainersReady", true, now);
  if (gatesOpen(pod)) {
    setCondition(pod, "Ready", true, now);
  } else {
    setCondition(pod, "Ready", false, now, "ReadinessGatesNotReady",
                 "a readiness gate's condition is not \"True\"");
  }
}

std::string containerId(const Pod& pod, const std::string& container, int32_t run) {
  return "hollow://" + pod.metadata.uid + "/" + container + "/" + std::to_string(run);
}

ContainerStatus running(const Pod& pod, const Container& container, bool ready, WallTime now) {
  ContainerStatus status;
  status.name = container.name;
  status.image = container.image;
  status.imageID = "hollow://" + container.image;
  status.containerID = containerId(pod, container.name, 0);
  status.state.running.getOrCreate().startedAt = api::Time(now);
  status.started = true;
  status.ready = ready;
  return status;
}

void terminate(ContainerStatus& status, int32_t code, WallTime now) {
  if (!status.state.running) return;
  const auto startedAt = status.state.running->startedAt;
  status.state.running.reset();
  auto& ended = status.state.terminated.getOrCreate();
  ended.exitCode = code;
  ended.reason = code == 0 ? "Completed" : "Error";
  ended.startedAt = startedAt;
  ended.finishedAt = api::Time(now);
  ended.containerID = status.containerID;
  status.ready = false;
  status.started = false;
}

void start(Pod& pod, const PodBehaviour& behaviour, const Addresses& addresses, WallTime now) {
  auto& status = pod.status;
  const bool ready = behaviour.ready <= Duration(0);
  status.phase = "Running";
  status.reason.clear();
  status.message.clear();
  if (!status.startTime) status.startTime = api::Time(now);
  status.hostIP = addresses.host;
  status.hostIPs.resize(1);
  status.hostIPs[0].ip = addresses.host;
  status.podIP = addresses.pod;
  status.podIPs.resize(1);
  status.podIPs[0].ip = addresses.pod;
  status.initContainerStatuses.clear();
  for (const auto& container : pod.spec.initContainers) {
    auto& made = status.initContainerStatuses.emplace_back(running(pod, container, true, now));
    if (api::isSidecar(container)) continue;
    terminate(made, 0, now);
    made.ready = true;  // it did what it was for
  }
  status.containerStatuses.clear();
  for (const auto& container : pod.spec.containers) {
    status.containerStatuses.push_back(running(pod, container, ready, now));
  }
  setCondition(pod, "PodReadyToStartContainers", true, now);
  setCondition(pod, "Initialized", true, now);
}

void finish(Pod& pod, int32_t code, WallTime now) {
  auto& status = pod.status;
  for (auto& c : status.initContainerStatuses) terminate(c, 0, now);
  for (auto& c : status.containerStatuses) {
    terminate(c, code, now);
    if (c.state.waiting) {
      c.state.waiting.reset();
      c.state.terminated = c.lastState.terminated;
    }
  }
  status.phase = code == 0 ? "Succeeded" : "Failed";
  setCondition(pod, "PodReadyToStartContainers", false, now);
  if (code == 0) setCondition(pod, "Initialized", true, now, "PodCompleted");
}

void crash(Pod& pod, WallTime now) {
  for (auto& c : pod.status.containerStatuses) {
    if (!c.state.running) continue;
    terminate(c, 1, now);
    c.lastState.terminated = c.state.terminated;
    c.state.terminated.reset();
    auto& waiting = c.state.waiting.getOrCreate();
    waiting.reason = "CrashLoopBackOff";
    waiting.message = "back-off restarting failed container=" + c.name +
                      " pod=" + pod.metadata.name + "_" + pod.metadata.namespace_ + "(" +
                      pod.metadata.uid + ")";
  }
}

void restart(Pod& pod, const PodBehaviour& behaviour, WallTime now) {
  for (auto& c : pod.status.containerStatuses) {
    if (!c.state.waiting) continue;
    c.state.waiting.reset();
    c.state.running.getOrCreate().startedAt = api::Time(now);
    ++c.restartCount;
    c.containerID = containerId(pod, c.name, c.restartCount);
    c.started = true;
    c.ready = behaviour.ready <= Duration(0);
  }
}

void end(Pod& pod, WallTime now) {
  // Nothing ran yet: the pod ends as one whose containers were never made.
  if (pod.status.phase == "Running") {
    finish(pod, pod.spec.restartPolicy == "Always" ? 0 : 137, now);
    return;
  }
  pod.status.phase = "Failed";
}

}  // namespace

Plan planFor(const Pod& pod, const PodBehaviour& behaviour) {
  const bool ended = api::isPodTerminal(pod);
  if (pod.metadata.deletionTimestamp) {
    const int64_t seconds = pod.metadata.deletionGracePeriodSeconds.value_or(0);
    const auto grace = std::chrono::seconds(std::clamp<int64_t>(seconds, 0, 366 * 86400));
    if (!ended) return {Step::End, std::min<Duration>(behaviour.end, grace)};
    // With no grace left it goes by itself once its finalizers are gone.
    if (seconds == 0) return {};
    return {Step::Remove, Duration(0)};
  }
  if (ended) return {};
  if (pod.status.phase != "Running" || pod.status.containerStatuses.empty()) {
    return {Step::Start, behaviour.start};
  }
  if (waitsToRestart(pod)) {
    const int doublings = std::min(api::podRestarts(pod), kBackOffDoublings);
    return {Step::Restart, std::min(kBackOffMin * (1 << doublings), kBackOffMax)};
  }
  if (!containersReady(pod)) return {Step::MakeReady, behaviour.ready};
  if (api::isPodReady(pod) != gatesOpen(pod)) return {Step::Judge, Duration(0)};
  if (endsByItself(pod)) {
    const bool again = pod.spec.restartPolicy == "OnFailure" && exitCode(pod, behaviour) != 0;
    return {again ? Step::Crash : Step::Finish, runFor(pod, behaviour)};
  }
  if (isPicked(pod, behaviour.crashShare, Purpose::Crash, behaviour.seed, 0)) {
    return {Step::Crash, behaviour.crashAfter};
  }
  return {};
}

void carryOut(Step step, Pod& pod, const PodBehaviour& behaviour, const Addresses& addresses,
              WallTime now) {
  switch (step) {
    case Step::None:
    case Step::Remove:
      return;
    case Step::Start:
      start(pod, behaviour, addresses, now);
      break;
    case Step::MakeReady:
      for (auto& c : pod.status.containerStatuses) c.ready = true;
      break;
    case Step::Judge:
      break;
    case Step::Finish:
      finish(pod, exitCode(pod, behaviour), now);
      break;
    case Step::Crash:
      crash(pod, now);
      break;
    case Step::Restart:
      restart(pod, behaviour, now);
      break;
    case Step::End:
      end(pod, now);
      break;
  }
  judge(pod, now);
  pod.status.observedGeneration = pod.metadata.generation;
}

}  // namespace coxswain::hollow
