#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"
#include "controllers/endpointslice/packing.h"

namespace coxswain::controllers::endpointslice {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

inline constexpr std::string_view kManagedBy = "endpointslice-controller.k8s.io";
inline constexpr std::string_view kHeadlessLabel = "service.kubernetes.io/headless";

/// Zones of the nodes there are ("": it has none), by node name.
using Zones = std::map<std::string, std::string, std::less<>>;

/// "IPv4" and "IPv6", in the order of the service.
std::vector<std::string> addressTypesOf(const api::core::v1::Service& service);

/// What the pods offer under the service, by ports. Pods that have ended, have no address of the
/// family, or are on a node that does not exist (unless not ready addresses are published) are left
/// out.
std::vector<EndpointGroup> endpointsOf(const api::core::v1::Service& service,
                                       const std::vector<PodPointer>& pods, const Zones& zones,
                                       std::string_view addressType);

/// Metadata and address type of the service's slices.
api::discovery::v1::EndpointSlice slicePattern(const api::core::v1::Service& service,
                                               std::string_view addressType);

/// The ports of the service as the pod has them, for slices or Endpoints; those that it does not
/// have are left out.
template <typename Port>
std::vector<Port> portsOf(const api::core::v1::Service& service, const api::core::v1::Pod& pod) {
  std::vector<Port> ports;
  for (const auto& wanted : service.spec.ports) {
    const auto number = api::findPodPort(pod, wanted);
    if (!number) continue;
    Port port;
    port.name = wanted.name;
    port.protocol = wanted.protocol;
    port.port = *number;
    port.appProtocol = wanted.appProtocol;
    ports.push_back(std::move(port));
  }
  return ports;
}

/// It may be in slices and Endpoints: it has an address and has not ended.
bool hasEndpoint(const api::core::v1::Pod& pod);
/// spec.hostname counts as the endpoint's name under this service.
bool hasHostname(const api::core::v1::Pod& pod, const api::core::v1::Service& service);
/// The change is one that slices and Endpoints show.
bool endpointChanged(const api::core::v1::Pod& before, const api::core::v1::Pod& after);

}  // namespace coxswain::controllers::endpointslice
