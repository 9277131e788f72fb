#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::api::core::v1 {
struct Container;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
using ContainerPointer = std::shared_ptr<const api::core::v1::Container>;

enum class ContainerKind : uint8_t { Init, Sidecar, Regular, Ephemeral };

/// A container of a pod, whichever list it stands in.
struct PodContainer {
  ContainerPointer spec;
  ContainerKind kind = ContainerKind::Regular;
  std::string target;  ///< ephemeral: whose processes it sees; may be empty
};

/// Init containers and sidecars in order, then the regular ones, then ephemeral ones. The specs
/// keep the pod alive.
std::vector<PodContainer> podContainers(const PodPointer& pod);
/// By name; a null spec: none.
PodContainer findContainer(const PodPointer& pod, std::string_view name);

/// Of what changes a running container by being replaced: name and image.
std::string containerHash(const api::core::v1::Container& container);

/// "web_default(0b5c...)": how texts name a pod.
std::string podText(const api::core::v1::Pod& pod);
/// restartPolicy of the container where it has one, else of the pod; rules on exit codes first.
bool restartsAfterExit(const api::core::v1::Pod& pod, const PodContainer& container,
                       int32_t exitCode);
/// "spec.containers{web}": what an event about a container is about.
std::string containerFieldPath(const PodContainer& container);

}  // namespace coxswain::kubelet
