#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace coxswain::api::core::v1 {
struct PersistentVolume;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

enum class ReferencedKind : uint8_t {
  Secret,
  ConfigMap,
  PersistentVolumeClaim,
  ServiceAccount,
  ResourceClaim
};

/// Names one object; true: that is enough.
using VisitReference = std::function<bool(ReferencedKind kind, std::string_view name)>;

/// What the pod names of its namespace: in volumes, environment, pull secrets, as its service
/// account, among its devices; some more than once. Mirror pods, whose specs a kubelet writes
/// itself, refer to nothing. True: the visitor had enough.
bool visitPodReferences(const api::core::v1::Pod& pod, const VisitReference& visit);

/// Does the pod name such an object?
bool podRefersTo(const api::core::v1::Pod& pod, ReferencedKind kind, std::string_view name);
/// Does the pod, also a mirror pod, name any object of that kind?
bool podNamesAny(const api::core::v1::Pod& pod, ReferencedKind kind);

/// Does the volume name that secret for kubelets to read (not for controllers alone)?
bool volumeHasSecret(const api::core::v1::PersistentVolume& volume, std::string_view ns,
                     std::string_view name);

}  // namespace coxswain::apiserver
