#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "client/client.h"
#include "controllers/podautoscaler/replicas.h"

namespace coxswain::api::metrics::v1beta1 {
struct PodMetrics;
}

namespace coxswain::client {
/// Computed by whoever serves metrics.k8s.io: get and list only.
template <>
const ResourceType& resourceOf<api::metrics::v1beta1::PodMetrics>();
}  // namespace coxswain::client

namespace coxswain::controllers::podautoscaler {

/// What the pods that `selector` matches used of a resource, read from metrics.k8s.io/v1beta1; of
/// one container, or of all where `container` is empty. Pods without a reading of each container
/// are left out. BadRequest, with upstream's text, when there is none at all; the server's answer
/// where it does not serve metrics.
Task<Result<Readings>> readResource(client::Client& client, std::string ns, std::string selector,
                                    std::string resource, std::string container,
                                    std::stop_token stop);

}  // namespace coxswain::controllers::podautoscaler
