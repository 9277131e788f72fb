#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/names/ip.h"

namespace coxswain::api::core::v1 {
struct Service;
}
namespace coxswain::api::discovery::v1 {
struct EndpointSlice;
}

namespace coxswain::proxy {

enum class Family : uint8_t { V4, V6 };
enum class Protocol : uint8_t { Tcp, Udp, Sctp };

/// "tcp", "udp", "sctp": as nft and conntrack say it.
std::string_view protocolName(Protocol protocol);

/// Where packets may go. `local`: on this node.
struct Endpoint {
  api::IpAddress address;
  uint16_t port = 0;
  bool local = false;
  auto operator<=>(const Endpoint&) const = default;
};

/// All that the kernel has to know about one port of one Service, in one family. Pure data, the
/// same for every backend.
struct ServicePort {
  std::string service;   ///< "namespace/name"
  std::string portName;  ///< may be empty
  Family family = Family::V4;
  Protocol protocol = Protocol::Tcp;
  uint16_t port = 0;
  uint16_t nodePort = 0;                   ///< 0: none
  std::vector<api::IpAddress> clusterIps;  ///< at most one
  std::vector<api::IpAddress> externalIps;
  std::vector<api::IpAddress> loadBalancerIps;  ///< without those of ipMode Proxy
  /// Who may use the load balancer addresses; empty: everybody. Disjoint, without host bits.
  std::vector<api::IpPrefix> sourceRanges;
  uint32_t affinitySeconds = 0;          ///< of ClientIP affinity; 0: none
  bool externalLocal = false;            ///< externalTrafficPolicy
  bool internalLocal = false;            ///< internalTrafficPolicy
  std::vector<Endpoint> endpoints;       ///< of the policy Cluster
  std::vector<Endpoint> localEndpoints;  ///< of the policy Local; only where one of them is Local

  bool operator==(const ServicePort&) const = default;
};

/// What the model knows of its own node.
struct NodeView {
  std::string name;
  std::string zone;  ///< label topology.kubernetes.io/zone
  bool operator==(const NodeView&) const = default;
};

using SlicePointer = std::shared_ptr<const api::discovery::v1::EndpointSlice>;

/// Services that are somebody else's: headless, ExternalName, of another proxy.
bool isProxied(const api::core::v1::Service& service);
/// The same for slices (label service.kubernetes.io/headless or service-proxy-name).
bool isProxied(const api::discovery::v1::EndpointSlice& slice);

/// Every port and family of a service; empty where it is not proxied. Malformed addresses (which an
/// API server does not let in) are left out.
std::vector<ServicePort> readService(const api::core::v1::Service& service,
                                     const std::vector<SlicePointer>& slices, const NodeView& node);

/// Ready endpoints of `node`, of all ports: what healthCheckNodePort tells.
size_t countLocalReady(const std::vector<SlicePointer>& slices, const NodeView& node);

}  // namespace coxswain::proxy
