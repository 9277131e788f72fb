#include "api/gen/discovery_v1.h"

#include <set>

#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointSlice;

namespace {

constexpr int64_t kEndpointsMax = 1000;
constexpr int64_t kAddressesMax = 100;
constexpr int64_t kPortsMax = 20000;
constexpr int64_t kTopologyMax = 16;
constexpr int64_t kHintsMax = 8;

int64_t count(const auto& list) {
  return static_cast<int64_t>(list.size());
}

void checkAddresses(const Endpoint& endpoint, std::string_view type, const FieldPath& path,
                    FieldErrors& errors) {
  if (endpoint.addresses.empty()) {
    errors.required(path, "must contain at least 1 address");
  } else if (count(endpoint.addresses) > kAddressesMax) {
    errors.tooMany(path, count(endpoint.addresses), kAddressesMax);
  }
  for (size_t i = 0; i < endpoint.addresses.size(); ++i) {
    const auto& address = endpoint.addresses[i];
    if (type == "FQDN") {
      errors.invalidEach(path, address, api::validateFullyQualifiedDomainName(address));
    } else if (type == "IPv4" || type == "IPv6") {
      const auto messages =
          type == "IPv4" ? api::validateIpv4Address(address) : api::validateIpv6Address(address);
      errors.invalidEach(path, address, messages);
      if (messages.empty()) checkOrdinaryIp(address, path.index(i), errors);
    }
  }
}

template <typename Hint, typename Rule>
void checkHintList(const std::vector<Hint>& hints, const FieldPath& path, Rule rule,
                   FieldErrors& errors) {
  if (count(hints) > kHintsMax) return errors.tooMany(path, count(hints), kHintsMax);
  std::set<std::string_view> names;
  for (size_t i = 0; i < hints.size(); ++i) {
    const auto at = path.index(i).child("name");
    if (!names.insert(hints[i].name).second) errors.duplicate(at, hints[i].name);
    errors.invalidEach(at, hints[i].name, rule(hints[i].name));
  }
}

void checkEndpoint(const Endpoint& endpoint, std::string_view type, const FieldPath& path,
                   FieldErrors& errors) {
  checkAddresses(endpoint, type, path.child("addresses"), errors);
  if (endpoint.nodeName) checkDns1123Subdomain(*endpoint.nodeName, path.child("nodeName"), errors);
  const auto topology = path.child("deprecatedTopology");
  if (count(endpoint.deprecatedTopology) > kTopologyMax) {
    errors.tooMany(topology, count(endpoint.deprecatedTopology), kTopologyMax);
  }
  validateLabels(endpoint.deprecatedTopology, topology, errors);
  if (endpoint.hostname) checkDns1123Label(*endpoint.hostname, path.child("hostname"), errors);
  if (endpoint.hints) {
    const auto hints = path.child("hints");
    checkHintList(endpoint.hints->forZones, hints.child("forZones"), api::validateLabelValue,
                  errors);
    checkHintList(endpoint.hints->forNodes, hints.child("forNodes"), api::validateDns1123Subdomain,
                  errors);
  }
}

void checkPorts(const EndpointSlice& slice, FieldErrors& errors) {
  const FieldPath path("ports");
  if (count(slice.ports) > kPortsMax) return errors.tooMany(path, count(slice.ports), kPortsMax);
  std::set<std::string_view> names;
  for (size_t i = 0; i < slice.ports.size(); ++i) {
    const auto& port = slice.ports[i];
    const auto at = path.index(i);
    const std::string_view name = port.name ? std::string_view(*port.name) : std::string_view();
    if (!name.empty()) checkDns1123Label(name, at.child("name"), errors);
    if (!names.insert(name).second) errors.duplicate(at.child("name"), name);
    checkOneOf(port.protocol ? std::string_view(*port.protocol) : std::string_view(),
               {"SCTP", "TCP", "UDP"}, at.child("protocol"), errors);
    if (port.appProtocol) checkQualifiedName(*port.appProtocol, at.child("appProtocol"), errors);
  }
}

class EndpointSliceStrategy final : public TypedStrategy<EndpointSlice> {
 public:
  EndpointSliceStrategy()
      : TypedStrategy(
            StrategyTraits{.generation = true, .grows = StrategyTraits::Grows::ByLabels}) {}

 protected:
  void defaults(EndpointSlice& slice) const override {
    for (auto& port : slice.ports) {
      if (!port.name) port.name.emplace();
      if (!port.protocol) port.protocol = "TCP";
    }
  }
  void check(const EndpointSlice& slice, FieldErrors& errors) const override {
    checkOneOf(slice.addressType, {"FQDN", "IPv4", "IPv6"}, FieldPath("addressType"), errors);
    const FieldPath path("endpoints");
    if (count(slice.endpoints) > kEndpointsMax) {
      errors.tooMany(path, count(slice.endpoints), kEndpointsMax);
    } else {
      for (size_t i = 0; i < slice.endpoints.size(); ++i) {
        checkEndpoint(slice.endpoints[i], slice.addressType, path.index(i), errors);
      }
    }
    checkPorts(slice, errors);
  }
  void checkUpdate(const EndpointSlice& next, const EndpointSlice& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkImmutable(next.addressType, current.addressType, FieldPath("addressType"), errors);
  }
  void warn(const EndpointSlice& next, const EndpointSlice*,
            std::vector<std::string>& out) const override {
    if (next.addressType == "FQDN") {
      out.emplace_back("addressType: FQDN endpoints are deprecated");
      return;
    }
    // The cluster's own controllers write addresses as they should be.
    const auto* by = next.metadata.labels.get("endpointslice.kubernetes.io/managed-by");
    if (by && (*by == "endpointslice-controller.k8s.io" ||
               *by == "endpointslicemirroring-controller.k8s.io")) {
      return;
    }
    const FieldPath path("endpoints");
    for (size_t i = 0; i < next.endpoints.size(); ++i) {
      const auto at = path.index(i);
      const auto addresses = at.child("addresses");
      for (size_t k = 0; k < next.endpoints[i].addresses.size(); ++k) {
        warnOfIp(next.endpoints[i].addresses[k], addresses.index(k), out);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeEndpointSliceStrategy() {
  return std::make_unique<EndpointSliceStrategy>();
}

}  // namespace coxswain::apiserver
