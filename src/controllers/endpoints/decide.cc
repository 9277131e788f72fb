#include "controllers/endpoints/decide.h"

#include <algorithm>
#include <tuple>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::endpoints {

using api::core::v1::EndpointAddress;
using api::core::v1::EndpointPort;
using api::core::v1::Endpoints;
using api::core::v1::EndpointSubset;
using api::core::v1::ObjectReference;
using api::core::v1::Pod;
using api::core::v1::Service;

namespace {

constexpr size_t kAddressesMax = 1000;
constexpr std::string_view kManagedByLabel = "endpoints.kubernetes.io/managed-by";
constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";

std::string addressOf(const Pod& pod, std::string_view family) {
  const bool six = family == "IPv6";
  for (const auto& ip : pod.status.podIPs) {
    if ((ip.ip.find(':') != std::string::npos) == six) return ip.ip;
  }
  const bool alone = pod.status.podIPs.empty() && !pod.status.podIP.empty();
  if (alone && (pod.status.podIP.find(':') != std::string::npos) == six) return pod.status.podIP;
  return "";
}

std::vector<EndpointPort> sortedPortsOf(const Service& service, const Pod& pod) {
  auto ports = endpointslice::portsOf<EndpointPort>(service, pod);
  std::sort(ports.begin(), ports.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.port, a.protocol) < std::tie(b.name, b.port, b.protocol);
  });
  return ports;
}

EndpointAddress addressFor(const Service& service, const Pod& pod, std::string ip) {
  EndpointAddress address;
  address.ip = std::move(ip);
  if (!pod.spec.nodeName.empty()) address.nodeName = pod.spec.nodeName;
  if (endpointslice::hasHostname(pod, service)) address.hostname = pod.spec.hostname;
  ObjectReference reference;
  reference.kind = "Pod";
  reference.namespace_ = pod.metadata.namespace_;
  reference.name = pod.metadata.name;
  reference.uid = pod.metadata.uid;
  address.targetRef = std::move(reference);
  return address;
}

void sortAddresses(std::vector<EndpointAddress>& addresses) {
  std::sort(addresses.begin(), addresses.end(), [](const auto& a, const auto& b) {
    return std::tie(a.ip, a.targetRef->uid) < std::tie(b.ip, b.targetRef->uid);
  });
}

/// True: some did not fit.
bool truncate(std::vector<EndpointSubset>& subsets) {
  size_t left = kAddressesMax;
  bool cut = false;
  auto limit = [&](std::vector<EndpointAddress>& addresses) {
    if (addresses.size() > left) {
      addresses.resize(left);
      cut = true;
    }
    left -= addresses.size();
  };
  for (auto& subset : subsets) limit(subset.addresses);
  for (auto& subset : subsets) limit(subset.notReadyAddresses);
  std::erase_if(subsets, [](const EndpointSubset& subset) {
    return subset.addresses.empty() && subset.notReadyAddresses.empty();
  });
  return cut;
}

std::vector<EndpointSubset> subsetsOf(const Service& service, const std::vector<PodPointer>& pods) {
  std::vector<EndpointSubset> subsets;
  const auto family = endpointslice::addressTypesOf(service).front();
  const bool tolerant = service.spec.publishNotReadyAddresses;
  const bool headlessWithoutPorts = service.spec.ports.empty() && api::isHeadless(service);
  for (const auto& pod : pods) {
    if (!endpointslice::hasEndpoint(*pod)) continue;
    if (pod->metadata.deletionTimestamp && !tolerant) continue;
    auto ip = addressOf(*pod, family);
    if (ip.empty()) continue;
    auto ports = sortedPortsOf(service, *pod);
    if (ports.empty() && !headlessWithoutPorts) continue;
    auto subset = std::find_if(subsets.begin(), subsets.end(),
                               [&ports](const auto& s) { return s.ports == ports; });
    if (subset == subsets.end()) {
      subsets.emplace_back();
      subset = subsets.end() - 1;
      subset->ports = std::move(ports);
    }
    auto& list = tolerant || api::isPodReady(*pod) ? subset->addresses : subset->notReadyAddresses;
    list.push_back(addressFor(service, *pod, std::move(ip)));
  }
  for (auto& subset : subsets) {
    sortAddresses(subset.addresses);
    sortAddresses(subset.notReadyAddresses);
  }
  return subsets;
}

}  // namespace

Endpoints endpointsFor(const Service& service, const std::vector<PodPointer>& pods,
                       const Endpoints* current) {
  Endpoints wanted;
  if (current != nullptr) wanted = *current;
  auto& meta = wanted.metadata;
  meta.name = service.metadata.name;
  meta.namespace_ = service.metadata.namespace_;
  meta.labels = service.metadata.labels;
  meta.labels.erase(endpointslice::kHeadlessLabel);
  if (!api::hasClusterIp(service)) meta.labels[endpointslice::kHeadlessLabel] = "";
  meta.labels[kManagedByLabel] = "endpoint-controller";
  wanted.subsets = subsetsOf(service, pods);
  if (truncate(wanted.subsets)) {
    meta.annotations[kOverCapacity] = "truncated";
  } else {
    meta.annotations.erase(kOverCapacity);
  }
  return wanted;
}

}  // namespace coxswain::controllers::endpoints
