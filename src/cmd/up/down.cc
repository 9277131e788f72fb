#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cmd/commands.h"
#include "cmd/up/node_address.h"
#include "cmd/up/runtime_access.h"
#include "kubelet/cri/grpc_services.h"
#include "proxy/proxy.h"
#include "runtime/reactor.h"
#include "up/supervisor.h"
#include "up/teardown.h"

namespace coxswain::cmd {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kServerEndMax(30);
constexpr std::chrono::milliseconds kLookEvery(20);
constexpr int64_t kPodGraceSeconds = 10;

struct DownOptions {
  std::string dataDir = "/var/lib/coxswain";
  bool purge = false;
};

/// Ends supervisor and server. False: they would not.
bool endServer(const up::Layout& layout) {
  auto pid = up::runningSupervisor(layout.lockFile());
  if (!pid) return true;
  std::printf("  stopping the control plane and the node's parts ...\n");
  std::fflush(stdout);
  ::kill(*pid, SIGTERM);
  const auto giveUp = std::chrono::steady_clock::now() + kServerEndMax;
  while (up::runningSupervisor(layout.lockFile()) == pid) {
    if (std::chrono::steady_clock::now() > giveUp) return false;
    std::this_thread::sleep_for(kLookEvery);  // it is no child of ours: nothing wakes us
  }
  return true;
}

Task<Status> endRuntime(Reactor& reactor, const up::Layout& layout, bool purge) {
  auto runtime = runtimeOf(layout);
  std::error_code error;
  up::Containerd containerd(reactor, runtime.settings);
  if (runtime.own) {
    const bool traces = fs::exists(layout.containerdConfig(), error) &&
                        (fs::exists(layout.containerdSocket(), error) ||
                         !up::shimsOf(layout.containerdSocket()).empty());
    if (!traces) co_return Status();
    // It may have died before its pods: they can be ended in order only through it.
    CO_TRY_STATUS(co_await containerd.start(std::stop_token()));
  }
  std::printf("  ending pods ...\n");
  std::fflush(stdout);
  kubelet::cri::GrpcOptions options;
  options.endpoint = runtime.endpoint;
  kubelet::cri::GrpcRuntimeService service(reactor, options);
  Status ended = co_await up::endPods(service, kPodGraceSeconds, purge, std::stop_token());
  co_await service.close();
  if (runtime.own) {
    co_await containerd.end();
    for (auto pid : up::shimsOf(layout.containerdSocket())) ::kill(pid, SIGKILL);
    fs::remove(layout.containerdSocket(), error);
  }
  co_return ended;
}

/// Logs of the pods that this cluster's kubelet knew.
void removePodLogs(const up::Layout& layout) {
  std::error_code error;
  for (const auto& pod : fs::directory_iterator(layout.kubelet() + "/pods", error)) {
    auto uid = "_" + pod.path().filename().string();
    std::error_code inner;
    for (const auto& logs : fs::directory_iterator(layout.podLogs(), inner)) {
      if (logs.path().filename().string().ends_with(uid)) fs::remove_all(logs.path(), inner);
    }
    if (layout.containerLogs().empty()) continue;
    // Links to logs that are gone.
    for (const auto& link : fs::directory_iterator(layout.containerLogs(), inner)) {
      if (link.is_symlink(inner) && !fs::exists(link.path(), inner)) fs::remove(link.path(), inner);
    }
  }
}

Task<Status> purgeTraces(Reactor& reactor, const up::Layout& layout) {
  std::printf("  removing rules, links, mounts and files ...\n");
  std::fflush(stdout);
  auto processes = systemProcesses(reactor);
  Status rules = co_await proxy::Proxy::cleanup(*processes, std::stop_token());
  co_await up::removeCniTraces(*processes, "cni0", std::stop_token());
  co_await removeOfflineAddress(*processes, std::stop_token());
  CO_TRY_STATUS(up::unmountBelow(layout.data));
  CO_TRY_STATUS(up::unmountBelow(layout.run));
  removePodLogs(layout);
  up::removeCgroups("/sys/fs/cgroup", layout.cgroup());
  std::error_code error;
  fs::remove_all(layout.run, error);
  if (!error) fs::remove_all(layout.data, error);
  if (error) co_return errnoStatus("remove " + layout.data, error.value());
  co_return rules;
}

Task<Status> takeDown(Reactor& reactor, const DownOptions& options, const up::Layout& layout) {
  Status ended = co_await endRuntime(reactor, layout, options.purge);
  if (!options.purge) co_return ended;
  if (!ended.ok()) std::fprintf(stderr, "coxswain down: %s\n", ended.message().c_str());
  co_return co_await purgeTraces(reactor, layout);
}

}  // namespace

int down(int argc, char** argv) {
  DownOptions options;
  CLI::App app("Stops the cluster that `coxswain up` started on this machine", "down");
  app.add_option("--data-dir", options.dataDir, "the cluster's folder")->capture_default_str();
  app.add_flag("--purge", options.purge, "also remove everything it made: data, rules, links");
  std::vector<std::string> flags(argv, argv + argc);
  try {
    app.parse(std::vector<std::string>(flags.rbegin(), flags.rend()));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  auto layout = up::Layout::at(fs::absolute(options.dataDir).lexically_normal().string());
  std::error_code error;
  if (!fs::exists(layout.data, error)) {
    std::printf("No cluster in %s.\n", layout.data.c_str());
    return 0;
  }
  std::printf("Stopping the cluster in %s\n", layout.data.c_str());
  if (!endServer(layout)) {
    std::fprintf(stderr, "coxswain down: the server does not end; its log: %s/coxswain.log\n",
                 layout.logs().c_str());
    return 1;
  }
  ::signal(SIGPIPE, SIG_IGN);
  Reactor reactor;
  Status status = blockOn(reactor, takeDown(reactor, options, layout));
  if (!status.ok()) {
    std::fprintf(stderr, "coxswain down: %s\n", status.message().c_str());
    return 1;
  }
  std::printf(options.purge ? "Nothing is left.\n" : "Stopped. `coxswain up` goes on from here.\n");
  return 0;
}

}  // namespace coxswain::cmd
