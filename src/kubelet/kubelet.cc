#include "kubelet/kubelet.h"

#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/kubelet_impl.h"
#include "runtime/files.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;
using api::core::v1::Service;

const Logger log("kubelet");

client::Informer::Options podsOf(const std::string& nodeName) {
  client::Informer::Options options;
  options.fieldSelector = "spec.nodeName=" + nodeName;
  return options;
}

ImageManagerOptions imageOptions(const KubeletOptions& options) {
  ImageManagerOptions out;
  out.serializeImagePulls = options.serializeImagePulls;
  out.maxParallelImagePulls = options.maxParallelImagePulls;
  out.registryPullQps = options.registryPullQps;
  out.registryBurst = options.registryBurst;
  return out;
}

VolumeManagerOptions volumeOptions(const KubeletOptions& options) {
  VolumeManagerOptions out;
  out.rootDir = options.rootDir;
  out.nodeName = options.nodeName;
  out.removeOnThread = options.removeOnThread;
  return out;
}

ImageGcOptions imageGcOptions(const KubeletOptions& options) {
  ImageGcOptions out;
  out.nodeName = options.nodeName;
  out.highThresholdPercent = options.imageGcHighThresholdPercent;
  out.lowThresholdPercent = options.imageGcLowThresholdPercent;
  out.minAge = options.imageMinimumGcAge;
  return out;
}

}  // namespace

Kubelet::Impl::Impl(Dependencies dependencies, KubeletOptions given)
    : deps(dependencies),
      options(std::move(given)),
      events(deps.client, deps.executor, "kubelet", options.nodeName),
      objects(deps.client, deps.executor),
      services(deps.client, client::resourceOf<Service>(), {}),
      podInformer(deps.client, client::resourceOf<Pod>(), podsOf(options.nodeName)),
      nodes({deps.executor, deps.client, deps.runtime, deps.images, deps.facts, events,
             [this] {
               if (workers) workers->wakeAll();
             },
             [this] { return csiVolumes.inUse(); },
             [this](const auto& names) { csiVolumes.reported(names); }},
            options),
      commands(deps.runtime),
      prober(deps.probes, commands),
      probes({deps.executor, deps.random, prober, events,
              [this](const ProbeUpdate& update) { probeChanged(update); }}),
      hooks(deps.probes, commands, events),
      imageManager(deps.images, objects, events, deps.executor, imageOptions(options)),
      imageCollector({deps.executor, deps.runtime, deps.images, deps.files, events},
                     imageGcOptions(options)),
      environment(objects, services, events),
      csiNode(deps.client, options.nodeName),
      csiVolumes(
          {deps.executor, deps.files, deps.mounter, csiDrivers, [this] { nodes.reportSoon(); }},
          options.rootDir),
      volumes({deps.client, deps.executor, deps.random, deps.files, deps.mounter, objects, events,
               [this](const Pod& pod) {
                 const auto* state = workers ? workers->state(pod.metadata.uid) : nullptr;
                 auto ips = state ? state->ips() : std::vector<std::string>();
                 return runtime ? runtime->factsFor(pod, ips) : nodeFacts();
               },
               deps.plugins != nullptr ? &csiVolumes : nullptr},
              volumeOptions(options)) {
  podInformer.addHandler([this](const client::Change& change) { podChanged(change); });
}

Kubelet::Impl::~Impl() = default;

EnvironmentFacts Kubelet::Impl::nodeFacts() const {
  EnvironmentFacts facts;
  facts.hostIPs = nodes.addresses();
  facts.hostIP = facts.hostIPs.empty() ? "" : facts.hostIPs.front();
  facts.nodeAllocatable = nodes.allocatable();
  return facts;
}

/// Of a static pod that is its mirror, which has the same name.
PodPointer Kubelet::Impl::apiPod(const Pod& pod) const {
  auto found = podInformer.get<Pod>(api::objectKey(pod.metadata));
  if (!found) return nullptr;
  bool same = isStaticPod(pod) ? isMirrorPod(*found) : found->metadata.uid == pod.metadata.uid;
  return same ? found : nullptr;
}

void Kubelet::Impl::podChanged(const client::Change& change) {
  auto before = change.before.sharedAs<Pod>();
  auto after = change.after.sharedAs<Pod>();
  const auto& any = after ? after : before;
  if (!any || !workers) return;
  if (isMirrorPod(*any)) {
    mirrors->mirrorChanged(api::objectKey(any->metadata));
    for (const auto& [uid, pod] : statics) {
      if (api::objectKey(pod->metadata) == api::objectKey(any->metadata)) status->touch(uid);
    }
    return;
  }
  // Deleted and made again between two looks.
  if (before && (!after || before->metadata.uid != after->metadata.uid)) {
    workers->removed(before->metadata.uid);
  }
  if (!after) return;
  workers->update(after);
  status->touch(after->metadata.uid);
}

