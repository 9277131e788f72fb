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

/// A node and what the pods on it, assumed ones too, take of it.
struct NodeInfo {
  NodeInfo();
  NodeInfo(const NodeInfo&) = delete;
  NodeInfo& operator=(const NodeInfo&) = delete;

  // What filters ask of every node comes first: a decision that finds none looks at thousands.
  /// Null: pods name a node that is not known (yet).
  std::shared_ptr<const api::core::v1::Node> node;
  uint32_t slot = 0;  ///< small number of its own, as long as it is in the cache
  bool unschedulable = false;
  bool tainted = false;
  /// Changes with all of it, and no other node ever has the same.
  uint64_t version;
  /// Pods for which room is being made here: others of lower priority must leave it.
  std::vector<PodInfoPtr> nominated;
  Resources allocatable;
  Resources requested;
  std::vector<PodInfoPtr> pods;  ///< in no order
  int64_t nonZeroMilliCpu = 0;
  int64_t nonZeroMemory = 0;
  std::string name;
  std::vector<HostPort> usedPorts;
  std::vector<ImageOnNode> images;  ///< sorted by name

  void setNode(std::shared_ptr<const api::core::v1::Node> fresh);
  void addPod(PodInfoPtr pod);
  /// This very one; false: it is not here.
  bool removePod(const PodInfo& pod);
  /// Removes pods[at]; the last one takes its place.
  PodInfoPtr takePod(size_t at);
  [[nodiscard]] const ImageOnNode* image(std::string_view image) const;
};

/// Asks the memory for what filters will look at soon.
inline void fetchEarly(const NodeInfo& node) {
  const auto* at = reinterpret_cast<const char*>(&node);
  for (size_t line = 0; line < 256; line += 64) __builtin_prefetch(at + line);
}

/// For trials: a decision may take pods off a node of its snapshot, or add some, if it puts all
/// back before it ends; it never suspends, so nobody else sees that.
inline NodeInfo& forTrial(const NodeInfo& node) {
  return const_cast<NodeInfo&>(node);
}

/// Around a trial, which leaves the node as it was: so is its version.
class TrialScope {
 public:
  explicit TrialScope(NodeInfo& node) : node_(node), version_(node.version) {}
  ~TrialScope() { node_.version = version_; }
  TrialScope(const TrialScope&) = delete;
  TrialScope& operator=(const TrialScope&) = delete;

 private:
  NodeInfo& node_;
  uint64_t version_;
};

}  // namespace coxswain::scheduler
