#include "kubelet/container/pod_runtime.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/gen/node_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/container/names.h"
#include "runtime/files.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

std::string backoffKey(const api::core::v1::Pod& pod, const PodContainer& container) {
  return pod.metadata.uid + "/" + container.spec->name + "/" + containerHash(*container.spec);
}

WallTime wallOf(int64_t nanos) {
  return WallTime(Duration(nanos));
}

/// "10s", "1m20s", "5m0s".
std::string goDuration(Duration delay) {
  return api::GoDuration(delay).str();
}

}  // namespace

PodRuntime::PodRuntime(Dependencies dependencies, Options options)
    : deps_(dependencies), options_(std::move(options)), backoff_(options_.backoffMax) {}

void PodRuntime::event(const api::core::v1::Pod& pod, const PodContainer* container,
                       std::string_view type, std::string_view reason, std::string message) {
  api::core::v1::ObjectReference reference;
  reference.kind = "Pod";
  reference.apiVersion = "v1";
  reference.namespace_ = pod.metadata.namespace_;
  reference.name = pod.metadata.name;
  reference.uid = pod.metadata.uid;
  reference.resourceVersion = pod.metadata.resourceVersion;
  if (container) reference.fieldPath = containerFieldPath(*container);
  deps_.events.event(reference, type, reason, std::move(message));
}

EnvironmentFacts PodRuntime::factsFor(const api::core::v1::Pod& pod,
                                      const std::vector<std::string>& ips) const {
  EnvironmentFacts facts = options_.facts();
  facts.podIPs = pod.spec.hostNetwork ? facts.hostIPs : ips;
  facts.podIP = facts.podIPs.empty() ? "" : facts.podIPs.front();
  return facts;
}

Task<SyncOutcome> PodRuntime::sync(PodPointer pod, PodState& state, std::string cgroupParent,
                                   HealthFunction health, WaitingReasons& waiting,
                                   std::stop_token stop) {
  SyncOutcome outcome;
  auto actions = decideActions(pod, state, health);
  if (actions.stopOldSandbox) {
    if (actions.createSandbox) {
      event(*pod, nullptr, client::kEventNormal, "SandboxChanged",
            "Pod sandbox changed, it will be killed and re-created.");
    }
    outcome.changed = true;
    outcome.status = co_await killAll(pod, state, std::nullopt, stop);
    if (!outcome.status.ok()) co_return outcome;
  }
  if (actions.createSandbox) {
    outcome.changed = true;
    outcome.status = co_await makeSandbox(pod, state, actions.attempt, cgroupParent, stop);
    if (!outcome.status.ok()) co_return outcome;
    actions = decideActions(pod, state, health);
    // What ended with the old sandbox is known only when the state is read again.
    if (actions.createSandbox || !actions.kill.empty()) co_return outcome;
  }
  for (auto& kill : actions.kill) {
    outcome.changed = true;
    auto grace = kill.graceSeconds;
    auto ips = state.ips();
    co_await killContainer(pod, kill, grace, std::move(ips), stop);
  }
  for (auto& id : actions.remove) {
    outcome.changed = true;
    Status removed = co_await deps_.runtime.removeContainer(id, stop);
    if (!removed.ok() && outcome.status.ok()) outcome.status = removed;
  }
  for (auto& container : actions.start) {
    if (stop.stop_requested()) break;
    if (auto left = backsOff(pod, container, state, waiting)) {
      outcome.retryAfter = std::min(outcome.retryAfter.value_or(*left), *left);
      continue;
    }
    auto failed = co_await start(pod, container, state, cgroupParent, stop);
    outcome.changed = true;
    if (!failed) {
      waiting.erase(container.spec->name);
      continue;
    }
    if (stop.stop_requested()) break;
    if (failed->reason == "ImagePullBackOff" || failed->reason == "ErrImagePull") {
      Duration left = deps_.imageManager.backoffLeft(*pod, container.spec->image);
      left = std::max<Duration>(left, 1s);
      outcome.retryAfter = std::min(outcome.retryAfter.value_or(left), left);
    }
    if (outcome.status.ok()) {
      outcome.status =
          internalError(fmt::format("failed to \"StartContainer\" for \"{}\" with {}: "
                                    "\"{}\"",
                                    container.spec->name, failed->reason, failed->message));
    }
    waiting[container.spec->name] = std::move(*failed);
  }
  co_return outcome;
}