void Kubelet::Impl::staticPods(std::vector<PodPointer> pods) {
  std::map<std::string, PodPointer> now;
  for (auto& pod : pods) now.emplace(pod->metadata.uid, pod);
  auto before = std::exchange(statics, std::move(now));
  staticsKnown = true;
  for (const auto& [uid, pod] : before) {
    if (statics.contains(uid)) continue;
    workers->removed(uid);
    mirrors->removeStatic(api::objectKey(pod->metadata));
  }
  for (const auto& [uid, pod] : statics) {
    if (before.contains(uid)) continue;
    workers->update(pod);
    mirrors->setStatic(pod);
  }
}

void Kubelet::Impl::probeChanged(const ProbeUpdate& update) {
  if (workers) workers->wake(update.podUid);
}

bool Kubelet::Impl::sourcesReady() const {
  return podInformer.synced() && (options.staticPodPath.empty() || staticsKnown);
}

NodeSettings Kubelet::Impl::nodeSettings() const {
  NodeSettings node;
  node.rootDir = options.rootDir;
  node.podLogsDir = options.podLogsDir;
  node.clusterDomain = options.clusterDomain;
  node.dns.clusterDns = options.clusterDns;
  node.dns.clusterDomain = options.clusterDomain;
  if (!options.resolvConf.empty()) {
    auto text = deps.files.read(options.resolvConf);
    if (text.ok()) {
      node.dns.host = parseResolvConf(*text);
    } else {
      log.warn("reading resolv.conf failed", {{"error", text.status()}});
    }
  }
  node.memoryCapacity = nodes.machine().memoryBytes;
  node.cgroupV2 = deps.cgroups.isV2();
  node.cpuCfsQuota = options.cpuCfsQuota;
  node.cpuCfsQuotaPeriod = options.cpuCfsQuotaPeriod;
  node.seccompDefault = options.seccompDefault;
  return node;
}

Task<Status> Kubelet::Impl::prepareFolders() {
  CO_TRY_STATUS(deps.files.mkdirs(options.rootDir, 0750));
  CO_TRY_STATUS(deps.files.mkdirs(options.rootDir + "/pods", 0750));
  CO_TRY_STATUS(deps.files.mkdirs(options.podLogsDir, 0755));
  if (!options.containerLogsDir.empty()) {
    CO_TRY_STATUS(deps.files.mkdirs(options.containerLogsDir, 0755));
  }
  co_return Status();
}

Task<Status> Kubelet::Impl::waitForRuntime(std::stop_token stop) {
  bool told = false;
  while (true) {
    Status ready = co_await nodes.prepare(stop);
    if (stop.stop_requested()) co_return canceled();
    if (ready.ok() || ready.reason() != Reason::ServiceUnavailable) co_return ready;
    if (!std::exchange(told, true)) {
      log.warn("waiting for the container runtime", {{"error", ready}});
    }
    CO_TRY_STATUS(co_await sleepFor(200ms, stop));
  }
}

Task<Status> Kubelet::Impl::setUpCgroups(std::stop_token stop) {
  auto runtimeConfig = co_await deps.runtime.runtimeConfig(stop);
  if (runtimeConfig.ok() && runtimeConfig->linux &&
      runtimeConfig->linux->cgroupDriver == cri::SYSTEMD && options.cgroupsPerQos) {
    co_return badRequest(
        "the container runtime uses the cgroup driver \"systemd\"; this kubelet has \"cgroupfs\" "
        "only: set SystemdCgroup = false for the runtime");
  }
  CgroupResources all;
  auto allocatable = nodes.allocatable();
  if (const auto* cpu = allocatable.get("cpu")) {
    all.cpuShares = milliCpuToShares(cpu->milliValue());
  }
  auto capacity = nodes.capacity();
  if (const auto* memory = capacity.get("memory")) {
    // What is reserved is kept from pods; the eviction threshold is not a limit.
    int64_t bytes = memory->value();
    for (const auto* reserved : {&options.kubeReserved, &options.systemReserved}) {
      if (const auto* part = reserved->get("memory")) bytes -= part->value();
    }
    all.memoryBytes = std::max<int64_t>(bytes, 0);
  }
  Status made = deps.cgroups.setUp(all);
  co_return made.ok() ? made : made.withContext("setting up the pods' cgroups");
}

