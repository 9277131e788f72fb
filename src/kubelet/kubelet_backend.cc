#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "kubelet/config/configuration.h"
#include "kubelet/container/names.h"
#include "kubelet/kubelet_impl.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;

std::string valueOf(const api::Map<std::string>& map, std::string_view key) {
  const auto* found = map.get(key);
  return found ? *found : std::string();
}

Status missing(std::string text) {
  return Status(Reason::NotFound, 404, std::move(text));
}

/// A sync loop that stood still for longer than this is ill.
constexpr Duration kHealthyFor = 3min;

}  // namespace

PodPointer Kubelet::Impl::findPod(std::string_view ns, std::string_view name,
                                  std::string_view uid) const {
  if (!workers) return nullptr;
  auto found = workers->find(ns, name, uid);
  if (found || uid.empty()) return found;
  // Clients know a static pod by its mirror's uid.
  auto mirror = podInformer.get<Pod>(fmt::format("{}/{}", ns, name));
  if (!mirror || mirror->metadata.uid != uid || !isMirrorPod(*mirror)) return nullptr;
  return workers->find(ns, name, "");
}

Task<Result<std::vector<PodPointer>>> Kubelet::Impl::runningPods(std::stop_token stop) {
  cri::ContainerFilter filter;
  filter.state.getOrCreate().state = cri::CONTAINER_RUNNING;
  CO_TRY(auto containers, co_await deps.runtime.listContainers(std::move(filter), stop));
  std::map<std::string, std::shared_ptr<Pod>> pods;
  for (const auto& container : containers) {
    auto uid = valueOf(container.labels, kPodUidLabel);
    if (uid.empty()) continue;
    auto& pod = pods[uid];
    if (!pod) {
      pod = std::make_shared<Pod>();
      pod->metadata.uid = uid;
      pod->metadata.name = valueOf(container.labels, kPodNameLabel);
      pod->metadata.namespace_ = valueOf(container.labels, kPodNamespaceLabel);
    }
    auto& spec = pod->spec.containers.emplace_back();
    spec.name = valueOf(container.labels, kContainerNameLabel);
    if (container.image) spec.image = container.image->image;
  }
  std::vector<PodPointer> out;
  for (auto& [uid, pod] : pods) out.push_back(std::move(pod));
  co_return out;
}

Task<Result<server::RuntimeContainer>> Kubelet::Impl::containerStatus(std::string id,
                                                                      std::stop_token stop) {
  CO_TRY(auto answer, co_await deps.runtime.containerStatus(id, true, stop));
  if (!answer.status) co_return missing("container not found (\"" + id + "\")");
  server::RuntimeContainer out;
  out.id = answer.status->id;
  out.logPath = answer.status->logPath;
  out.running = answer.status->state == cri::CONTAINER_RUNNING;
  // The spec knows; the CRI does not tell.
  auto pod = findPod(valueOf(answer.status->labels, kPodNamespaceLabel),
                     valueOf(answer.status->labels, kPodNameLabel), "");
  if (pod) {
    auto container =
        kubelet::findContainer(pod, valueOf(answer.status->labels, kContainerNameLabel));
    out.tty = container.spec && container.spec->tty;
  }
  co_return out;
}

Task<Result<std::string>> Kubelet::Impl::findContainer(server::ContainerAddress address,
                                                       std::stop_token stop) {
  auto pod = findPod(address.podNamespace, address.podName, address.podUid);
  cri::ContainerFilter filter;
  filter.state.getOrCreate().state = cri::CONTAINER_RUNNING;
  filter.labelSelector[kContainerNameLabel] = address.container;
  filter.labelSelector[kPodNameLabel] = address.podName;
  filter.labelSelector[kPodNamespaceLabel] = address.podNamespace;
  if (pod) filter.labelSelector[kPodUidLabel] = pod->metadata.uid;
  CO_TRY(auto containers, co_await deps.runtime.listContainers(std::move(filter), stop));
  if (containers.empty()) {
    co_return missing(fmt::format("container not found (\"{}\")", address.container));
  }
  auto newest =
      std::max_element(containers.begin(), containers.end(),
                       [](const auto& a, const auto& b) { return a.createdAt < b.createdAt; });
  co_return newest->id;
}

Task<Result<std::string>> Kubelet::Impl::findSandbox(std::string ns, std::string name,
                                                     std::string uid, std::stop_token stop) {
  auto pod = findPod(ns, name, uid);
  cri::PodSandboxFilter filter;
  filter.state.getOrCreate().state = cri::SANDBOX_READY;
  filter.labelSelector[kPodNameLabel] = name;
  filter.labelSelector[kPodNamespaceLabel] = ns;
  if (pod) filter.labelSelector[kPodUidLabel] = pod->metadata.uid;
  CO_TRY(auto sandboxes, co_await deps.runtime.listPodSandbox(std::move(filter), stop));
  if (sandboxes.empty()) co_return missing(fmt::format("pod not found (\"{}_{}\")", name, ns));
  auto newest =
      std::max_element(sandboxes.begin(), sandboxes.end(),
                       [](const auto& a, const auto& b) { return a.createdAt < b.createdAt; });
  co_return newest->id;
}

