#include "api/helpers/pods.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::api {

using core::v1::Container;
using core::v1::ContainerStatus;
using core::v1::Node;
using core::v1::NodeCondition;
using core::v1::Pod;
using core::v1::PodCondition;
using core::v1::PodStatus;
using core::v1::Service;
using core::v1::ServicePort;

bool isSidecar(const Container& container) {
  return container.restartPolicy && *container.restartPolicy == "Always";
}

const PodCondition* findPodCondition(const PodStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

PodCondition* findPodCondition(PodStatus& status, std::string_view type) {
  return const_cast<PodCondition*>(findPodCondition(std::as_const(status), type));
}

bool setPodCondition(PodStatus& status, const PodCondition& condition) {
  PodCondition* old = findPodCondition(status, condition.type);
  if (old == nullptr) {
    status.conditions.push_back(condition);
    return true;
  }
  PodCondition next = condition;
  if (old->status == condition.status) next.lastTransitionTime = old->lastTransitionTime;
  const bool changed = !(*old == next);
  *old = std::move(next);
  return changed;
}

bool isPodReady(const Pod& pod) {
  const PodCondition* ready = findPodCondition(pod.status, "Ready");
  return ready != nullptr && ready->status == "True";
}

bool isPodAvailable(const Pod& pod, int32_t minReadySeconds, Time now) {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds == 0) return true;
  const Time since = findPodCondition(pod.status, "Ready")->lastTransitionTime;
  return !since.isZero() && since.unix() + minReadySeconds <= now.unix();
}

bool isPodTerminal(const Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

bool isPodActive(const Pod& pod) {
  return !isPodTerminal(pod) && !pod.metadata.deletionTimestamp;
}

int32_t podRestarts(const Pod& pod) {
  int32_t restarts = 0;
  for (const auto& status : pod.status.initContainerStatuses) restarts += status.restartCount;
  for (const auto& status : pod.status.containerStatuses) restarts += status.restartCount;
  return restarts;
}

const ContainerStatus* findContainerStatus(const PodStatus& status, std::string_view container) {
  for (const auto* list : {&status.containerStatuses, &status.initContainerStatuses,
                           &status.ephemeralContainerStatuses})
    for (const auto& candidate : *list)
      if (candidate.name == container) return &candidate;
  return nullptr;
}

std::optional<int32_t> findPodPort(const Pod& pod, const ServicePort& port) {
  if (!port.targetPort.isString())
    return port.targetPort.intVal != 0 ? port.targetPort.intVal : port.port;
  const auto search = [&](const Container& container) -> std::optional<int32_t> {
    for (const auto& candidate : container.ports)
      if (candidate.name == port.targetPort.strVal &&
          (candidate.protocol == port.protocol || candidate.protocol.empty()))
        return candidate.containerPort;
    return std::nullopt;
  };
  for (const auto& container : pod.spec.containers)
    if (auto found = search(container)) return found;
  for (const auto& container : pod.spec.initContainers)
    if (isSidecar(container))
      if (auto found = search(container)) return found;
  return std::nullopt;
}

const ServicePort* findServicePort(const Service& service, std::string_view name) {
  for (const auto& port : service.spec.ports)
    if (port.name == name) return &port;
  return nullptr;
}

bool hasClusterIp(const Service& service) {
  return !service.spec.clusterIP.empty() && service.spec.clusterIP != "None";
}

bool isHeadless(const Service& service) {
  return service.spec.clusterIP == "None";
}

const NodeCondition* findNodeCondition(const Node& node, std::string_view type) {
  for (const auto& condition : node.status.conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

bool isNodeReady(const Node& node) {
  const NodeCondition* ready = findNodeCondition(node, "Ready");
  return ready != nullptr && ready->status == "True";
}

std::string_view nodeAddress(const Node& node, std::string_view type) {
  for (const auto& address : node.status.addresses)
    if (address.type == type) return address.address;
  return {};
}

}  // namespace coxswain::api
