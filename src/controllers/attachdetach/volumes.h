#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"

namespace coxswain::controllers::attachdetach {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
using VolumePointer = std::shared_ptr<const api::core::v1::PersistentVolume>;

/// What a node's status calls a volume of a CSI driver: "kubernetes.io/csi/<driver>^<handle>".
std::string uniqueName(const api::core::v1::CSIPersistentVolumeSource& source);

struct VolumeId {
  std::string_view driver;
  std::string_view handle;
};
/// The parts of such a name; nothing: it is none.
std::optional<VolumeId> parseUniqueName(std::string_view name);

/// "csi-<sha256 of handle, driver and node>": the VolumeAttachment of a volume on a node.
std::string attachmentName(VolumeId volume, std::string_view node);

/// It may be on several nodes at once, or does not say.
bool mayAttachTwice(const api::core::v1::PersistentVolume& volume);

/// Its volumes are of no more use to it.
bool isPodTerminated(const api::core::v1::Pod& pod);

/// Why a pod must wait for a volume that is on another node, which `users` have there. Names of
/// other namespaces are not told.
std::string multiAttachMessage(const api::core::v1::PersistentVolume& volume,
                               const api::core::v1::Pod& pod, const std::vector<PodPointer>& users);

/// The body of a merge patch: these are the volumes attached to a node.
std::string volumesAttachedPatch(const std::vector<api::core::v1::AttachedVolume>& volumes);

}  // namespace coxswain::controllers::attachdetach
