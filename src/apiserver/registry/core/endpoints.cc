#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::EndpointAddress;
using api::core::v1::EndpointPort;
using api::core::v1::Endpoints;

namespace {

void checkAddress(const EndpointAddress& address, const FieldPath& path, FieldErrors& errors) {
  errors.invalidEach(path.child("ip"), address.ip, api::validateIpForLegacyField(address.ip));
  if (!address.hostname.empty()) {
    checkDns1123Label(address.hostname, path.child("hostname"), errors);
  }
  if (address.nodeName) checkDns1123Subdomain(*address.nodeName, path.child("nodeName"), errors);
  checkOrdinaryIp(address.ip, path.child("ip"), errors);
}

void checkPort(const EndpointPort& port, bool needsName, const FieldPath& path,
               FieldErrors& errors) {
  if (!port.name.empty()) {
    checkDns1123Label(port.name, path.child("name"), errors);
  } else if (needsName) {
    errors.required(path.child("name"));
  }
  errors.invalidEach(path.child("port"), port.port, api::validatePortNumber(port.port));
  checkOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, path.child("protocol"), errors);
  if (port.appProtocol) checkQualifiedName(*port.appProtocol, path.child("appProtocol"), errors);
}

void checkSubsets(const Endpoints& endpoints, FieldErrors& errors) {
  const FieldPath path("subsets");
  for (size_t i = 0; i < endpoints.subsets.size(); ++i) {
    const auto& subset = endpoints.subsets[i];
    const auto at = path.index(i);
    if (subset.addresses.empty() && subset.notReadyAddresses.empty()) {
      errors.required(at, "must specify `addresses` or `notReadyAddresses`");
    }
    for (size_t k = 0; k < subset.addresses.size(); ++k) {
      checkAddress(subset.addresses[k], at.child("addresses").index(k), errors);
    }
    for (size_t k = 0; k < subset.notReadyAddresses.size(); ++k) {
      checkAddress(subset.notReadyAddresses[k], at.child("notReadyAddresses").index(k), errors);
    }
    for (size_t k = 0; k < subset.ports.size(); ++k) {
      checkPort(subset.ports[k], subset.ports.size() > 1, at.child("ports").index(k), errors);
    }
  }
}

class EndpointsStrategy final : public TypedStrategy<Endpoints> {
 public:
  EndpointsStrategy() : TypedStrategy(StrategyTraits{.allowCreateOnUpdate = true}) {}

 protected:
  void defaults(Endpoints& endpoints) const override {
    for (auto& subset : endpoints.subsets) {
      for (auto& port : subset.ports) {
        if (port.protocol.empty()) port.protocol = "TCP";
      }
    }
  }
  void check(const Endpoints& endpoints, FieldErrors& errors) const override {
    checkSubsets(endpoints, errors);
  }
  void warn(const Endpoints& next, const Endpoints*, std::vector<std::string>& out) const override {
    // Its controller writes addresses as they should be.
    const auto* by = next.metadata.labels.get("endpoints.kubernetes.io/managed-by");
    if (by && *by == "endpoint-controller") return;
    const FieldPath path("subsets");
    for (size_t i = 0; i < next.subsets.size(); ++i) {
      const auto at = path.index(i);
      const auto each = [&](const std::vector<EndpointAddress>& list, std::string_view field) {
        const auto all = at.child(field);
        for (size_t k = 0; k < list.size(); ++k) {
          const auto one = all.index(k);
          warnOfIp(list[k].ip, one.child("ip"), out);
        }
      };
      each(next.subsets[i].addresses, "addresses");
      each(next.subsets[i].notReadyAddresses, "notReadyAddresses");
    }
  }
  void checkUpdate(const Endpoints& next, const Endpoints& current,
                   FieldErrors& errors) const override {
    // Those that were accepted once may stay.
    if (next.subsets == current.subsets) return;
    checkSubsets(next, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeEndpointsStrategy() {
  return std::make_unique<EndpointsStrategy>();
}

}  // namespace coxswain::apiserver
