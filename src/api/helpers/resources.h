#pragma once

#include <functional>
#include <string_view>

#include "api/meta/quantity.h"
#include "api/reflect/map.h"

namespace coxswain::api {

namespace core::v1 {
struct Container;
struct Pod;
struct PodSpec;
struct PodStatus;
}  // namespace core::v1

/// core/v1 ResourceList: "cpu" -> 500m.
using ResourceList = Map<Quantity>;

/// Adds each of `more`. What is not there counts as zero.
void addResources(ResourceList& to, const ResourceList& more);
/// Raises to `other` where that is larger.
void maxResources(ResourceList& to, const ResourceList& other);

struct PodResourcesOptions {
  /// Running pods: what was resized counts until it has happened (the larger of spec and status).
  bool useStatusResources = false;
  bool excludeOverhead = false;
  /// spec.resources (pod level) are not looked at.
  bool skipPodLevelResources = false;
  /// Called with each container's own amount where that is not null (without sidecar sums).
  std::function<void(const core::v1::Container& container, const ResourceList& resources)>
      containerFn;
};

/// What a pod needs: the sum of its containers and sidecars, or the largest init container with the
/// sidecars that start before it, whichever is more; pod-level requests instead where they are set;
/// plus overhead. Upstream: component-helpers/resource/helpers.go.
ResourceList podRequests(const core::v1::Pod& pod, const PodResourcesOptions& options = {});
ResourceList podRequests(const core::v1::PodSpec& spec, const PodResourcesOptions& options = {});
/// Likewise. Overhead is added only to limits that are there.
ResourceList podLimits(const core::v1::Pod& pod, const PodResourcesOptions& options = {});
ResourceList podLimits(const core::v1::PodSpec& spec, const PodResourcesOptions& options = {});

/// "Guaranteed", "Burstable" or "BestEffort", by cpu and memory.
std::string_view computeQosClass(const core::v1::PodSpec& spec);
/// status.qosClass where it is set, else computed.
std::string_view podQosClass(const core::v1::Pod& pod);

/// A resource that containers get whole and cannot overcommit: not cpu, memory, storage or
/// hugepages of Kubernetes itself, nor "kubernetes.io/...".
bool isExtendedResource(std::string_view name);
bool isHugePages(std::string_view name);

}  // namespace coxswain::api
