#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "kubelet/env/environment.h"

namespace coxswain::api::core::v1 {
struct ResourceFieldSelector;
}

namespace coxswain::kubelet {

/// Value of a fieldRef path: metadata.name, metadata.labels (a line a key), metadata.labels['x'],
/// spec.nodeName, status.podIPs, ... "unsupported fieldPath: x" otherwise.
Result<std::string> podFieldValue(const api::core::v1::Pod& pod, std::string_view path,
                                  const EnvironmentFacts& facts);

/// Value of a resourceFieldRef such as limits.cpu in units of its divisor, rounded up. `container`
/// is used where the selector names none.
Result<std::string> resourceFieldValue(const api::core::v1::Pod& pod,
                                       const api::core::v1::Container* container,
                                       const api::core::v1::ResourceFieldSelector& selector,
                                       const EnvironmentFacts& facts);

}  // namespace coxswain::kubelet
