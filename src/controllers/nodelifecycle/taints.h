#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::nodelifecycle {

using Taints = std::vector<api::core::v1::Taint>;

inline constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
inline constexpr std::string_view kUnreachable = "node.kubernetes.io/unreachable";

/// The node's taints with NoSchedule ones by its conditions and spec.unschedulable. Nothing: they
/// are so already.
std::optional<Taints> noScheduleTaints(const api::core::v1::Node& node, WallTime now);

/// With the NoExecute taint of a node whose Ready condition is not True; with neither of the two
/// when it is (or when `reachable` says to treat it so). Nothing: they are so already.
std::optional<Taints> noExecuteTaints(const api::core::v1::Node& node, bool reachable,
                                      WallTime now);

/// It has one of the two, so that putting the right one in its place evicts nobody anew.
bool hasNoExecuteTaint(const api::core::v1::Node& node);

/// Labels beta.kubernetes.io/os and arch follow those without beta. Empty: they do; else the body
/// of a patch.
std::string labelsPatch(const api::core::v1::Node& node);

}  // namespace coxswain::controllers::nodelifecycle
