#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/cache/pod_info.h"

namespace coxswain::api::core::v1 {
struct Node;
}

namespace coxswain::scheduler {

struct ImageOnNode {
  std::string name;  ///< normalised
  int64_t sizeBytes = 0;
};

/// A node and what the pods on it, assumed ones too, take of it. A value: preemption tries on
/// copies.
struct NodeInfo {
  /// Null: pods name a node that is not known (yet).
  std::shared_ptr<const api::core::v1::Node> node;
  std::string name;
  Resources allocatable;
  Resources requested;
  int64_t nonZeroMilliCpu = 0;
  int64_t nonZeroMemory = 0;
  std::vector<PodInfoPtr> pods;
  /// Pods with affinity or anti-affinity of any kind: a subset of `pods`.
  std::vector<PodInfoPtr> podsWithAffinity;
  std::vector<HostPort> usedPorts;
  std::vector<ImageOnNode> images;  ///< sorted by name

  void setNode(std::shared_ptr<const api::core::v1::Node> fresh);
  void addPod(PodInfoPtr pod);
  /// By key; false: it is not here.
  bool removePod(const std::string& key);
  [[nodiscard]] const ImageOnNode* image(std::string_view image) const;
};

}  // namespace coxswain::scheduler
