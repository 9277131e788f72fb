#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "kubelet/cri/gen/runtime.h"

namespace coxswain::api::core::v1 {
struct Container;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

struct PodContainer;

/// The user an image names: a number, or a name.
struct ImageUser {
  std::optional<int64_t> uid;
  std::string username;
};

/// runAsNonRoot, with upstream's texts (CreateContainerConfigError).
Status verifyNonRoot(const api::core::v1::Pod& pod, const api::core::v1::Container& container,
                     const ImageUser& user);
bool runsAsNonRoot(const api::core::v1::Pod& pod, const api::core::v1::Container& container);

cri::NamespaceOption podNamespaces(const api::core::v1::Pod& pod);
/// Effective context of a container: its own settings over the pod's. `targetId` is the container
/// whose processes an ephemeral one sees; may be empty.
cri::LinuxContainerSecurityContext containerSecurity(
    const api::core::v1::Pod& pod, const api::core::v1::Container& container, const ImageUser& user,
    const std::string& targetId, const std::string& seccompRoot, bool seccompDefault);
cri::LinuxSandboxSecurityContext sandboxSecurity(const api::core::v1::Pod& pod);

}  // namespace coxswain::kubelet
