#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/discovery/served_resource.h"
#include "base/result.h"

namespace coxswain::apiserver {

// What aggregated servers tell of themselves: bytes from elsewhere. Pure; any thread.

/// The resources of an APIResourceList (JSON) as one group version's. BadRequest: it is none, or
/// another group version's.
Result<std::vector<ServedResource>> resourcesOf(std::string_view text, std::string_view group,
                                                std::string_view version);

/// Where the document of `path` ("apis/metrics.k8s.io/v1beta1") is, by an index of /openapi/v3
/// (JSON): "/openapi/v3/apis/...?hash=...". Empty: the index has none, or is none.
std::string openApiUrlOf(std::string_view index, std::string_view path);

}  // namespace coxswain::apiserver
