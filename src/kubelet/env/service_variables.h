#pragma once

#include <memory>
#include <vector>

#include "kubelet/env/expand.h"

namespace coxswain::api::core::v1 {
struct Service;
}

namespace coxswain::kubelet {

/// NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_<PORT>, NAME_PORT and
/// NAME_PORT_<n>_<PROTO>[_PROTO|_PORT|_ADDR] of services that have an address.
/// Upstream: pkg/kubelet/envvars.
void addServiceVariables(const api::core::v1::Service& service, EnvironmentMap& variables);

}  // namespace coxswain::kubelet
