#pragma once

#include <cstdint>
#include <string>

#include "runtime/files.h"

namespace coxswain::kubelet {

/// Gives a volume to a pod's fsGroup: group of all that is below, readable (and writable unless
/// `readOnly`) by it, folders setgid. With `onRootMismatch` nothing happens where the top folder is
/// right already. Upstream: pkg/volume/volume_linux.go.
Status setVolumeOwnership(Files& files, const std::string& folder, int64_t fsGroup, bool readOnly,
                          bool onRootMismatch);

}  // namespace coxswain::kubelet
