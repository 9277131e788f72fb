#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// The container that is meant: `asked`, or the only one. BadRequest otherwise, with upstream's
/// texts.
Result<std::string> chooseContainer(const api::core::v1::Pod& pod, const std::string& asked);

/// The kubelet of a pod's node. BadRequest `pod p does not have a host assigned`.
Result<std::shared_ptr<net::HttpClient>> kubeletOf(const KubeletHandlerSources& sources,
                                                   const api::core::v1::Pod& pod,
                                                   bool verify = true);

/// What a kubelet answered where it did not do it, as our answer.
Status kubeletFailure(int code, std::string text);

/// "/exec/NS/POD/CONTAINER", percent-encoded; an empty container is left out.
std::string kubeletPath(std::string_view action, const api::core::v1::Pod& pod,
                        std::string_view container);

}  // namespace coxswain::apiserver
