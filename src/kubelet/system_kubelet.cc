#include <signal.h>

#include <algorithm>
#include <optional>

#include "api/gen/core_v1.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/cgroups/cgroupfs_manager.h"
#include "kubelet/cri/grpc_services.h"
#include "kubelet/csi/grpc_channels.h"
#include "kubelet/kubelet.h"
#include "kubelet/logs/log_rotator.h"
#include "kubelet/node/node_facts.h"
#include "kubelet/prober/transport.h"
#include "runtime/file_watch.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/random.h"
#include "runtime/reactor.h"

namespace coxswain::kubelet {
namespace {

void killByForce(int pid) {
  ::kill(pid, SIGKILL);
}

/// Without a driver that can be had: tells at start.
std::unique_ptr<CgroupManager> makeCgroups(Files& files, const KubeletOptions& options,
                                           Status& problem) {
  if (!options.cgroupsPerQos) return std::make_unique<NoCgroups>();
  if (options.cgroupDriver != "cgroupfs") {
    problem = badRequest("cgroup driver \"" + options.cgroupDriver +
                         "\" is not supported; use \"cgroupfs\"");
    return std::make_unique<NoCgroups>();
  }
  auto table = files.read("/proc/self/mountinfo");
  auto layout = table.ok() ? findCgroups(*table) : Result<CgroupLayout>(table.status());
  if (!layout.ok()) {
    problem = layout.status();
    return std::make_unique<NoCgroups>();
  }
  return std::make_unique<CgroupfsManager>(files, std::move(*layout), options.cgroupRoot,
                                           killByForce);
}

KubeletOptions named(KubeletOptions options, const NodeFacts& facts) {
  options.removeOnThread = true;
  if (options.nodeName.empty()) {
    auto machine = facts.machine();
    if (machine.ok()) options.nodeName = lowerCase(machine->hostname);
  }
  return options;
}

/// The runtime, as whoever writes container logs.
class RuntimeLogs final : public logs::LogWriters {
 public:
  explicit RuntimeLogs(cri::RuntimeService& runtime) : runtime_(runtime) {}
  Task<Result<std::string>> writerOf(std::string logPath, std::stop_token stop) override {
    cri::ContainerFilter filter;
    filter.state.getOrCreate().state = cri::CONTAINER_RUNNING;
    CO_TRY(auto containers, co_await runtime_.listContainers(std::move(filter), stop));
    for (const auto& container : containers) {
      auto answer = co_await runtime_.containerStatus(container.id, false, stop);
      if (!answer.ok() || !answer->status) continue;
      if (answer->status->logPath == logPath) co_return container.id;
    }
    co_return notFound("containers", logPath);
  }
  Task<Status> reopen(std::string containerId, std::stop_token stop) override {
    return runtime_.reopenContainerLog(std::move(containerId), std::move(stop));
  }

 private:
  cri::RuntimeService& runtime_;
};

logs::LogRotationOptions rotation(const KubeletOptions& options) {
  logs::LogRotationOptions out;
  out.sizeMax = options.containerLogMaxBytes;
  out.filesMax = options.containerLogMaxFiles;
  out.interval = options.containerLogMonitorInterval;
  out.podLogsDir = options.podLogsDir;
  return out;
}

cri::GrpcOptions grpc(const std::string& endpoint, Duration timeout) {
  cri::GrpcOptions out;
  out.endpoint = endpoint.find("://") == std::string::npos ? "unix://" + endpoint : endpoint;
  out.requestTimeout = timeout;
  return out;
}

}  // namespace

struct SystemKubelet::Impl {
  Impl(Reactor& reactor, client::Client& client, SystemKubeletOptions options)
      : facts(files),
        runtime(reactor, grpc(options.containerRuntimeEndpoint, options.runtimeRequestTimeout)),
        images(reactor, grpc(options.imageServiceEndpoint.empty() ? options.containerRuntimeEndpoint
                                                                  : options.imageServiceEndpoint,
                             options.runtimeRequestTimeout)),
        probes(reactor),
        watches(reactor),
        plugins(reactor),
        logWriters(runtime),
        logRotator(reactor, logWriters, rotation(options.kubelet)),
        cgroups(makeCgroups(files, options.kubelet, problem)),
        kubelet({reactor, client, runtime, images, files, mounter, random, probes, *cgroups, facts,
                 &watches, &plugins},
                named(std::move(options.kubelet), facts)) {}

  SystemFiles files;
  SystemMounter mounter;
  SystemRandom random;
  SystemNodeFacts facts;
  cri::GrpcRuntimeService runtime;
  cri::GrpcImageService images;
  NetTransport probes;
  SystemFileWatches watches;
  csi::GrpcPluginChannels plugins;
  RuntimeLogs logWriters;
  logs::LogRotator logRotator;
  Status problem;
  std::unique_ptr<CgroupManager> cgroups;
  Kubelet kubelet;
};

SystemKubelet::SystemKubelet(Reactor& reactor, client::Client& client, SystemKubeletOptions options)
    : impl_(std::make_unique<Impl>(reactor, client, std::move(options))) {}

SystemKubelet::~SystemKubelet() = default;

Task<Status> SystemKubelet::start(std::stop_token stop) {
  if (!impl_->problem.ok()) co_return impl_->problem;
  CO_TRY_STATUS(co_await impl_->kubelet.start(std::move(stop)));
  impl_->logRotator.start();
  co_return Status();
}

Task<void> SystemKubelet::stop() {
  co_await impl_->logRotator.stop();
  co_await impl_->kubelet.stop();
  co_await impl_->runtime.close();
  co_await impl_->images.close();
}

Kubelet& SystemKubelet::kubelet() {
  return impl_->kubelet;
}

}  // namespace coxswain::kubelet
