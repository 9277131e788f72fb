#pragma once

#include <string>

#include "up/containerd.h"
#include "up/layout.h"

namespace coxswain::cmd {

/// The container runtime of a single-machine cluster.
struct RuntimeAccess {
  bool own = true;                  ///< a containerd of ours
  std::string endpoint;             ///< "unix:///..."
  up::ContainerdSettings settings;  ///< of ours; for a foreign one only the socket
};

/// What ours is to be configured with. `cniPlugins` empty: where they were found to be.
up::ContainerdSettings ownContainerd(const up::Layout& layout, const std::string& cniPlugins);

/// As the cluster in `layout` was started: with a foreign endpoint if `rememberRuntime` noted one.
RuntimeAccess runtimeOf(const up::Layout& layout);
/// Notes the foreign endpoint for later commands; empty: forgets it.
void rememberRuntime(const up::Layout& layout, const std::string& endpoint);

}  // namespace coxswain::cmd
