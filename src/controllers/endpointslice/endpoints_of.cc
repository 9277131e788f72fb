#include "controllers/endpointslice/endpoints_of.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "controllers/endpointslice/topology.h"

namespace coxswain::controllers::endpointslice {

using api::core::v1::ObjectReference;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointPort;
using api::discovery::v1::EndpointSlice;

namespace {

bool isOfType(const std::string& ip, std::string_view addressType) {
  const bool six = ip.find(':') != std::string::npos;
  return six == (addressType == api::discovery::v1::kAddressTypeIPv6);
}

std::vector<std::string> addressesOf(const Pod& pod, std::string_view addressType) {
  std::vector<std::string> addresses;
  for (const auto& ip : pod.status.podIPs) {
    if (isOfType(ip.ip, addressType)) addresses.push_back(ip.ip);
  }
  if (pod.status.podIPs.empty() && isOfType(pod.status.podIP, addressType)) {
    addresses.push_back(pod.status.podIP);
  }
  return addresses;
}

/// Where clients should prefer it, by spec.trafficDistribution.
void addHints(Endpoint& endpoint, std::string_view distribution) {
  if (!endpoint.conditions.ready.value_or(false)) return;
  const bool zone = distribution == "PreferClose" || distribution == "PreferSameZone" ||
                    distribution == "PreferSameNode";
  if (zone && endpoint.zone) {
    endpoint.hints.getOrCreate().forZones.resize(1);
    endpoint.hints->forZones[0].name = *endpoint.zone;
  }
  if (distribution == "PreferSameNode" && endpoint.nodeName) {
    endpoint.hints.getOrCreate().forNodes.resize(1);
    endpoint.hints->forNodes[0].name = *endpoint.nodeName;
  }
}

Endpoint endpointOf(const Service& service, const Pod& pod, const Zones& zones,
                    std::vector<std::string> addresses) {
  Endpoint endpoint;
  endpoint.addresses = std::move(addresses);
  const bool serving = api::isPodReady(pod);
  const bool terminating = pod.metadata.deletionTimestamp.has_value();
  endpoint.conditions.serving = serving;
  endpoint.conditions.terminating = terminating;
  endpoint.conditions.ready = service.spec.publishNotReadyAddresses || (serving && !terminating);
  if (hasHostname(pod, service)) endpoint.hostname = pod.spec.hostname;
  ObjectReference reference;
  reference.kind = "Pod";
  reference.namespace_ = pod.metadata.namespace_;
  reference.name = pod.metadata.name;
  reference.uid = pod.metadata.uid;
  endpoint.targetRef = std::move(reference);
  if (!pod.spec.nodeName.empty()) endpoint.nodeName = pod.spec.nodeName;
  auto zone = zones.find(pod.spec.nodeName);
  if (zone != zones.end() && !zone->second.empty()) endpoint.zone = zone->second;
  if (!wantsTopologyHints(service)) {
    addHints(endpoint, service.spec.trafficDistribution.value_or(""));
  }
  return endpoint;
}

}  // namespace

std::vector<std::string> addressTypesOf(const Service& service) {
  if (!service.spec.ipFamilies.empty()) return service.spec.ipFamilies;
  // Of a server that does not fill it in.
  const bool six = service.spec.clusterIP.find(':') != std::string::npos;
  return {six ? "IPv6" : "IPv4"};
}

bool hasEndpoint(const Pod& pod) {
  if (api::isPodTerminal(pod)) return false;
  return !pod.status.podIP.empty() || !pod.status.podIPs.empty();
}

bool hasHostname(const Pod& pod, const Service& service) {
  return !pod.spec.hostname.empty() && pod.spec.subdomain == service.metadata.name &&
         pod.metadata.namespace_ == service.metadata.namespace_;
}

bool endpointChanged(const Pod& before, const Pod& after) {
  const auto& a = before;
  const auto& b = after;
  return hasEndpoint(a) != hasEndpoint(b) || api::isPodReady(a) != api::isPodReady(b) ||
         a.metadata.deletionTimestamp.has_value() != b.metadata.deletionTimestamp.has_value() ||
         a.status.podIP != b.status.podIP || a.status.podIPs != b.status.podIPs ||
         a.spec.nodeName != b.spec.nodeName || a.metadata.labels != b.metadata.labels ||
         a.spec.hostname != b.spec.hostname || a.spec.subdomain != b.spec.subdomain;
}

std::vector<EndpointGroup> endpointsOf(const Service& service, const std::vector<PodPointer>& pods,
                                       const Zones& zones, std::string_view addressType) {
  std::vector<EndpointGroup> groups;
  for (const auto& pod : pods) {
    if (!hasEndpoint(*pod)) continue;
    const bool lost = !pod->spec.nodeName.empty() && !zones.contains(pod->spec.nodeName);
    if (lost && !service.spec.publishNotReadyAddresses) continue;
    auto addresses = addressesOf(*pod, addressType);
    if (addresses.empty()) continue;
    // A pod that has none of the ports is shown too, with no ports.
    auto ports = portsOf<EndpointPort>(service, *pod);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&ports](const auto& g) { return g.ports == ports; });
    if (group == groups.end()) {
      groups.push_back({std::move(ports), {}});
      group = groups.end() - 1;
    }
    group->endpoints.push_back(endpointOf(service, *pod, zones, std::move(addresses)));
  }
  return groups;
}

EndpointSlice slicePattern(const Service& service, std::string_view addressType) {
  EndpointSlice slice;
  slice.addressType = addressType;
  auto& meta = slice.metadata;
  meta.namespace_ = service.metadata.namespace_;
  meta.generateName = service.metadata.name + "-";
  meta.labels = service.metadata.labels;
  meta.labels.erase(kHeadlessLabel);
  if (!api::hasClusterIp(service)) meta.labels[kHeadlessLabel] = "";
  meta.labels[api::discovery::v1::kLabelServiceName] = service.metadata.name;
  meta.labels[api::discovery::v1::kLabelManagedBy] = kManagedBy;
  meta.ownerReferences.push_back(api::newControllerRef(service.metadata, "v1", "Service"));
  return slice;
}

}  // namespace coxswain::controllers::endpointslice
