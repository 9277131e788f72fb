#include "apiserver/aggregator/service_endpoints.h"

#include "api/names/quote.h"
#include "client/resources.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::ServiceReference;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr int32_t kDefaultPort = 443;

std::string hostPort(const std::string& host, int32_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// service/NAME in "NAMESPACE".
std::string named(const ServiceReference& service) {
  return "service/" + service.name + " in " + api::goQuote(service.namespace_);
}

ServiceEndpoints problem(const char* status, const char* reason, std::string message) {
  return {{}, status, reason, std::move(message)};
}

}  // namespace

std::vector<std::string> readyEndpoints(const EndpointSlice& slice, const std::string& portName) {
  std::vector<std::string> out;
  for (const auto& port : slice.ports) {
    if (port.name.value_or("") != portName || !port.port) continue;
    for (const auto& endpoint : slice.endpoints) {
      if (!endpoint.conditions.ready.value_or(true) || endpoint.addresses.empty()) continue;
      out.push_back(hostPort(endpoint.addresses.front(), *port.port));
    }
  }
  return out;
}

Task<ServiceEndpoints> findServiceEndpoints(client::Client& client, ServiceReference service,
                                            std::stop_token stop) {
  const auto port = service.port.value_or(kDefaultPort);
  auto found = co_await client::get<Service>(client, service.namespace_, service.name, stop);
  if (!found.ok() && isNotFound(found.status())) {
    co_return problem("False", "ServiceNotFound", named(service) + " is not present");
  }
  if (!found.ok()) {
    co_return problem("Unknown", "ServiceAccessError",
                      named(service) + " cannot be checked due to: " + found.status().message());
  }
  const auto& spec = (*found)->spec;
  ServiceEndpoints out;
  if (spec.type == "ExternalName") {
    out.endpoints.push_back(hostPort(spec.externalName, port));
    co_return out;
  }
  const std::string* portName = nullptr;
  for (const auto& each : spec.ports) {
    if (each.port == port) portName = &each.name;
  }
  if (!portName) {
    co_return problem("False", "ServicePortError",
                      named(service) + " is not listening on port " + std::to_string(port));
  }
  client::ListOptions ofService;
  ofService.labelSelector = "kubernetes.io/service-name=" + service.name;
  auto slices = co_await client.list(client::resourceOf<EndpointSlice>(), service.namespace_,
                                     std::move(ofService), stop);
  if (!slices.ok()) {
    co_return problem("Unknown", "EndpointsAccessError",
                      named(service) + " cannot be checked due to: " + slices.status().message());
  }
  if (slices->items.empty()) {
    co_return problem("False", "EndpointsNotFound",
                      "cannot find endpointslices for " + named(service));
  }
  for (const auto& item : slices->items) {
    for (auto& each : readyEndpoints(*item.sharedAs<EndpointSlice>(), *portName)) {
      out.endpoints.push_back(std::move(each));
    }
  }
  if (out.endpoints.empty()) {
    co_return problem("False", "MissingEndpoints",
                      "endpointslices for " + named(service) +
                          " have no addresses with port name " + api::goQuote(*portName));
  }
  co_return out;
}

}  // namespace coxswain::apiserver
