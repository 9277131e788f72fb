#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/config/options.h"
#include "kubelet/cri/gen/runtime.h"
#include "kubelet/node/node_facts.h"

namespace coxswain::kubelet {

/// Everything that a node's object says, gathered. The functions below are pure.
struct NodeInputs {
  const KubeletOptions& options;
  MachineInfo machine;
  std::vector<std::string> addresses;
  std::optional<int64_t> memoryAvailable;  ///< bytes
  std::optional<FileSystemInfo> nodeFs;    ///< of the root folder
  std::string runtimeVersion;              ///< "containerd://1.6.20"
  std::vector<cri::Image> images;
  std::vector<cri::RuntimeHandler> handlers;
  bool supplementalGroupsPolicy = false;
  /// What keeps the node from being ready; empty: nothing.
  std::vector<std::string> problems;
  api::Time now;
};

/// What is left of resources for pods. BadRequest: a threshold that is neither quantity nor
/// percent.
Result<api::ResourceList> nodeAllocatable(const api::ResourceList& capacity,
                                          const KubeletOptions& options);
api::ResourceList nodeCapacity(const NodeInputs& inputs);

/// Labels every node of ours has, with --node-labels.
api::Map<std::string> nodeLabels(const NodeInputs& inputs);
/// A whole new object, to be created.
api::core::v1::Node newNode(const NodeInputs& inputs);
/// `status` brought up to date; transition times stay where nothing changed, and what others wrote
/// (attached volumes, conditions of other types) stays.
void updateNodeStatus(const NodeInputs& inputs, api::core::v1::NodeStatus& status);
/// They differ in more than heartbeats.
bool nodeStatusChanged(const api::core::v1::NodeStatus& before,
                       const api::core::v1::NodeStatus& after);

/// "100Mi" of anything, or "10%" of `total`.
Result<int64_t> thresholdBytes(std::string_view text, int64_t total);

}  // namespace coxswain::kubelet
