#include "apiserver/local/cluster_bootstrap.h"

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/names/ip.h"
#include "api/reflect/equal.h"
#include "apiserver/aggregator/local_services.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/local/policy_bootstrap.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Endpoints;
using api::core::v1::Service;
using api::core::v1::ServiceAccount;
using api::discovery::v1::EndpointSlice;
using api::networking::v1::ServiceCIDR;
using api::scheduling::v1::PriorityClass;
using client::resourceOf;

const Logger kLog("apiserver.bootstrap");

constexpr const char* kName = "kubernetes";
constexpr const char* kNamespace = "default";
constexpr auto kRetryAfter = 5s;

PriorityClass priorityClass(const char* name, int32_t value, const char* description) {
  PriorityClass made;
  made.metadata.name = name;
  made.value = value;
  made.description = description;
  made.preemptionPolicy = "PreemptLowerPriority";
  return made;
}

/// Creates, or has `mend` change what is there (true: it did).
template <typename T>
Task<Status> ensureObject(client::Client& client, T wanted, bool (*mend)(T&, const T&),
                          std::stop_token stop) {
  auto present =
      co_await client::get<T>(client, wanted.metadata.namespace_, wanted.metadata.name, stop);
  if (!present.ok() && !isNotFound(present.status())) co_return present.status();
  if (!present.ok()) {
    auto made = co_await client::create<T>(client, std::move(wanted), stop);
    if (!made.ok() && isAlreadyExists(made.status())) co_return Status();
    co_return made.status();
  }
  T next = **present;
  if (!mend || !mend(next, wanted)) co_return Status();
  auto updated = co_await client::update<T>(client, std::move(next), "", stop);
  co_return updated.status();
}

bool mendService(Service& next, const Service& wanted) {
  if (next.spec.ports == wanted.spec.ports) return false;
  next.spec.ports = wanted.spec.ports;
  return true;
}

/// A cluster of one family may become one of two.
bool mendCidr(ServiceCIDR& next, const ServiceCIDR& wanted) {
  const auto& cidrs = wanted.spec.cidrs;
  if (next.spec.cidrs.size() != 1 || cidrs.size() != 2 || next.spec.cidrs[0] != cidrs[0]) {
    return false;
  }
  next.spec.cidrs = cidrs;
  return true;
}

bool mendEndpoints(Endpoints& next, const Endpoints& wanted) {
  if (next.subsets == wanted.subsets) return false;
  next.subsets = wanted.subsets;
  return true;
}

bool mendSlice(EndpointSlice& next, const EndpointSlice& wanted) {
  if (next.endpoints == wanted.endpoints && next.ports == wanted.ports) return false;
  next.endpoints = wanted.endpoints;
  next.ports = wanted.ports;
  return true;
}

}  // namespace

bool ClusterBootstrap::reachable() const {
  auto ip = api::parseIp(options_.advertiseAddress);
  return ip && !ip->isLoopback() && !ip->isUnspecified();
}

Task<Status> ClusterBootstrap::ensurePriorityClasses(std::stop_token stop) {
  auto cluster = priorityClass("system-cluster-critical", 2000000000,
                               "Used for system critical pods that must run in the cluster, but "
                               "can be moved to another node if necessary.");
  CO_TRY_STATUS(co_await ensureObject<PriorityClass>(client_, std::move(cluster), nullptr, stop));
  auto node = priorityClass("system-node-critical", 2000001000,
                            "Used for system critical pods that must not be moved from their "
                            "current node.");
  co_return co_await ensureObject<PriorityClass>(client_, std::move(node), nullptr, stop);
}

/// Its Ready condition is the controller manager's to change; here it is set where there is none.
Task<Status> ClusterBootstrap::ensureServiceCidr(std::stop_token stop) {
  ServiceCIDR wanted;
  wanted.metadata.name = kName;
  wanted.spec.cidrs = options_.serviceCidrs;
  CO_TRY_STATUS(co_await ensureObject<ServiceCIDR>(client_, std::move(wanted), &mendCidr, stop));
  CO_TRY(auto present, co_await client::get<ServiceCIDR>(client_, "", kName, stop));
  if (present->spec.cidrs != options_.serviceCidrs) {
    kLog.warn("ServiceCIDR kubernetes has other ranges than --service-cluster-ip-range");
    co_return Status();
  }
  for (const auto& condition : present->status.conditions) {
    if (condition.type == "Ready" && condition.status != "Unknown") co_return Status();
  }
  if (present->metadata.deletionTimestamp) co_return Status();
  ServiceCIDR next = *present;
  std::erase_if(next.status.conditions, [](const auto& each) { return each.type == "Ready"; });
  auto& ready = next.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  ready.message = "Kubernetes default Service CIDR is ready";
  ready.lastTransitionTime = registryNow();
  auto updated = co_await client::update<ServiceCIDR>(client_, std::move(next), "status", stop);
  co_return updated.status();
}

Task<Status> ClusterBootstrap::ensureService(std::stop_token stop) {
  Service service;
  service.metadata.name = kName;
  service.metadata.namespace_ = kNamespace;
  service.metadata.labels["component"] = "apiserver";
  service.metadata.labels["provider"] = "kubernetes";
  service.spec.clusterIP = options_.serviceAddress;
  service.spec.clusterIPs = {options_.serviceAddress};
  service.spec.type = "ClusterIP";
  service.spec.ipFamilyPolicy = "SingleStack";
  auto& port = service.spec.ports.emplace_back();
  port.name = "https";
  port.protocol = "TCP";
  port.port = 443;
  port.targetPort = api::IntOrString(options_.securePort);
  co_return co_await ensureObject<Service>(client_, std::move(service), &mendService, stop);
}

