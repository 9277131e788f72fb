#include "proxy/model.h"

#include <algorithm>
#include <optional>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "proxy/endpoints.h"

namespace coxswain::proxy {
namespace {

namespace core = api::core::v1;

constexpr std::string_view kProxyName = "service.kubernetes.io/service-proxy-name";
constexpr std::string_view kHeadless = "service.kubernetes.io/headless";
constexpr uint32_t kAffinitySecondsDefault = 10800;

Family familyOf(const api::IpAddress& address) {
  return address.v6 ? Family::V6 : Family::V4;
}

std::optional<Protocol> protocolOf(std::string_view text) {
  if (text == "TCP" || text.empty()) return Protocol::Tcp;
  if (text == "UDP") return Protocol::Udp;
  if (text == "SCTP") return Protocol::Sctp;
  return std::nullopt;
}

uint16_t portNumber(int32_t value) {
  return value > 0 && value <= 65535 ? static_cast<uint16_t>(value) : 0;
}

void addAddress(std::string_view text, Family family, std::vector<api::IpAddress>& out) {
  auto address = api::parseIpSloppy(text);
  if (!address || familyOf(*address) != family || address->isUnspecified()) return;
  if (std::find(out.begin(), out.end(), *address) == out.end()) out.push_back(*address);
}

std::vector<api::IpAddress> clusterIpsOf(const core::Service& service, Family family) {
  std::vector<api::IpAddress> out;
  if (service.spec.clusterIPs.empty()) addAddress(service.spec.clusterIP, family, out);
  for (const auto& ip : service.spec.clusterIPs) addAddress(ip, family, out);
  return out;
}

std::vector<api::IpAddress> loadBalancerIpsOf(const core::Service& service, Family family) {
  std::vector<api::IpAddress> out;
  if (service.spec.type != "LoadBalancer") return out;
  for (const auto& ingress : service.status.loadBalancer.ingress) {
    if (ingress.ipMode.value_or("VIP") != "Proxy") addAddress(ingress.ip, family, out);
  }
  return out;
}

/// Those of the family, without host bits, and none within another.
std::vector<api::IpPrefix> sourceRangesOf(const core::Service& service, Family family) {
  std::vector<api::IpPrefix> all;
  for (auto text : service.spec.loadBalancerSourceRanges) {
    std::erase(text, ' ');
    auto range = api::parseCidr(text);
    if (!range || familyOf(range->address) != family) continue;
    range->address = range->network();
    all.push_back(*range);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.length, a.address) < std::tie(b.length, b.address);
  });
  std::vector<api::IpPrefix> out;
  for (const auto& range : all) {
    bool within = std::any_of(out.begin(), out.end(),
                              [&](const auto& wider) { return wider.contains(range.address); });
    if (!within) out.push_back(range);
  }
  return out;
}

uint32_t affinityOf(const core::Service& service) {
  if (service.spec.sessionAffinity != "ClientIP") return 0;
  const auto& config = service.spec.sessionAffinityConfig;
  if (!config || !config->clientIP || !config->clientIP->timeoutSeconds)
    return kAffinitySecondsDefault;
  const auto seconds = *config->clientIP->timeoutSeconds;
  return seconds > 0 ? static_cast<uint32_t>(seconds) : kAffinitySecondsDefault;
}

/// What all ports of one family have in common.
ServicePort familyPart(const core::Service& service, Family family) {
  ServicePort part;
  part.service = service.metadata.namespace_ + "/" + service.metadata.name;
  part.family = family;
  part.clusterIps = clusterIpsOf(service, family);
  for (const auto& ip : service.spec.externalIPs) addAddress(ip, family, part.externalIps);
  part.loadBalancerIps = loadBalancerIpsOf(service, family);
  part.sourceRanges = sourceRangesOf(service, family);
  // Ranges that are all of the other family let nobody of this one in.
  if (part.sourceRanges.empty() && !service.spec.loadBalancerSourceRanges.empty())
    part.loadBalancerIps.clear();
  part.affinitySeconds = affinityOf(service);
  part.externalLocal = service.spec.externalTrafficPolicy == "Local";
  part.internalLocal = service.spec.internalTrafficPolicy.value_or("Cluster") == "Local";
  return part;
}

bool hasLabel(const api::meta::v1::ObjectMeta& metadata, std::string_view label) {
  return metadata.labels.contains(label);
}

}  // namespace

std::string_view protocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return "tcp";
    case Protocol::Udp:
      return "udp";
    case Protocol::Sctp:
      return "sctp";
  }
  return {};
}

bool isProxied(const core::Service& service) {
  return service.spec.type != "ExternalName" && service.spec.clusterIP != "None" &&
         !service.spec.clusterIP.empty() && !hasLabel(service.metadata, kProxyName);
}

bool isProxied(const api::discovery::v1::EndpointSlice& slice) {
  return !hasLabel(slice.metadata, kHeadless) && !hasLabel(slice.metadata, kProxyName);
}

std::vector<ServicePort> readService(const core::Service& service,
                                     const std::vector<SlicePointer>& slices,
                                     const NodeView& node) {
  std::vector<ServicePort> out;
  if (!isProxied(service)) return out;
  for (auto family : {Family::V4, Family::V6}) {
    auto part = familyPart(service, family);
    if (part.clusterIps.empty()) continue;
    for (const auto& spec : service.spec.ports) {
      auto protocol = protocolOf(spec.protocol);
      if (!protocol || portNumber(spec.port) == 0) continue;
      auto port = part;
      port.portName = spec.name;
      port.protocol = *protocol;
      port.port = portNumber(spec.port);
      port.nodePort = portNumber(spec.nodePort);
      auto candidates = candidatesOf(slices, spec.name, *protocol, family, node);
      port.endpoints = clusterEndpoints(candidates, node);
      if (port.externalLocal || port.internalLocal)
        port.localEndpoints = localEndpoints(candidates);
      out.push_back(std::move(port));
    }
  }
  return out;
}

size_t countLocalReady(const std::vector<SlicePointer>& slices, const NodeView& node) {
  std::set<std::string> addresses;
  for (const auto& slice : slices) {
    for (const auto& endpoint : slice->endpoints) {
      if (endpoint.nodeName && *endpoint.nodeName == node.name && !endpoint.addresses.empty() &&
          endpoint.conditions.ready.value_or(true)) {
        addresses.insert(endpoint.addresses.front());
      }
    }
  }
  return addresses.size();
}

}  // namespace coxswain::proxy
