#include "controllers/podgc/decide.h"

#include <algorithm>
#include <tuple>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::podgc {

using api::core::v1::Node;
using api::core::v1::Pod;

std::vector<PodPointer> beyondThreshold(std::vector<PodPointer> ended, size_t threshold) {
  if (ended.size() <= threshold) return {};
  std::sort(ended.begin(), ended.end(), [](const PodPointer& a, const PodPointer& b) {
    const bool evictedA = a->status.reason == "Evicted";
    const bool evictedB = b->status.reason == "Evicted";
    if (evictedA != evictedB) return evictedA;
    return std::tie(a->metadata.creationTimestamp, a->metadata.name) <
           std::tie(b->metadata.creationTimestamp, b->metadata.name);
  });
  ended.resize(ended.size() - threshold);
  return ended;
}

bool isUnscheduledTerminating(const Pod& pod) {
  return pod.metadata.deletionTimestamp && pod.spec.nodeName.empty();
}

bool isOutOfService(const Node& node) {
  if (api::isNodeReady(node)) return false;
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(), [](const auto& taint) {
    return taint.key == "node.kubernetes.io/out-of-service";
  });
}

}  // namespace coxswain::controllers::podgc
