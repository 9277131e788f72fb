// networking.k8s.io and discovery.k8s.io.
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "apiserver/tables/printer.h"
#include "base/text.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::networking::v1;  // NOLINT
using api::discovery::v1::EndpointSlice;

constexpr Column kIngressColumns[] = {kName, {"Class"}, {"Hosts"}, {"Address"}, {"Ports"}, kAge};

/// Rules count whether they name a host or not, once three hosts are shown.
std::string hostsText(const std::vector<IngressRule>& rules) {
  constexpr size_t kMax = 3;
  std::vector<std::string> hosts;
  bool more = false;
  for (const auto& rule : rules) {
    if (hosts.size() == kMax) {
      more = true;
      break;
    }
    if (!rule.host.empty()) hosts.push_back(rule.host);
  }
  if (hosts.empty()) return "*";
  std::string out = join(hosts, ",");
  if (more) out += cat(" + ", rules.size() - kMax, " more...");
  return out;
}

void printIngress(const Ingress& object, Row& row) {
  std::set<std::string> addresses;
  for (const auto& ingress : object.status.loadBalancer.ingress) {
    if (!ingress.ip.empty()) {
      addresses.insert(ingress.ip);
    } else if (!ingress.hostname.empty()) {
      addresses.insert(ingress.hostname);
    }
  }
  const std::vector<std::string> sorted(addresses.begin(), addresses.end());
  row.text(object.metadata.name)
      .text(object.spec.ingressClassName.value_or("<none>"))
      .text(hostsText(object.spec.rules))
      .text(join(sorted, ","))
      .text(object.spec.tls.empty() ? "80" : "80, 443")
      .age(object.metadata);
}

constexpr Column kIngressClassColumns[] = {kName, {"Controller"}, {"Parameters"}, kAge};

void printIngressClass(const IngressClass& object, Row& row) {
  std::string name = object.metadata.name;
  const auto* isDefault =
      object.metadata.annotations.get("ingressclass.kubernetes.io/is-default-class");
  if (isDefault && *isDefault == "true") name += " (default)";
  std::string parameters = "<none>";
  if (const auto& reference = object.spec.parameters) {
    parameters = reference->kind;
    if (reference->apiGroup) parameters += "." + *reference->apiGroup;
    parameters += "/" + reference->name;
  }
  row.text(name).text(object.spec.controller).text(parameters).age(object.metadata);
}

constexpr Column kNetworkPolicyColumns[] = {kName, {"Pod-Selector"}, kAge};
void printNetworkPolicy(const NetworkPolicy& object, Row& row) {
  row.text(object.metadata.name).text(selectorText(&object.spec.podSelector)).age(object.metadata);
}

constexpr Column kServiceCidrColumns[] = {kName, {"CIDRs"}, kAge};
void printServiceCidr(const ServiceCIDR& object, Row& row) {
  row.text(object.metadata.name).text(join(object.spec.cidrs, ",")).age(object.metadata);
}

constexpr Column kIpAddressColumns[] = {kName, {"ParentRef"}};
void printIpAddress(const IPAddress& object, Row& row) {
  std::string parent = "<none>";
  if (const auto& reference = object.spec.parentRef) {
    parent = reference->resource;
    if (!reference->group.empty()) parent += "." + reference->group;
    parent = lowerCase(parent);
    if (!reference->namespace_.empty()) parent += "/" + reference->namespace_;
    parent += "/" + reference->name;
  }
  // Upstream has a cell more than columns here.
  row.text(object.metadata.name).text(parent).age(object.metadata);
}

constexpr Column kEndpointSliceColumns[] = {kName, {"AddressType"}, {"Ports"}, {"Endpoints"}, kAge};

void printEndpointSlice(const EndpointSlice& slice, Row& row) {
  std::vector<std::string> ports;
  for (const auto& port : slice.ports) {
    ports.push_back(port.port ? std::to_string(*port.port) : port.name.value_or("*"));
  }
  std::vector<std::string> addresses;
  for (const auto& endpoint : slice.endpoints) {
    addresses.insert(addresses.end(), endpoint.addresses.begin(), endpoint.addresses.end());
  }
  row.text(slice.metadata.name)
      .text(slice.addressType)
      .text(listText(ports, 3, "<unset>"))
      .text(listText(addresses, 3, "<unset>"))
      .age(slice.metadata);
}

}  // namespace

std::span<const Printer> networkPrinters() {
  static const Printer all[] = {
      printer<Ingress, printIngress>(kIngressColumns),
      printer<IngressClass, printIngressClass>(kIngressClassColumns),
      printer<NetworkPolicy, printNetworkPolicy>(kNetworkPolicyColumns),
      printer<ServiceCIDR, printServiceCidr>(kServiceCidrColumns),
      printer<IPAddress, printIpAddress>(kIpAddressColumns),
      printer<EndpointSlice, printEndpointSlice>(kEndpointSliceColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