Task<Result<std::string>> Kubelet::Impl::execUrl(std::string containerId,
                                                 std::vector<std::string> command,
                                                 server::StreamFlags streams,
                                                 std::stop_token stop) {
  cri::ExecRequest request;
  request.containerId = std::move(containerId);
  request.cmd = std::move(command);
  request.stdin = streams.stdin_;
  request.stdout = streams.stdout_;
  request.stderr = streams.stderr_;
  request.tty = streams.tty;
  co_return co_await deps.runtime.exec(std::move(request), stop);
}

Task<Result<std::string>> Kubelet::Impl::attachUrl(std::string containerId,
                                                   server::StreamFlags streams,
                                                   std::stop_token stop) {
  cri::AttachRequest request;
  request.containerId = std::move(containerId);
  request.stdin = streams.stdin_;
  request.stdout = streams.stdout_;
  request.stderr = streams.stderr_;
  request.tty = streams.tty;
  co_return co_await deps.runtime.attach(std::move(request), stop);
}

Task<Result<std::string>> Kubelet::Impl::portForwardUrl(std::string sandboxId,
                                                        std::vector<int32_t> ports,
                                                        std::stop_token stop) {
  cri::PortForwardRequest request;
  request.podSandboxId = std::move(sandboxId);
  request.port = std::move(ports);
  co_return co_await deps.runtime.portForward(std::move(request), stop);
}

Task<Result<server::CommandOutput>> Kubelet::Impl::execSync(std::string containerId,
                                                            std::vector<std::string> command,
                                                            Duration timeout,
                                                            std::stop_token stop) {
  auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout);
  CO_TRY(auto answer,
         co_await deps.runtime.execSync(std::move(containerId), std::move(command), seconds, stop));
  server::CommandOutput out;
  out.stdout_ = std::move(answer.stdout.data);
  out.stderr_ = std::move(answer.stderr.data);
  out.exitCode = answer.exitCode;
  co_return out;
}

Status Kubelet::Impl::syncLoopHealthy() const {
  if (!pleg) return internalError("the kubelet has not started");
  auto since = deps.executor.now() - pleg->relistedAt();
  if (since < kHealthyFor) return {};
  return internalError(fmt::format("the runtime was listed {} s ago; threshold is {} s", since / 1s,
                                   kHealthyFor / 1s));
}

std::string Kubelet::Impl::configJson() const {
  return configurationJson(options);
}

Task<Result<std::string>> Kubelet::Impl::metricsText(std::stop_token stop) {
  std::string out;
  auto gauge = [&](const char* name, const char* help, size_t value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
  };
  if (!workers) co_return out;
  size_t running = 0;
  size_t containers = 0;
  for (const auto& pod : workers->pods()) {
    const auto* state = workers->state(pod->metadata.uid);
    if (!state) continue;
    if (state->sandbox() && state->sandbox()->ready) ++running;
    for (const auto& run : state->containers) containers += run.running() ? 1 : 0;
  }
  gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox", running);
  gauge("kubelet_running_containers", "Number of containers currently running", containers);
  gauge("kubelet_desired_pods", "The number of pods the kubelet is being instructed to run.",
        workers->size());
  std::vector<VolumeUsage> used;
  for (const auto& pod : workers->pods()) {
    auto some = co_await volumes.usage(pod->metadata.uid, stop);
    std::move(some.begin(), some.end(), std::back_inserter(used));
  }
  out += volumeMetricsText(used);
  co_return out;
}

/// What the runtime has measured, with what this kubelet knows of its pods.
Task<Result<NodeReading>> Kubelet::Impl::readStats(std::stop_token stop) {
  CO_TRY(auto stats,
         co_await deps.runtime.listContainerStats(cri::ContainerStatsFilter(), std::move(stop)));
  NodeReading out;
  out.nodeName = options.nodeName;
  out.when = deps.executor.wallNow();
  out.pods = byPod(std::move(stats));
  for (auto& pod : out.pods) {
    auto known = findPod(pod.ns, pod.name, pod.uid);
    if (known && known->status.startTime) pod.startedAt = known->status.startTime->wall();
    const auto* state = workers ? workers->state(pod.uid) : nullptr;
    if (!state) continue;
    for (const auto& run : state->containers) {
      for (auto& one : pod.containers) {
        if (one.stats.attributes->id == run.id) one.startedAt = WallTime(Duration(run.startedAt));
      }
    }
  }
  if (auto busy = deps.facts.cpuBusy(); busy.ok()) out.cpu = *busy;
  if (auto memory = deps.facts.memoryAvailableBytes(); memory.ok()) {
    out.memory = NodeReading::Memory{*memory, nodes.machine().memoryBytes - *memory};
  }
  if (auto fs = deps.facts.fileSystem(options.rootDir); fs.ok()) out.disk = *fs;
  co_return out;
}

Task<Result<std::string>> Kubelet::Impl::statsSummary(std::stop_token stop) {
  CO_TRY(auto reading, co_await readStats(stop));
  for (auto& pod : reading.pods) pod.volumes = co_await volumes.usage(pod.uid, stop);
  co_return summaryJson(reading);
}

Task<Result<std::string>> Kubelet::Impl::resourceMetrics(std::stop_token stop) {
  CO_TRY(auto reading, co_await readStats(std::move(stop)));
  co_return resourceMetricsText(reading);
}

}  // namespace coxswain::kubelet
