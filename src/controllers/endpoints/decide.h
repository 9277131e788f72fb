#pragma once

#include <vector>

#include "api/gen/core_v1.h"
#include "controllers/endpointslice/endpoints_of.h"

namespace coxswain::controllers::endpoints {

using endpointslice::PodPointer;

/// The Endpoints of a service: of its first address family, at most 1000 addresses, ready ones
/// first. Starts from `current` (may be null), whose other metadata stay.
/// Upstream: pkg/controller/endpoint/endpoints_controller.go.
api::core::v1::Endpoints endpointsFor(const api::core::v1::Service& service,
                                      const std::vector<PodPointer>& pods,
                                      const api::core::v1::Endpoints* current);

}  // namespace coxswain::controllers::endpoints
