#include "cloud/testing/simulated_cloud.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "runtime/spawn.h"

namespace coxswain::cloud::testing {

using api::core::v1::LoadBalancerStatus;

namespace {

std::vector<std::string> namesOf(const std::vector<NodePtr>& nodes) {
  std::vector<std::string> names;
  for (const auto& node : nodes) names.push_back(node->metadata.name);
  return names;
}

LoadBalancerStatus statusOf(const SimulatedCloud::Balancer& balancer) {
  LoadBalancerStatus status;
  status.ingress.emplace_back().ip = balancer.address;
  return status;
}

}  // namespace

bool SimulatedCloud::happens(double chance) {
  return static_cast<double>(random_.below(1'000'000)) < chance * 1'000'000;
}

Task<Status> SimulatedCloud::arrive(std::stop_token stop) {
  const auto most = static_cast<uint64_t>(faults.latencyMax / 1ms) + 1;
  CO_TRY_STATUS(co_await sleepFor(std::chrono::milliseconds(random_.below(most)), stop));
  if (happens(faults.throttle)) {
    StatusDetails details;
    details.retryAfterSeconds = 2;
    co_return Status(Reason::TooManyRequests, 429, "rate of calls exceeded")
        .withDetails(std::move(details));
  }
  co_return happens(faults.error) ? internalError("the cloud is out of order") : Status();
}

Status SimulatedCloud::leave() {
  return happens(faults.lostAnswer) ? unreachable("no answer from the cloud") : Status();
}

Task<Result<bool>> SimulatedCloud::exists(NodePtr node, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  co_return machines.contains(node->metadata.name);
}

Task<Result<bool>> SimulatedCloud::isShutDown(NodePtr node, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  const auto found = machines.find(node->metadata.name);
  co_return found != machines.end() && found->second.off;
}

Task<Result<InstanceMetadata>> SimulatedCloud::metadata(NodePtr node, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  const auto found = machines.find(node->metadata.name);
  if (found == machines.end()) co_return Status(Reason::NotFound, 404, "instance not found");
  co_return found->second.metadata;
}

Task<Result<std::optional<LoadBalancerStatus>>> SimulatedCloud::find(ServicePtr service,
                                                                     std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  const auto found = balancers.find(service->metadata.uid);
  if (found == balancers.end()) co_return std::optional<LoadBalancerStatus>();
  co_return std::optional(statusOf(found->second));
}

Task<Result<LoadBalancerStatus>> SimulatedCloud::ensure(ServicePtr service,
                                                        std::vector<NodePtr> nodes,
                                                        std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  auto [found, added] = balancers.try_emplace(service->metadata.uid);
  if (added) found->second.address = "192.0.2." + std::to_string(++made);
  found->second.nodes = namesOf(nodes);
  auto status = statusOf(found->second);
  CO_TRY_STATUS(leave());
  co_return status;
}

Task<Result<std::optional<LoadBalancerStatus>>> SimulatedCloud::update(ServicePtr service,
                                                                       std::vector<NodePtr> nodes,
                                                                       std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  const auto found = balancers.find(service->metadata.uid);
  if (found == balancers.end()) {
    co_return Status(Reason::NotFound, 404, "load balancer not found");
  }
  found->second.nodes = namesOf(nodes);
  CO_TRY_STATUS(leave());
  co_return std::optional<LoadBalancerStatus>();
}

Task<Status> SimulatedCloud::remove(ServicePtr service, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  balancers.erase(service->metadata.uid);
  co_return leave();
}

Task<Result<std::vector<Route>>> SimulatedCloud::list(std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  co_return table;
}

Task<Status> SimulatedCloud::create(Route route, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  const bool taken = std::any_of(table.begin(), table.end(),
                                 [&route](const auto& each) { return each.cidr == route.cidr; });
  if (taken) co_return Status(Reason::AlreadyExists, 409, "route exists");
  table.push_back(std::move(route));
  co_return leave();
}

Task<Status> SimulatedCloud::remove(Route route, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(stop));
  std::erase(table, route);
  co_return leave();
}

}  // namespace coxswain::cloud::testing
