#include "cloud/local/local_provider.h"

#include "api/gen/meta_v1.h"
#include "base/status.h"

namespace coxswain::cloud {

using api::core::v1::LoadBalancerStatus;
using api::core::v1::Node;
using api::core::v1::Service;

namespace {

/// Of the families that the Service has; the external one where the node has both.
std::vector<std::string> addressesFor(const Service& service, const Node& node) {
  std::vector<std::string> out;
  for (const auto& family : service.spec.ipFamilies) {
    const std::string* found = nullptr;
    for (std::string_view type : {"ExternalIP", "InternalIP"}) {
      for (const auto& each : node.status.addresses) {
        const bool six = each.address.find(':') != std::string::npos;
        if (!found && each.type == type && six == (family == "IPv6")) found = &each.address;
      }
    }
    if (found) out.push_back(*found);
  }
  return out;
}

}  // namespace

Task<Result<bool>> LocalProvider::exists(NodePtr /*node*/, std::stop_token /*stop*/) {
  co_return true;
}

Task<Result<bool>> LocalProvider::isShutDown(NodePtr /*node*/, std::stop_token /*stop*/) {
  co_return false;  // nobody here knows
}

Task<Result<InstanceMetadata>> LocalProvider::metadata(NodePtr node, std::stop_token /*stop*/) {
  InstanceMetadata all;
  all.providerId = "local://" + node->metadata.name;
  all.instanceType = "local";
  all.zone = options_.zone;
  all.region = options_.region;
  all.addresses = node->status.addresses;
  co_return all;
}

Task<Result<std::optional<LoadBalancerStatus>>> LocalProvider::find(ServicePtr service,
                                                                    std::stop_token /*stop*/) {
  const auto& status = service->status.loadBalancer;
  if (status.ingress.empty()) co_return std::optional<LoadBalancerStatus>();
  co_return std::optional(status);
}

Task<Result<LoadBalancerStatus>> LocalProvider::ensure(ServicePtr service,
                                                       std::vector<NodePtr> nodes,
                                                       std::stop_token /*stop*/) {
  LoadBalancerStatus status;
  for (const auto& node : nodes) {
    for (auto& address : addressesFor(*service, *node)) {
      auto& ingress = status.ingress.emplace_back();
      ingress.ip = std::move(address);
      ingress.ipMode = "VIP";
    }
  }
  if (status.ingress.empty()) co_return serviceUnavailable("no node has an address for it");
  co_return status;
}

Task<Result<std::optional<LoadBalancerStatus>>> LocalProvider::update(ServicePtr service,
                                                                      std::vector<NodePtr> nodes,
                                                                      std::stop_token stop) {
  CO_TRY(auto status, co_await ensure(std::move(service), std::move(nodes), stop));
  co_return std::optional(std::move(status));
}

Task<Status> LocalProvider::remove(ServicePtr /*service*/, std::stop_token /*stop*/) {
  co_return Status();  // its addresses go with the status
}

}  // namespace coxswain::cloud
