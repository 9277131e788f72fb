#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta/time.h"

namespace coxswain::api {

namespace core::v1 {
struct Container;
struct ContainerStatus;
struct Node;
struct NodeCondition;
struct Pod;
struct PodCondition;
struct PodSpec;
struct PodStatus;
struct Service;
struct ServicePort;
}  // namespace core::v1

/// An init container that runs on (restartPolicy: Always).
bool isSidecar(const core::v1::Container& container);

/// Null: there is none. The pointer lives as long as the status is unchanged.
const core::v1::PodCondition* findPodCondition(const core::v1::PodStatus& status,
                                               std::string_view type);
core::v1::PodCondition* findPodCondition(core::v1::PodStatus& status, std::string_view type);
/// Adds or replaces the condition of this type. Keeps the transition time while the status stays,
/// so pass a condition with lastTransitionTime = now. True: something changed.
bool setPodCondition(core::v1::PodStatus& status, const core::v1::PodCondition& condition);

bool isPodReady(const core::v1::Pod& pod);
/// Ready for at least `minReadySeconds` at `now`.
bool isPodAvailable(const core::v1::Pod& pod, int32_t minReadySeconds, Time now);
/// Succeeded or Failed: will not run again.
bool isPodTerminal(const core::v1::Pod& pod);
/// Neither terminal nor being deleted: what replica controllers count.
bool isPodActive(const core::v1::Pod& pod);
/// Restarts of all its containers.
int32_t podRestarts(const core::v1::Pod& pod);
/// By name, also init and ephemeral ones; null: none.
const core::v1::ContainerStatus* findContainerStatus(const core::v1::PodStatus& status,
                                                     std::string_view container);

/// What a service's port is on this pod: the number, or that of the container port (of sidecars
/// too) which has the name and protocol. Nothing: the pod has none.
std::optional<int32_t> findPodPort(const core::v1::Pod& pod, const core::v1::ServicePort& port);
/// The port of this name; null: none.
const core::v1::ServicePort* findServicePort(const core::v1::Service& service,
                                             std::string_view name);
/// It has an address: clusterIP is set and not "None".
bool hasClusterIp(const core::v1::Service& service);
bool isHeadless(const core::v1::Service& service);

const core::v1::NodeCondition* findNodeCondition(const core::v1::Node& node, std::string_view type);
bool isNodeReady(const core::v1::Node& node);
/// The first address of this type ("InternalIP"); empty: none.
std::string_view nodeAddress(const core::v1::Node& node, std::string_view type);

}  // namespace coxswain::api
