#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::daemonset {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
using NodePointer = std::shared_ptr<const api::core::v1::Node>;
/// Pods of one set by the node they are on, or are meant for.
using PodsByNode = std::map<std::string, std::vector<PodPointer>>;

/// The node a daemon pod is on or, by its affinity to the name, is meant for. Empty: none.
std::string targetNode(const api::core::v1::Pod& pod);

struct Placement {
  bool run = false;   ///< the node should have a pod
  bool stay = false;  ///< a pod that is there may go on
  bool operator==(const Placement&) const = default;
};

/// Decides where pods of a template run. Made once for many nodes; the set outlives it.
class Placer {
 public:
  explicit Placer(const api::apps::v1::DaemonSet& set);
  [[nodiscard]] Placement on(const api::core::v1::Node& node) const;

 private:
  const api::core::v1::PodSpec& spec_;
  std::vector<api::core::v1::Toleration> tolerations_;
};

/// Nodes and what is to be on them, in order of names.
struct PlacedNode {
  NodePointer node;
  Placement placement;
};
using Nodes = std::vector<PlacedNode>;

/// The pod of the set for a node, without owner and name.
void shapePod(const api::apps::v1::DaemonSet& set, const std::string& node, const std::string& hash,
              api::core::v1::Pod& pod);

/// The pod is of the present template, by its hash or by the template's generation (as pods are
/// that come from a cluster which hashes differently).
bool isUpdated(const api::apps::v1::DaemonSet& set, const api::core::v1::Pod& pod,
               const std::string& hash);

/// What makes nodes right.
struct Plan {
  std::vector<std::string> create;  ///< nodes
  std::vector<PodPointer> remove;
  std::vector<PodPointer> failed;     ///< of `remove`: they failed, so wait between tries
  std::vector<PodPointer> succeeded;  ///< of `remove`
};
/// One pod on each node that should have one, none elsewhere.
Plan planNodes(const api::apps::v1::DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
               const std::string& hash, WallTime now);
/// A rolling update's next step: old pods that may go; with surge, nodes that may have two.
Plan planUpdate(const api::apps::v1::DaemonSet& set, const Nodes& nodes, const PodsByNode& pods,
                const std::string& hash, WallTime now);

api::apps::v1::DaemonSetStatus computeStatus(const api::apps::v1::DaemonSet& set,
                                             const Nodes& nodes, const PodsByNode& pods,
                                             const std::string& hash, WallTime now);

}  // namespace coxswain::controllers::daemonset
