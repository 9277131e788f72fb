#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/result.h"
#include "base/time.h"

namespace coxswain::hollow {

inline constexpr std::string_view kLeaseNamespace = "kube-node-lease";

/// What pretended nodes look like: all of a fleet alike but for name, address and zone.
struct NodeShape {
  std::string namePrefix = "hollow-";
  api::Map<std::string> labels;
  std::vector<std::string> zones;  ///< label topology.kubernetes.io/zone, in turns; empty: none
  std::vector<api::core::v1::Taint> taints;
  api::Map<api::Quantity> capacity;  ///< allocatable is the same
  std::string kubeletVersion;

  /// Sets a resource's capacity. BadRequest: `amount` is no quantity, or negative.
  Status setCapacity(std::string_view resource, const std::string& amount);
};

/// "hollow-17" of the node 17.
std::string nodeName(const NodeShape& shape, uint32_t number);
/// The number in such a name; none: another node's name.
std::optional<uint32_t> nodeNumber(const NodeShape& shape, std::string_view name);

/// As a kubelet registers it: ready already.
api::core::v1::Node newNode(const NodeShape& shape, uint32_t number, const std::string& address,
                            WallTime now);
/// The conditions and what else a kubelet reports; transition times stay where statuses do.
void updateNodeStatus(const NodeShape& shape, const std::string& address, WallTime now,
                      api::core::v1::Node& node);

api::coordination::v1::Lease newLease(const std::string& node, const std::string& uid,
                                      int32_t seconds, WallTime now);

}  // namespace coxswain::hollow
