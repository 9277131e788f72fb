#pragma once

#include <functional>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/kubelet_proxy/kubelet_connections.h"
#include "apiserver/server/subresources.h"

namespace coxswain::apiserver {

/// What the handlers look up. All outlive them.
struct KubeletHandlerSources {
  KubeletConnections& connections;
  GenericRegistry& nodes;
  GenericRegistry& endpoints;
};

/// Adds what kubelets, pods and services answer themselves: pods/log, pods/exec, pods/attach,
/// pods/portforward, pods/proxy, services/proxy and nodes/proxy.
void addKubeletHandlers(Subresources& subresources, const KubeletHandlerSources& sources);

}  // namespace coxswain::apiserver