void Kubelet::Impl::makeParts() {
  PodRuntime::Options runtimeOptions;
  runtimeOptions.node = nodeSettings();
  runtimeOptions.containerLogsDir = options.containerLogsDir;
  runtimeOptions.backoffMax = options.crashLoopBackOffMax;
  runtimeOptions.facts = [this] { return nodeFacts(); };
  runtime = std::make_unique<PodRuntime>(
      PodRuntime::Dependencies{deps.executor, deps.client, deps.runtime, deps.images, imageManager,
                               environment, volumes, hooks, events, deps.files, deps.random},
      std::move(runtimeOptions));
  reader = std::make_unique<PodStateReader>(deps.runtime, deps.files);
  status = std::make_unique<StatusManager>(deps.client, deps.executor,
                                           [this](const Pod& pod) { return apiPod(pod); });
  PodWorkers::Options workerOptions;
  workerOptions.syncFrequency = options.syncFrequency;
  workerOptions.backoff = options.podSyncBackoff;
  workerOptions.cgroups = {options.cpuCfsQuota, options.cpuCfsQuotaPeriod, options.podPidsLimit};
  workerOptions.runtimeName = nodes.runtimeName();
  workerOptions.hostIps = [this] { return nodes.addresses(); };
  workerOptions.networkProblem = [this] { return nodes.networkProblem(); };
  workerOptions.node = [this]() -> const api::core::v1::Node& { return nodes.node(); };
  workerOptions.refreshNode = [this](std::stop_token token) {
    return nodes.refresh(std::move(token));
  };
  workers = std::make_unique<PodWorkers>(
      PodWorkers::Dependencies{deps.executor, deps.random, *runtime, *reader, probes, volumes,
                               deps.cgroups, objects, *status},
      std::move(workerOptions));
  mirrors = std::make_unique<MirrorPods>(
      deps.client, deps.executor,
      MirrorPods::Handlers{[this](const std::string& name) { return podInformer.get<Pod>(name); },
                           [this]() -> const api::core::v1::Node& { return nodes.node(); }});
  pleg = std::make_unique<Pleg>(
      deps.executor, deps.runtime,
      Pleg::Handlers{[this](const std::string& uid) { workers->runtimeChanged(uid); },
                     [this](std::string_view id) { return workers->uidOf(id); },
                     [this](const auto& pods) { runtimeListed(pods); }});
  if (!options.staticPodPath.empty()) {
    files = std::make_unique<FileSource>(
        deps.executor, deps.files, deps.watches,
        FileSource::Options{options.staticPodPath, options.nodeName, options.fileCheckFrequency},
        [this](std::vector<PodPointer> pods) { staticPods(std::move(pods)); });
  }
}

Task<void> Kubelet::Impl::runInformer(client::Informer& informer, Gate::Pass pass,
                                      std::stop_token stop) {
  co_await informer.run(std::move(stop));
}

Task<Status> Kubelet::Impl::start(std::stop_token stop) {
  CO_TRY_STATUS(co_await prepareFolders());
  CO_TRY_STATUS(co_await waitForRuntime(stop));
  CO_TRY_STATUS(co_await setUpCgroups(stop));
  makeParts();
  started = true;
  status->start();
  mirrors->start();
  auto token = stopping.get_token();
  spawn(deps.executor, runInformer(services, gate.enter(), token));
  spawn(deps.executor, runInformer(podInformer, gate.enter(), token));
  CO_TRY_STATUS(startPlugins());
  if (files) files->start();
  pleg->start();
  nodes.start();
  imageCollector.start();
  log.info("kubelet runs", {{"node", options.nodeName}, {"runtime", nodes.runtimeName()}});
  co_return Status();
}

Task<void> Kubelet::Impl::stopAll() {
  stopping.request_stop();
  if (started) {
    if (plugins) co_await plugins->stop();
    if (files) co_await files->stop();
    co_await imageCollector.stop();
    co_await pleg->stop();
    co_await workers->stop();
    co_await mirrors->stop();
    co_await status->stop();
    co_await nodes.stop();
  }
  co_await gate.close();
  co_await probes.stop();
  co_await volumes.stop();
  if (csiPlugins) co_await csiPlugins->stop();
  co_await objects.stop();
  co_await events.stop();
}

Kubelet::Kubelet(Dependencies dependencies, KubeletOptions options)
    : impl_(std::make_unique<Impl>(dependencies, std::move(options))) {}

Kubelet::~Kubelet() = default;

Task<Status> Kubelet::start(std::stop_token stop) {
  return impl_->start(std::move(stop));
}
Task<void> Kubelet::stop() {
  return impl_->stopAll();
}
bool Kubelet::ready() const {
  return impl_->nodes.ready();
}
const std::string& Kubelet::nodeName() const {
  return impl_->options.nodeName;
}
server::Backend& Kubelet::backend() {
  return *impl_;
}

}  // namespace coxswain::kubelet
