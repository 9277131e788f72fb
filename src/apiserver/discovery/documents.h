#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "api/gen/apidiscovery_v2.h"
#include "api/gen/meta_v1.h"
#include "apiserver/discovery/served_resource.h"

namespace coxswain::apiserver {

// Discovery: what there is under /api and /apis, as objects that the caller encodes. Pure
// functions of the list of resources; any thread.

/// /api. `serverAddress` is "host:port".
api::meta::v1::APIVersions apiVersionsDocument(std::string_view serverAddress);
/// /apis, without the core group.
api::meta::v1::APIGroupList groupListDocument(std::span<const ServedResource> resources);
/// /apis/<group>; nothing: not served.
std::optional<api::meta::v1::APIGroup> groupDocument(std::span<const ServedResource> resources,
                                                     std::string_view group);
/// /api/v1 (empty group) and /apis/<group>/<version>; nothing: not served.
std::optional<api::meta::v1::APIResourceList> resourceListDocument(
    std::span<const ServedResource> resources, std::string_view group, std::string_view version);

/// Aggregated: /api (core true: the core group alone) or /apis (all others). Its content type is
/// "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList".
api::apidiscovery::v2::APIGroupDiscoveryList aggregatedDocument(
    std::span<const ServedResource> resources, bool core);

}  // namespace coxswain::apiserver
