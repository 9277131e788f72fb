#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/event_recorder.h"
#include "kubelet/cri/services.h"
#include "kubelet/node/node_status.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// Keeps this machine's Node object: registers it, writes its status where something changed and
/// else every nodeStatusReportFrequency, and renews its lease in kube-node-lease. Asks the runtime
/// how it is. One executor; stop() before destruction.
/// Upstream: pkg/kubelet/kubelet_node_status.go, nodestatus/, component-helpers/.../lease.
class NodeManager {
 public:
  struct Dependencies {
    Executor& executor;
    client::Client& client;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    const NodeFacts& facts;
    client::EventRecorder& events;
    /// Called when the network becomes ready.
    std::function<void()> onNetworkReady;
    /// status.volumesInUse, and that it was written; empty: no volumes that are attached.
    std::function<std::vector<std::string>()> volumesInUse = nullptr;
    std::function<void(const std::vector<std::string>&)> onVolumesReported = nullptr;
  };

  NodeManager(Dependencies dependencies, const KubeletOptions& options);
  ~NodeManager();
  NodeManager(const NodeManager&) = delete;
  NodeManager& operator=(const NodeManager&) = delete;

  /// Reads the machine and asks the runtime, once. Failures: no address, no runtime.
  Task<Status> prepare(std::stop_token stop);
  void start();
  Task<void> stop();

  /// After prepare().
  [[nodiscard]] const MachineInfo& machine() const { return machine_; }
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  [[nodiscard]] api::ResourceList capacity() const;
  [[nodiscard]] api::ResourceList allocatable() const;
  [[nodiscard]] const std::string& runtimeName() const { return runtimeName_; }
  /// As the API server has it, or as it will be registered.
  [[nodiscard]] const api::core::v1::Node& node() const { return node_; }
  /// Reads node() again; keeps the old one where the API server does not answer.
  Task<void> refresh(std::stop_token stop);
  /// Writes the status soon: something in it has changed.
  void reportSoon() { wake_.set(); }
  [[nodiscard]] bool registered() const { return registered_; }
  /// Ready was written as True.
  [[nodiscard]] bool ready() const { return ready_; }
  /// Why pods with a network of their own cannot start; empty: they can.
  [[nodiscard]] const std::string& networkProblem() const { return networkProblem_; }

 private:
  static Task<void> runStatus(NodeManager& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> runLease(NodeManager& self, Gate::Pass pass, std::stop_token stop);
  Task<void> askRuntime(std::stop_token stop);
  Task<NodeInputs> gather(std::stop_token stop);
  Task<Status> registerNode(std::stop_token stop);
  Task<Status> reconcile(api::core::v1::Node existing, const NodeInputs& inputs,
                         std::stop_token stop);
  Task<Status> writeStatus(std::stop_token stop);
  Task<Status> renewLease(std::stop_token stop);
  void tell(const api::core::v1::NodeStatus& before, const api::core::v1::NodeStatus& after);
  void nodeEvent(std::string_view type, std::string_view reason, std::string message);

  Dependencies deps_;
  const KubeletOptions& options_;
  MachineInfo machine_;
  std::vector<std::string> addresses_;
  std::optional<FileSystemInfo> nodeFs_;
  std::string runtimeName_;
  std::string runtimeVersion_;
  std::vector<std::string> problems_;
  std::string networkProblem_;
  std::vector<cri::RuntimeHandler> handlers_;
  bool supplementalGroupsPolicy_ = false;
  api::core::v1::Node node_;
  api::ConstObject lease_;
  bool registered_ = false;
  bool ready_ = false;
  MonotonicTime reportedAt_{};
  Event wake_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
