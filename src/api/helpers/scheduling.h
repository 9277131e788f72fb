#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/map.h"

namespace coxswain::api {

namespace core::v1 {
struct Node;
struct NodeSelector;
struct NodeSelectorTerm;
struct Pod;
struct PodSpec;
struct Taint;
struct Toleration;
}  // namespace core::v1

inline constexpr std::string_view kTaintNoSchedule = "NoSchedule";
inline constexpr std::string_view kTaintPreferNoSchedule = "PreferNoSchedule";
inline constexpr std::string_view kTaintNoExecute = "NoExecute";

bool tolerates(const core::v1::Toleration& toleration, const core::v1::Taint& taint);
bool tolerates(const std::vector<core::v1::Toleration>& tolerations, const core::v1::Taint& taint);

/// The first taint for which `counts` holds and that nothing tolerates; null: none.
const core::v1::Taint* findUntolerated(const std::vector<core::v1::Taint>& taints,
                                       const std::vector<core::v1::Toleration>& tolerations,
                                       const std::function<bool(const core::v1::Taint&)>& counts);
/// Of NoSchedule and NoExecute taints: what keeps a pod from the node.
const core::v1::Taint* findUntoleratedForScheduling(
    const std::vector<core::v1::Taint>& taints,
    const std::vector<core::v1::Toleration>& tolerations);

/// How long a pod may stay on a node with these NoExecute taints. Nothing: for ever; zero: it must
/// go at once (one is not tolerated).
std::optional<int64_t> secondsTolerated(const std::vector<core::v1::Taint>& taints,
                                        const std::vector<core::v1::Toleration>& tolerations);

/// "key=value:Effect", "key:Effect".
std::string taintString(const core::v1::Taint& taint);

/// Terms are alternatives, requirements of one all hold; an empty term matches nothing.
bool matchesTerm(const core::v1::NodeSelectorTerm& term, const Map<std::string>& labels,
                 std::string_view nodeName);
bool matchesNodeSelector(const core::v1::NodeSelector& selector, const core::v1::Node& node);
/// spec.nodeSelector and the required node affinity of a pod.
bool matchesNodeAffinity(const core::v1::PodSpec& spec, const core::v1::Node& node);
/// Sum of weights of the preferred terms that match.
int64_t preferredNodeScore(const core::v1::PodSpec& spec, const core::v1::Node& node);

}  // namespace coxswain::api