std::optional<Duration> PodRuntime::backsOff(PodPointer pod, const PodContainer& container,
                                             const PodState& state, WaitingReasons& waiting) {
  const auto* run = state.run(container.spec->name);
  if (!run || !run->exited()) return std::nullopt;
  auto key = backoffKey(*pod, container);
  auto now = deps_.executor.wallNow();
  auto left = backoff_.left(key, wallOf(run->finishedAt), now);
  if (left <= Duration::zero()) {
    backoff_.restarted(key, now);
    return std::nullopt;
  }
  auto name = container.spec->name;
  WaitingReason reason;
  reason.reason = "CrashLoopBackOff";
  reason.message = fmt::format("back-off {} restarting failed container={} pod={}",
                               goDuration(backoff_.current(key)), name, podText(*pod));
  auto& shown = waiting[name];
  if (shown != reason) {
    event(*pod, &container, client::kEventWarning, "BackOff",
          fmt::format("Back-off restarting failed container {} in pod {}", name, podText(*pod)));
    shown = std::move(reason);
  }
  return left;
}

Task<Result<std::string>> PodRuntime::runtimeHandler(PodPointer pod, std::stop_token stop) {
  if (!pod->spec.runtimeClassName || pod->spec.runtimeClassName->empty()) {
    co_return std::string();
  }
  const auto& type = client::resourceOf<api::node::v1::RuntimeClass>();
  auto found = co_await deps_.client.get(type, "", *pod->spec.runtimeClassName, stop);
  if (!found.ok()) {
    co_return found.status().withContext(fmt::format(
        "failed to get sandbox runtime: RuntimeClass \"{}\"", *pod->spec.runtimeClassName));
  }
  const auto* runtimeClass = found->as<api::node::v1::RuntimeClass>();
  co_return runtimeClass ? runtimeClass->handler : std::string();
}

Task<Status> PodRuntime::makeSandbox(PodPointer pod, PodState& state, uint32_t attempt,
                                     std::string cgroupParent, std::stop_token stop) {
  auto refuse = [&](const Status& status) {
    event(*pod, nullptr, client::kEventWarning, "FailedCreatePodSandBox",
          "Failed to create pod sandbox: " + status.message());
    return status.withContext(
        fmt::format("failed to \"CreatePodSandbox\" for \"{}\"", podText(*pod)));
  };
  auto dns = podDns(*pod, options_.node.dns);
  if (dns.missingClusterDns) {
    event(*pod, nullptr, client::kEventWarning, "MissingClusterDNS",
          fmt::format("pod: \"{}\". kubelet does not have ClusterDNS IP configured and cannot "
                      "create Pod using \"{}\" policy. Falling back to \"Default\" policy.",
                      podText(*pod), pod->spec.dnsPolicy));
  }
  if (!dns.warning.empty()) {
    event(*pod, nullptr, client::kEventWarning, "DNSConfigForming", dns.warning);
  }
  auto config = sandboxConfig(*pod, attempt, cgroupParent, options_.node);
  if (!config.ok()) co_return refuse(config.status());
  Status made = deps_.files.mkdirs(config->logDirectory, 0755);
  if (!made.ok()) co_return refuse(made);
  auto handler = co_await runtimeHandler(pod, stop);
  if (!handler.ok()) co_return refuse(handler.status());
  auto id = co_await deps_.runtime.runPodSandbox(std::move(*config), std::move(*handler), stop);
  if (!id.ok()) {
    if (stop.stop_requested()) co_return id.status();
    co_return refuse(id.status());
  }
  auto status = co_await deps_.runtime.podSandboxStatus(*id, false, stop);
  if (!status.ok()) {
    event(*pod, nullptr, client::kEventWarning, "FailedPodSandBoxStatus",
          "Unable to get pod sandbox status: " + status.status().message());
    co_return status.status();
  }
  SandboxState sandbox;
  sandbox.id = *id;
  sandbox.ready = true;
  sandbox.attempt = attempt;
  sandbox.hostNetwork = pod->spec.hostNetwork;
  if (status->status) {
    sandbox.createdAt = status->status->createdAt;
    if (status->status->network) {
      if (!status->status->network->ip.empty()) {
        sandbox.ips.push_back(status->status->network->ip);
      }
      for (const auto& more : status->status->network->additionalIps) {
        sandbox.ips.push_back(more.ip);
      }
    }
  }
  log.info("sandbox runs", {{"pod", podText(*pod)}, {"sandbox", sandbox.id}});
  state.sandboxes.insert(state.sandboxes.begin(), std::move(sandbox));
  co_return Status();
}

void PodRuntime::forgetPod(const std::string& uid) {
  backoff_.forgetPod(uid);
}

}  // namespace coxswain::kubelet
