#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace coxswain::api::core::v1 {
struct Container;
struct ObjectReference;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

/// What events about a pod regard.
api::core::v1::ObjectReference podReference(const api::core::v1::Pod& pod);
/// The same with fieldPath "spec.containers{name}", "spec.initContainers{name}" or
/// "spec.ephemeralContainers{name}".
api::core::v1::ObjectReference containerReference(const api::core::v1::Pod& pod,
                                                  std::string_view container);

/// A container of any sort by name; null: none. Lives as long as the pod.
const api::core::v1::Container* findContainer(const api::core::v1::Pod& pod, std::string_view name);

}  // namespace coxswain::kubelet
