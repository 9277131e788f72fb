#pragma once

#include <string_view>

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::apiserver {

enum class ReferencedKind : uint8_t { Secret, ConfigMap, PersistentVolumeClaim, ServiceAccount };

/// Does the pod name such an object of its namespace: in volumes, environment, pull secrets, as its
/// service account? Mirror pods, whose specs a kubelet writes itself, refer to nothing.
bool podRefersTo(const api::core::v1::Pod& pod, ReferencedKind kind, std::string_view name);

}  // namespace coxswain::apiserver
