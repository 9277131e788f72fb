#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/testing/fake_client.h"
#include "kubelet/cgroups/cgroup_manager.h"
#include "kubelet/cri/testing/fake_runtime.h"
#include "kubelet/csi/testing/fake_plugin.h"
#include "kubelet/kubelet.h"
#include "kubelet/node/testing/fake_node_facts.h"
#include "kubelet/prober/transport.h"
#include "runtime/random.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"

namespace coxswain::kubelet::testing {

/// Containers that answer probes as tests say.
class FakeTransport final : public ProbeTransport {
 public:
  bool healthy = true;
  Task<Result<HttpGetAnswer>> get(HttpGet, std::stop_token) override {
    HttpGetAnswer answer;
    answer.status = healthy ? 200 : 500;
    co_return answer;
  }
  Task<Status> connect(std::string, uint16_t, std::stop_token) override {
    co_return healthy ? Status() : unreachable("connection refused");
  }
  Task<Result<int>> grpcHealth(std::string, uint16_t, std::string, std::stop_token) override {
    co_return healthy ? 1 : 2;
  }
};

/// A kubelet in virtual time with a runtime, an API server and a disk in memory.
class KubeletHarness {
 public:
  KubeletHarness();
  ~KubeletHarness();

  sim::SimExecutor executor;
  client::testing::FakeClient client{executor};
  cri::testing::FakeRuntime runtime{executor};
  sim::MemoryFiles files;
  sim::MemoryMounter mounter{files};
  sim::MemoryFileWatches watches{files};
  csi::testing::FakePluginChannels plugins;
  bool withPlugins = false;  ///< set before start(): plugins may register
  SeededRandom random{7};
  FakeTransport transport;
  NoCgroups cgroups;
  FakeNodeFacts facts;
  KubeletOptions options;
  std::unique_ptr<Kubelet> kubelet;

  /// Starts (again) and waits until the node is ready.
  void start();
  /// Ends the kubelet; containers live on.
  void stop();

  /// False: it did not hold within `limit` of virtual time.
  bool until(const std::function<bool()>& condition, Duration limit = 60s) {
    return executor.runUntil(condition, limit);
  }
  void runFor(Duration time) { executor.runFor(time); }

  /// A pod bound to the node, with uid "uid-NAME", of containers of that image.
  static api::core::v1::Pod pod(const std::string& name,
                                const std::vector<std::string>& containers = {"app"});
  std::shared_ptr<const api::core::v1::Pod> peek(const std::string& name) {
    return client.peek<api::core::v1::Pod>("default", name);
  }
  bool runs(const std::string& pod, const std::string& container) {
    const auto* found = runtime.find(pod, container);
    return found && found->state == cri::CONTAINER_RUNNING;
  }
  bool phaseIs(const std::string& name, const std::string& phase);
  /// Of a container of that pod; null: none.
  const api::core::v1::ContainerStatus* statusOf(const std::string& pod,
                                                 const std::string& container);
  /// "Normal Started Container started", of all events about that pod, oldest first.
  std::vector<std::string> eventsOf(const std::string& pod);
  bool hasEvent(const std::string& pod, const std::string& start);
  /// Calls to the runtime that change something, in order.
  std::vector<std::string> changes() const;

 private:
  std::shared_ptr<const api::core::v1::Pod> held_;
};

}  // namespace coxswain::kubelet::testing
