#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "base/log.h"
#include "kubelet/container/hosts_file.h"
#include "kubelet/container/pod_runtime.h"
#include "runtime/files.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

/// Names in /var/log/containers have a limit.
constexpr size_t kLinkNameMax = 251;

std::string afterDesc(const std::string& message) {
  auto at = message.find(" desc = ");
  return at == std::string::npos ? message : message.substr(at + 8);
}

}  // namespace

/// One container on its way.
struct PodRuntime::Start {
  PodPointer pod;
  PodContainer container;
  std::string sandboxId;
  std::shared_ptr<const cri::PodSandboxConfig> sandboxConfig;
  std::vector<std::string> ips;
  ContainerInputs inputs;
  std::string id;
};

Task<std::optional<WaitingReason>> PodRuntime::start(PodPointer pod, PodContainer container,
                                                     const PodState& state,
                                                     std::string cgroupParent,
                                                     std::stop_token stop) {
  Start work;
  work.pod = pod;
  work.container = container;
  work.sandboxId = state.sandbox()->id;
  work.ips = state.ips();
  auto config = sandboxConfig(*pod, state.sandbox()->attempt, cgroupParent, options_.node);
  if (!config.ok())
    co_return WaitingReason{"CreateContainerConfigError", config.status().message()};
  work.sandboxConfig = std::make_shared<const cri::PodSandboxConfig>(std::move(*config));
  const auto* last = state.run(container.spec->name);
  // A run that was made but never started is made again under its own number.
  if (last) work.inputs.restartCount = last->exited() ? last->restartCount + 1 : last->restartCount;
  if (!container.target.empty()) {
    const auto* target = state.run(container.target);
    if (!target || !target->running()) {
      co_return WaitingReason{"CreateContainerConfigError",
                              fmt::format("unable to find target container {}", container.target)};
    }
    work.inputs.targetId = target->id;
  }
  auto image =
      co_await deps_.imageManager.ensure(pod, container.spec, work.sandboxConfig, "", stop);
  if (!image.ok()) co_return WaitingReason{image.reason, image.message};
  work.inputs.imageRef = image.imageRef;
  auto failed = co_await create(work, stop);
  if (failed) co_return failed;
  co_return co_await launch(work, stop);
}

Task<Status> PodRuntime::prepare(Start& work, std::stop_token stop) {
  const auto& pod = *work.pod;
  const auto& spec = *work.container.spec;
  CO_TRY(auto user, co_await imageUser(work.inputs.imageRef, stop));
  work.inputs.user = user;
  CO_TRY_STATUS(verifyNonRoot(pod, spec, user));
  auto facts = factsFor(pod, work.ips);
  CO_TRY(auto environment,
         co_await deps_.environment.make(work.pod, work.container.spec, std::move(facts), stop));
  CO_TRY(auto mounts,
         co_await deps_.volumes.containerMounts(work.pod, work.container.spec, environment, stop));
  CO_TRY(auto devices, deps_.volumes.containerDevices(pod, spec));
  work.inputs.devices = std::move(devices);
  work.inputs.environment = std::move(environment);
  work.inputs.mounts = std::move(mounts);
  CO_TRY(auto hosts, writeHostsFile(pod, work.ips));
  work.inputs.hostsFile = std::move(hosts);
  CO_TRY(auto terminationLog, makeTerminationLog(pod, spec));
  work.inputs.terminationLogFile = std::move(terminationLog);
  co_return deps_.files.mkdirs(work.sandboxConfig->logDirectory + "/" + spec.name, 0755);
}

Task<std::optional<WaitingReason>> PodRuntime::create(Start& work, std::stop_token stop) {
  const auto& pod = *work.pod;
  auto ready = co_await prepare(work, stop);
  if (!ready.ok()) {
    if (!stop.stop_requested()) {
      event(pod, &work.container, client::kEventWarning, "Failed", "Error: " + ready.message());
    }
    co_return WaitingReason{"CreateContainerConfigError", ready.message()};
  }
  auto config = containerConfig(pod, work.container, work.inputs, options_.node);
  auto sandbox = *work.sandboxConfig;
  auto id = co_await deps_.runtime.createContainer(work.sandboxId, std::move(config),
                                                   std::move(sandbox), stop);
  if (!id.ok()) {
    auto text = afterDesc(id.status().message());
    if (!stop.stop_requested()) {
      event(pod, &work.container, client::kEventWarning, "Failed", "Error: " + text);
    }
    co_return WaitingReason{"CreateContainerError", text};
  }
  work.id = *id;
  event(pod, &work.container, client::kEventNormal, "Created", "Container created");
  co_return std::nullopt;
}

