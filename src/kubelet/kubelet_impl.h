#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/event_recorder.h"
#include "client/informer.h"
#include "kubelet/cgroups/cgroup_manager.h"
#include "kubelet/container/pod_runtime.h"
#include "kubelet/csi/driver_handler.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/csi/node_info.h"
#include "kubelet/csi/plugin_watcher.h"
#include "kubelet/csi/volumes.h"
#include "kubelet/env/environment.h"
#include "kubelet/env/object_cache.h"
#include "kubelet/images/image_gc.h"
#include "kubelet/images/image_manager.h"
#include "kubelet/kubelet.h"
#include "kubelet/lifecycle/handlers.h"
#include "kubelet/mirror_pods.h"
#include "kubelet/node/node_manager.h"
#include "kubelet/pleg.h"
#include "kubelet/pod_workers.h"
#include "kubelet/prober/cri_commands.h"
#include "kubelet/prober/probe_manager.h"
#include "kubelet/server/backend.h"
#include "kubelet/static_pods/file_source.h"
#include "kubelet/stats/node_stats.h"
#include "kubelet/status/status_manager.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// All parts of a kubelet, in the order in which they need each other, and the server's view of
/// them.
struct Kubelet::Impl final : public server::Backend {
  Impl(Dependencies dependencies, KubeletOptions options);
  ~Impl() override;

  Task<Status> start(std::stop_token stop);
  Task<void> stopAll();

  // server::Backend
  [[nodiscard]] const std::string& nodeName() const override { return options.nodeName; }
  [[nodiscard]] std::vector<PodPointer> pods() const override { return workers->pods(); }
  [[nodiscard]] PodPointer findPod(std::string_view ns, std::string_view name,
                                   std::string_view uid) const override;
  Task<Result<std::vector<PodPointer>>> runningPods(std::stop_token stop) override;
  Task<Result<server::RuntimeContainer>> containerStatus(std::string id,
                                                         std::stop_token stop) override;
  Task<Result<std::string>> findContainer(server::ContainerAddress address,
                                          std::stop_token stop) override;
  Task<Result<std::string>> findSandbox(std::string ns, std::string name, std::string uid,
                                        std::stop_token stop) override;
  Task<Result<std::string>> execUrl(std::string containerId, std::vector<std::string> command,
                                    server::StreamFlags streams, std::stop_token stop) override;
  Task<Result<std::string>> attachUrl(std::string containerId, server::StreamFlags streams,
                                      std::stop_token stop) override;
  Task<Result<std::string>> portForwardUrl(std::string sandboxId, std::vector<int32_t> ports,
                                           std::stop_token stop) override;
  Task<Result<server::CommandOutput>> execSync(std::string containerId,
                                               std::vector<std::string> command, Duration timeout,
                                               std::stop_token stop) override;
  [[nodiscard]] Status syncLoopHealthy() const override;
  [[nodiscard]] std::string configJson() const override;
  Task<Result<std::string>> metricsText(std::stop_token stop) override;
  Task<Result<std::string>> statsSummary(std::stop_token stop) override;
  Task<Result<std::string>> resourceMetrics(std::stop_token stop) override;

  // What is heard of and asked for.
  void podChanged(const client::Change& change);
  void staticPods(std::vector<PodPointer> pods);
  void probeChanged(const ProbeUpdate& update);
  void runtimeListed(const std::map<std::string, std::string>& pods);
  [[nodiscard]] PodPointer apiPod(const api::core::v1::Pod& pod) const;
  [[nodiscard]] EnvironmentFacts nodeFacts() const;
  [[nodiscard]] bool sourcesReady() const;

  NodeSettings nodeSettings() const;
  Task<Result<NodeReading>> readStats(std::stop_token stop);
  // Plugins: kubelet_plugins.cc
  Status startPlugins();
  void driverCame(const std::string& name);
  static Task<void> announce(Impl& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> unstageUnused(Impl& self, std::string driver, Gate::Pass pass,
                                  std::stop_token stop);
  Task<Status> prepareFolders();
  Task<Status> waitForRuntime(std::stop_token stop);
  Task<Status> setUpCgroups(std::stop_token stop);
  void makeParts();
  static Task<void> runInformer(client::Informer& informer, Gate::Pass pass, std::stop_token stop);
  static Task<void> cleanOrphans(Impl& self, Gate::Pass pass, std::stop_token stop);
  Task<void> removeOrphan(std::string uid, std::stop_token stop);

  Dependencies deps;
  KubeletOptions options;
  client::EventRecorder events;
  ObjectCache objects;
  client::Informer services;
  client::Informer podInformer;
  NodeManager nodes;
  CriCommands commands;
  Prober prober;
  ProbeManager probes;
  LifecycleRunner hooks;
  ImageManager imageManager;
  ImageGarbageCollector imageCollector;
  EnvironmentMaker environment;
  csi::Drivers csiDrivers;
  csi::NodeInfoWriter csiNode;
  csi::Volumes csiVolumes;
  VolumeManager volumes;
  // Made by start(), when the machine is known.
  std::unique_ptr<PodRuntime> runtime;
  std::unique_ptr<PodStateReader> reader;
  std::unique_ptr<StatusManager> status;
  std::unique_ptr<PodWorkers> workers;
  std::unique_ptr<MirrorPods> mirrors;
  std::unique_ptr<Pleg> pleg;
  std::unique_ptr<FileSource> files;
  std::unique_ptr<csi::DriverHandler> csiPlugins;  // null: none can register
  std::unique_ptr<csi::PluginWatcher> plugins;

  std::map<std::string, PodPointer> statics;  // by uid
  bool staticsKnown = false;
  std::set<std::string> runtimePods;  // uids that the runtime had at the last list
  std::set<std::string> cleaning;
  bool started = false;
  Gate gate;
  std::stop_source stopping;
};

}  // namespace coxswain::kubelet
