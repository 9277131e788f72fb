#pragma once

#include "base/status.h"
#include "cmd/up/up_options.h"

namespace coxswain::cmd {

/// A whole cluster in this process until SIGTERM or SIGINT: containerd (started and watched where
/// it is ours), the API server with its store, controllers and scheduler on one reactor; the node's
/// parts (kubelet, proxy, DNS) on another. Tells the progress file of the layout how far it is.
/// `wasReady`: everything had come up. Pods and containerd go on after it has ended.
Status runCluster(const UpOptions& options, bool& wasReady);

}  // namespace coxswain::cmd
