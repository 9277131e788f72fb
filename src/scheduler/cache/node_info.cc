#include "scheduler/cache/node_info.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

void NodeInfo::setNode(std::shared_ptr<const api::core::v1::Node> fresh) {
  node = std::move(fresh);
  images.clear();
  allocatable = {};
  if (!node) return;
  name = node->metadata.name;
  allocatable = Resources::from(node->status.allocatable);
  for (const auto& image : node->status.images)
    for (const auto& called : image.names) images.push_back({called, image.sizeBytes});
  std::sort(images.begin(), images.end(),
            [](const ImageOnNode& a, const ImageOnNode& b) { return a.name < b.name; });
}

void NodeInfo::addPod(PodInfoPtr pod) {
  requested.add(pod->requests);
  nonZeroMilliCpu += pod->nonZeroMilliCpu;
  nonZeroMemory += pod->nonZeroMemory;
  usedPorts.insert(usedPorts.end(), pod->hostPorts.begin(), pod->hostPorts.end());
  if (pod->affinity) podsWithAffinity.push_back(pod);
  pods.push_back(std::move(pod));
}

bool NodeInfo::removePod(const std::string& key) {
  const auto called = [&](const PodInfoPtr& have) { return have->key == key; };
  const auto at = std::find_if(pods.begin(), pods.end(), called);
  if (at == pods.end()) return false;
  const PodInfoPtr gone = std::move(*at);
  pods.erase(at);
  requested.subtract(gone->requests);
  nonZeroMilliCpu -= gone->nonZeroMilliCpu;
  nonZeroMemory -= gone->nonZeroMemory;
  for (const auto& port : gone->hostPorts) {
    const auto used = std::find(usedPorts.begin(), usedPorts.end(), port);
    if (used != usedPorts.end()) usedPorts.erase(used);
  }
  if (gone->affinity)
    podsWithAffinity.erase(std::find_if(podsWithAffinity.begin(), podsWithAffinity.end(), called));
  return true;
}

const ImageOnNode* NodeInfo::image(std::string_view image) const {
  const auto at =
      std::lower_bound(images.begin(), images.end(), image,
                       [](const ImageOnNode& have, std::string_view n) { return have.name < n; });
  return at == images.end() || at->name != image ? nullptr : &*at;
}

}  // namespace coxswain::scheduler
