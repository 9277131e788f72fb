#include "kubelet/stats/node_stats.h"

#include <map>

#include "kubelet/container/names.h"

namespace coxswain::kubelet {
namespace {

std::string valueOf(const api::Map<std::string>& map, std::string_view key) {
  const auto* found = map.get(key);
  return found ? *found : std::string();
}

}  // namespace

std::vector<PodReading> byPod(std::vector<cri::ContainerStats> stats) {
  std::map<std::string, PodReading> pods;
  for (auto& one : stats) {
    if (!one.attributes) continue;
    const auto& labels = one.attributes->labels;
    auto uid = valueOf(labels, kPodUidLabel);
    if (uid.empty()) continue;
    auto& pod = pods[uid];
    if (pod.uid.empty()) {
      pod.uid = std::move(uid);
      pod.name = valueOf(labels, kPodNameLabel);
      pod.ns = valueOf(labels, kPodNamespaceLabel);
    }
    auto& container = pod.containers.emplace_back();
    container.name = valueOf(labels, kContainerNameLabel);
    container.stats = std::move(one);
  }
  std::vector<PodReading> out;
  out.reserve(pods.size());
  for (auto& [uid, pod] : pods) out.push_back(std::move(pod));
  return out;
}

}  // namespace coxswain::kubelet
