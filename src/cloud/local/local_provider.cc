#include "cloud/local/local_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
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
  if (status.ingress.empty() && !holdsPorts(service->metadata.uid)) {
    co_return std::optional<LoadBalancerStatus>();
  }
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
  CO_TRY_STATUS(takePorts(*service));
  co_return status;
}

Task<Result<std::optional<LoadBalancerStatus>>> LocalProvider::update(ServicePtr service,
                                                                      std::vector<NodePtr> nodes,
                                                                      std::stop_token stop) {
  CO_TRY(auto status, co_await ensure(std::move(service), std::move(nodes), stop));
  co_return std::optional(std::move(status));
}

Status LocalProvider::takePorts(const Service& service) {
  const auto& uid = service.metadata.uid;
  std::vector<std::pair<std::string, int32_t>> wanted;
  for (const auto& port : service.spec.ports) {
    if (options_.reservedPorts.contains(port.port)) {
      return badRequest(fmt::format("port {} is the nodes' own", port.port));
    }
    auto& key = wanted.emplace_back(port.protocol, port.port);
    const auto held = ports_.find(key);
    if (held != ports_.end() && held->second.uid != uid) {
      return badRequest(fmt::format("port {}/{} of the nodes is taken by Service {}", port.port,
                                    port.protocol, held->second.name));
    }
  }
  givePorts(uid);
  for (auto& key : wanted) ports_[std::move(key)] = {uid, api::objectKey(service.metadata)};
  return {};
}

void LocalProvider::givePorts(const std::string& uid) {
  std::erase_if(ports_, [&uid](const auto& entry) { return entry.second.uid == uid; });
}

bool LocalProvider::holdsPorts(const std::string& uid) const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [&uid](const auto& entry) { return entry.second.uid == uid; });
}

Task<Status> LocalProvider::remove(ServicePtr service, std::stop_token /*stop*/) {
  givePorts(service->metadata.uid);
  co_return Status();  // its addresses go with the status
}

}  // namespace coxswain::cloud
