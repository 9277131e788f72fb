#pragma once

#include <span>
#include <stop_token>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "apiserver/discovery/served_resource.h"
#include "client/client.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

inline constexpr const char* kAutoManagedLabel = "kube-aggregator.kubernetes.io/automanaged";

/// One APIService for each group version of `served` but the aggregator's own, without status.
std::vector<api::apiregistration::v1::APIService> localApiServices(
    std::span<const ServedResource> served);

/// Makes those of `wanted` that are missing, mends the specs of those that are marked as managed at
/// start, removes marked ones that are not wanted (any more). All at once, so that the store
/// commits them together; no write where nothing is missing. An object of that name without the
/// mark is somebody else's and stays. `client` may do everything.
/// Upstream: kube-aggregator's autoregister controller.
Task<Status> ensureLocalApiServices(client::Client& client,
                                    std::vector<api::apiregistration::v1::APIService> wanted,
                                    std::stop_token stop);

}  // namespace coxswain::apiserver
