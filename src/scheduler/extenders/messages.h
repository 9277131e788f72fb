#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace coxswain::api {
namespace core::v1 {
struct Node;
struct Pod;
}  // namespace core::v1
namespace meta::v1 {
struct ObjectMeta;
}
}  // namespace coxswain::api

namespace coxswain::scheduler {

// What scheduler and extenders say to each other, in JSON. Upstream:
// staging/src/k8s.io/kube-scheduler/extender/v1/types.go. Names in answers are found whatever their
// case, as there.

struct ExtenderNode {
  std::string name;
  std::shared_ptr<const api::core::v1::Node> node;
};

/// Of the verbs filter and prioritize. `cached`: the extender knows the nodes by their names.
std::string encodeExtenderArgs(const api::core::v1::Pod& pod, std::span<const ExtenderNode> nodes,
                               bool cached);

struct FilterAnswer {
  std::vector<std::string> nodes;
  std::map<std::string, std::string> failed;  ///< node, why
  std::map<std::string, std::string> unresolvable;
};
/// The extender's own error is a failure, with its text.
Result<FilterAnswer> decodeFilterResult(std::string_view text, bool cached);

/// Node, score.
Result<std::vector<std::pair<std::string, int64_t>>> decodePriorities(std::string_view text);

std::string encodeBindingArgs(const api::meta::v1::ObjectMeta& pod, const std::string& node);
Status decodeBindingResult(std::string_view text);

struct ExtenderVictim {
  std::string uid;
  std::shared_ptr<const api::core::v1::Pod> pod;  ///< not where the extender knows pods by uid
};
struct ExtenderVictims {
  std::vector<ExtenderVictim> pods;
  int64_t violations = 0;  ///< of disruption budgets
};
using VictimsByNode = std::map<std::string, ExtenderVictims>;

std::string encodePreemptionArgs(const api::core::v1::Pod& pod, const VictimsByNode& victims,
                                 bool cached);
/// Victims by uid.
Result<VictimsByNode> decodePreemptionResult(std::string_view text);

}  // namespace coxswain::scheduler