Task<Status> ClusterBootstrap::ensureEndpoints(std::stop_token stop) {
  Endpoints endpoints;
  endpoints.metadata.name = kName;
  endpoints.metadata.namespace_ = kNamespace;
  endpoints.metadata.labels["endpointslice.kubernetes.io/skip-mirror"] = "true";
  auto& subset = endpoints.subsets.emplace_back();
  subset.addresses.emplace_back().ip = options_.advertiseAddress;
  auto& port = subset.ports.emplace_back();
  port.name = "https";
  port.protocol = "TCP";
  port.port = options_.securePort;
  co_return co_await ensureObject<Endpoints>(client_, std::move(endpoints), &mendEndpoints, stop);
}

Task<Status> ClusterBootstrap::ensureSlice(std::stop_token stop) {
  EndpointSlice slice;
  slice.metadata.name = kName;
  slice.metadata.namespace_ = kNamespace;
  slice.metadata.labels["kubernetes.io/service-name"] = kName;
  slice.addressType = options_.advertiseAddress.find(':') == std::string::npos ? "IPv4" : "IPv6";
  auto& endpoint = slice.endpoints.emplace_back();
  endpoint.addresses = {options_.advertiseAddress};
  endpoint.conditions.ready = true;
  auto& port = slice.ports.emplace_back();
  port.name = "https";
  port.protocol = "TCP";
  port.port = options_.securePort;
  co_return co_await ensureObject<EndpointSlice>(client_, std::move(slice), &mendSlice, stop);
}

namespace {

Task<void> into(Task<Status> task, Status& status) {
  status = co_await std::move(task);
}

}  // namespace

Task<Status> ClusterBootstrap::ensure(std::stop_token stop) {
  Status policy;
  Status services;
  Status rest;
  // Side by side: most of it waits for the disk.
  std::vector<Task<void>> tasks;
  tasks.push_back(into(ensurePolicy(client_, options_.ownPartsRoles, stop), policy));
  tasks.push_back(into(ensureLocalApiServices(client_, options_.apiServices, stop), services));
  tasks.push_back(into(ensureRest(stop), rest));
  co_await whenAll(std::move(tasks));
  CO_TRY_STATUS(std::move(policy));
  CO_TRY_STATUS(std::move(services));
  co_return rest;
}

Task<Status> ClusterBootstrap::ensureAccounts(std::stop_token stop) {
  if (!options_.ownPartsRoles) co_return Status();
  for (const char* name : {"coredns", "local-path-provisioner"}) {
    ServiceAccount account;
    account.metadata.namespace_ = "kube-system";
    account.metadata.name = name;
    CO_TRY_STATUS(
        co_await ensureObject<ServiceAccount>(client_, std::move(account), nullptr, stop));
  }
  co_return Status();
}

Task<Status> ClusterBootstrap::ensureRest(std::stop_token stop) {
  CO_TRY_STATUS(co_await ensureAccounts(stop));
  CO_TRY_STATUS(co_await ensurePriorityClasses(stop));
  CO_TRY_STATUS(co_await ensureServiceCidr(stop));
  CO_TRY_STATUS(co_await ensureService(stop));
  if (!reachable()) {
    kLog.info("service default/kubernetes leads nowhere: no address for others was given",
              {{"advertise-address", options_.advertiseAddress}});
    co_return Status();
  }
  CO_TRY_STATUS(co_await ensureEndpoints(stop));
  co_return co_await ensureSlice(stop);
}

Task<Status> ClusterBootstrap::watchOne(const client::ResourceType& type, Ensure ensure) {
  auto stop = stop_.get_token();
  client::WatchOptions options;
  options.fieldSelector = "metadata.name=kubernetes";
  options.allowBookmarks = false;
  const auto* ns = type.namespaced ? kNamespace : "";
  CO_TRY(auto watch, co_await client_.watch(type, ns, std::move(options), stop));
  CO_TRY_STATUS(co_await (this->*ensure)(stop));
  while (true) {
    auto event = co_await watch->next(stop);
    if (!event.ok()) co_return event.status();
    CO_TRY_STATUS(co_await (this->*ensure)(stop));
  }
}

Task<void> ClusterBootstrap::keepOne(const client::ResourceType& type, Ensure ensure,
                                     Gate::Pass pass) {
  while (!stop_.stop_requested()) {
    Status status = co_await watchOne(type, ensure);
    if (stop_.stop_requested()) break;
    if (!isEndOfStream(status)) {
      kLog.warn("default/kubernetes could not be kept", {{"kind", type.plural}, {"why", status}});
    }
    Status slept = co_await sleepFor(kRetryAfter, stop_.get_token());
    if (!slept.ok()) break;
  }
}

void ClusterBootstrap::keep(Executor& executor) {
  spawn(executor,
        keepOne(resourceOf<ServiceCIDR>(), &ClusterBootstrap::ensureServiceCidr, gate_.enter()));
  spawn(executor, keepOne(resourceOf<Service>(), &ClusterBootstrap::ensureService, gate_.enter()));
  if (!reachable()) return;
  spawn(executor,
        keepOne(resourceOf<Endpoints>(), &ClusterBootstrap::ensureEndpoints, gate_.enter()));
  spawn(executor,
        keepOne(resourceOf<EndpointSlice>(), &ClusterBootstrap::ensureSlice, gate_.enter()));
}

Task<void> ClusterBootstrap::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::apiserver