Task<std::optional<WaitingReason>> PodRuntime::launch(Start& work, std::stop_token stop) {
  const auto& pod = *work.pod;
  const auto& spec = *work.container.spec;
  auto started = co_await deps_.runtime.startContainer(work.id, stop);
  if (!started.ok()) {
    auto text = afterDesc(started.message());
    if (!stop.stop_requested()) {
      event(pod, &work.container, client::kEventWarning, "Failed", "Error: " + text);
    }
    co_return WaitingReason{"RunContainerError", text};
  }
  event(pod, &work.container, client::kEventNormal, "Started", "Container started");
  log.info("container runs", {{"pod", podText(pod)}, {"container", spec.name}, {"id", work.id}});
  linkLog(pod, spec.name, work.id,
          fmt::format("{}/{}/{}.log", work.sandboxConfig->logDirectory, spec.name,
                      work.inputs.restartCount));
  if (!spec.lifecycle || !spec.lifecycle->postStart) co_return std::nullopt;
  auto facts = factsFor(pod, work.ips);
  auto hook =
      co_await deps_.hooks.postStart(work.pod, work.container.spec, work.id, facts.podIP, stop);
  if (hook.ok() || stop.stop_requested()) co_return std::nullopt;
  ContainerKill kill;
  kill.id = work.id;
  kill.container = work.container;
  kill.message = "FailedPostStartHook";
  auto ips = work.ips;
  co_await killContainer(work.pod, std::move(kill), std::nullopt, std::move(ips), stop);
  co_return WaitingReason{"PostStartHookError", hook.message()};
}

/// Whom the image runs as; root where it does not say.
Task<Result<ImageUser>> PodRuntime::imageUser(std::string imageRef, std::stop_token stop) {
  cri::ImageSpec spec;
  spec.image = std::move(imageRef);
  CO_TRY(auto image, co_await deps_.images.imageStatus(std::move(spec), stop));
  ImageUser user;
  if (!image) co_return notFound("images", spec.image);
  if (image->uid) {
    user.uid = image->uid->value;
  } else if (!image->username.empty()) {
    user.username = image->username;
  } else {
    user.uid = 0;
  }
  co_return user;
}

Result<std::string> PodRuntime::writeHostsFile(const api::core::v1::Pod& pod,
                                               const std::vector<std::string>& ips) {
  std::string path = deps_.volumes.podDir(pod.metadata.uid) + "/etc-hosts";
  std::string text;
  if (pod.spec.hostNetwork) {
    auto own = deps_.files.read("/etc/hosts");
    text = hostNetworkHostsFile(pod, own.valueOr(""));
  } else {
    text = hostsFile(pod, ips, podHostname(pod, options_.node.clusterDomain));
  }
  TRY_STATUS(deps_.files.mkdirs(std::string(parentPath(path)), 0750));
  // In place: it may be mounted in containers already.
  TRY_STATUS(deps_.files.write(path, text, 0644));
  TRY_STATUS(deps_.files.chmod(path, 0644));
  return path;
}

Result<std::string> PodRuntime::makeTerminationLog(const api::core::v1::Pod& pod,
                                                   const api::core::v1::Container& container) {
  if (container.terminationMessagePath.empty()) return std::string();
  std::string folder =
      fmt::format("{}/containers/{}", deps_.volumes.podDir(pod.metadata.uid), container.name);
  TRY_STATUS(deps_.files.mkdirs(folder, 0750));
  std::string path = fmt::format("{}/{:08x}", folder, deps_.random.next() & 0xffffffff);
  TRY_STATUS(deps_.files.write(path, "", 0666));
  // Whoever the container runs as may write it.
  TRY_STATUS(deps_.files.chmod(path, 0666));
  return path;
}

/// /var/log/containers/<pod>_<namespace>_<container>-<id>.log, which log collectors look for. Its
/// absence harms nobody else.
void PodRuntime::linkLog(const api::core::v1::Pod& pod, const std::string& container,
                         const std::string& id, const std::string& logPath) {
  if (options_.containerLogsDir.empty()) return;
  std::string name = fmt::format("{}_{}_{}", pod.metadata.name, pod.metadata.namespace_, container);
  std::string end = "-" + id;
  if (name.size() + end.size() > kLinkNameMax) {
    name.resize(kLinkNameMax > end.size() ? kLinkNameMax - end.size() : 0);
  }
  std::string path = options_.containerLogsDir + "/" + name + end + ".log";
  Status linked = deps_.files.symlink(logPath, path);
  if (!linked.ok() && !isAlreadyExists(linked)) {
    log.warn("linking a log failed", {{"path", path}, {"error", linked}});
  }
}

}  // namespace coxswain::kubelet
