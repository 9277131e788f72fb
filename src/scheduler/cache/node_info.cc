#include "scheduler/cache/node_info.h"

#include <algorithm>
#include <atomic>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

NodeInfo::NodeInfo() {
  // Four billion changes until one could have the version of another.
  static std::atomic<uint64_t> last{0};
  version = ++last << 32;
}

void NodeInfo::setNode(std::shared_ptr<const api::core::v1::Node> fresh) {
  ++version;
  node = std::move(fresh);
  images.clear();
  allocatable = {};
  unschedulable = tainted = false;
  if (!node) return;
  name = node->metadata.name;
  unschedulable = node->spec.unschedulable;
  tainted = !node->spec.taints.empty();
  allocatable = Resources::from(node->status.allocatable);
  for (const auto& image : node->status.images)
    for (const auto& called : image.names) images.push_back({called, image.sizeBytes});
  std::sort(images.begin(), images.end(),
            [](const ImageOnNode& a, const ImageOnNode& b) { return a.name < b.name; });
}

void NodeInfo::addPod(PodInfoPtr pod) {
  ++version;
  requested.add(pod->requests);
  nonZeroMilliCpu += pod->nonZeroMilliCpu;
  nonZeroMemory += pod->nonZeroMemory;
  usedPorts.insert(usedPorts.end(), pod->hostPorts.begin(), pod->hostPorts.end());
  pods.push_back(std::move(pod));
}

bool NodeInfo::removePod(const PodInfo& pod) {
  // Trials take away what they added last.
  size_t at = pods.size();
  while (at > 0 && pods[at - 1].get() != &pod) --at;
  if (at == 0) return false;
  takePod(at - 1);
  return true;
}

PodInfoPtr NodeInfo::takePod(size_t at) {
  ++version;
  PodInfoPtr gone = std::move(pods[at]);
  if (at + 1 != pods.size()) pods[at] = std::move(pods.back());
  pods.pop_back();
  requested.subtract(gone->requests);
  nonZeroMilliCpu -= gone->nonZeroMilliCpu;
  nonZeroMemory -= gone->nonZeroMemory;
  for (const auto& port : gone->hostPorts) {
    const auto used = std::find(usedPorts.begin(), usedPorts.end(), port);
    if (used != usedPorts.end()) usedPorts.erase(used);
  }
  return gone;
}

const ImageOnNode* NodeInfo::image(std::string_view image) const {
  const auto at =
      std::lower_bound(images.begin(), images.end(), image,
                       [](const ImageOnNode& have, std::string_view n) { return have.name < n; });
  return at == images.end() || at->name != image ? nullptr : &*at;
}

}  // namespace coxswain::scheduler
