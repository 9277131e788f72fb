#include "kubelet/admission.h"

#include <fmt/format.h>

#include <tuple>

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "api/helpers/scheduling.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;

Rejection predicate(const char* name, const char* why) {
  return {name, fmt::format("Predicate {} failed: {}", name, why)};
}

int64_t inUnits(std::string_view resource, const api::Quantity& quantity) {
  return resource == "cpu" ? quantity.milliValue() : quantity.value();
}

std::optional<Rejection> lacks(const Pod& pod, const std::vector<PodPointer>& active,
                               const Node& node) {
  auto refuse = [](std::string_view resource, int64_t asked, int64_t used, int64_t has) {
    return Rejection{fmt::format("OutOf{}", resource),
                     fmt::format("Node didn't have enough resource: {}, requested: {}, used: {}, "
                                 "capacity: {}",
                                 resource, asked, used, has)};
  };
  const auto& allocatable = node.status.allocatable;
  auto count = static_cast<int64_t>(active.size());
  if (const auto* pods = allocatable.get("pods"); pods && count + 1 > pods->value()) {
    return refuse("pods", 1, count, pods->value());
  }
  api::ResourceList used;
  for (const auto& other : active) api::addResources(used, api::podRequests(*other));
  for (const auto& [name, asked] : api::podRequests(pod)) {
    if (asked.isZero()) continue;
    const auto* has = allocatable.get(name);
    // Extended resources that this node does not know of are not its to refuse.
    if (!has && api::isExtendedResource(name)) continue;
    const auto* taken = used.get(name);
    int64_t total = has ? inUnits(name, *has) : 0;
    int64_t already = taken ? inUnits(name, *taken) : 0;
    if (inUnits(name, asked) > total - already) {
      return refuse(name, inUnits(name, asked), already, total);
    }
  }
  return std::nullopt;
}

bool clash(const api::core::v1::ContainerPort& a, const api::core::v1::ContainerPort& b) {
  if (a.hostPort == 0 || a.hostPort != b.hostPort || a.protocol != b.protocol) return false;
  auto any = [](const std::string& ip) { return ip.empty() || ip == "0.0.0.0"; };
  return any(a.hostIP) || any(b.hostIP) || a.hostIP == b.hostIP;
}

bool portsClash(const Pod& a, const Pod& b) {
  for (const auto& mine : a.spec.containers) {
    for (const auto& port : mine.ports) {
      for (const auto& theirs : b.spec.containers) {
        for (const auto& other : theirs.ports) {
          if (clash(port, other)) return true;
        }
      }
    }
  }
  return false;
}

}  // namespace

std::optional<Rejection> admitPod(const Pod& pod, const std::vector<PodPointer>& active,
                                  const Node& node, bool isStatic) {
  if (pod.spec.os && !pod.spec.os->name.empty() && pod.spec.os->name != "linux") {
    return Rejection{"PodOSNotSupported",
                     fmt::format("Failed to admit pod as the OS field doesn't match node OS")};
  }
  if (!isStatic && !api::matchesNodeAffinity(pod.spec, node)) {
    return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  }
  if (!isStatic) {
    auto evicting = [](const api::core::v1::Taint& taint) {
      return taint.effect == api::kTaintNoExecute;
    };
    if (api::findUntolerated(node.spec.taints, pod.spec.tolerations, evicting)) {
      return predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate");
    }
  }
  for (const auto& other : active) {
    if (portsClash(pod, *other)) {
      return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
    }
  }
  return lacks(pod, active, node);
}

}  // namespace coxswain::kubelet
