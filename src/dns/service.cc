#include "dns/service.h"

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/ip.h"
#include "client/resources.h"

namespace coxswain::dns {
namespace {

using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr const char* kNamespace = "kube-system";
constexpr const char* kName = "kube-dns";
constexpr const char* kSlice = "kube-dns-coxswain";

Service wantedService(const DnsServiceOptions& options) {
  Service service;
  service.metadata.namespace_ = kNamespace;
  service.metadata.name = kName;
  service.metadata.labels = {{"k8s-app", "kube-dns"},
                             {"kubernetes.io/cluster-service", "true"},
                             {"kubernetes.io/name", "CoreDNS"}};
  service.spec.type = "ClusterIP";
  service.spec.clusterIP = options.clusterIp;
  service.spec.clusterIPs = {options.clusterIp};
  for (const auto& [name, protocol] : {std::pair("dns", "UDP"), std::pair("dns-tcp", "TCP")}) {
    auto& port = service.spec.ports.emplace_back();
    port.name = name;
    port.protocol = protocol;
    port.port = 53;
    port.targetPort = api::IntOrString(static_cast<int32_t>(options.port));
  }
  return service;
}

EndpointSlice wantedSlice(const DnsServiceOptions& options, const std::string& address, bool v6) {
  EndpointSlice slice;
  slice.metadata.namespace_ = kNamespace;
  slice.metadata.name = kSlice;
  slice.metadata.labels = {{"kubernetes.io/service-name", kName},
                           {"endpointslice.kubernetes.io/managed-by", "coxswain-dns"}};
  slice.addressType = v6 ? "IPv6" : "IPv4";
  auto& endpoint = slice.endpoints.emplace_back();
  endpoint.addresses = {address};
  endpoint.conditions.ready = true;
  endpoint.conditions.serving = true;
  endpoint.conditions.terminating = false;
  for (const auto& [name, protocol] : {std::pair("dns", "UDP"), std::pair("dns-tcp", "TCP")}) {
    auto& port = slice.ports.emplace_back();
    port.name = name;
    port.protocol = protocol;
    port.port = options.port;
  }
  return slice;
}

bool leadsThere(const EndpointSlice& have, const EndpointSlice& wanted) {
  if (have.endpoints.size() != 1 || have.ports.size() != wanted.ports.size()) return false;
  if (have.endpoints[0].addresses != wanted.endpoints[0].addresses) return false;
  if (!have.endpoints[0].conditions.ready.value_or(true)) return false;
  for (size_t i = 0; i < wanted.ports.size(); ++i) {
    if (have.ports[i].name != wanted.ports[i].name || have.ports[i].port != wanted.ports[i].port ||
        have.ports[i].protocol != wanted.ports[i].protocol) {
      return false;
    }
  }
  const auto* service = have.metadata.labels.get("kubernetes.io/service-name");
  return service && *service == kName;
}

bool servesDns(const Service& have, const DnsServiceOptions& options) {
  if (have.spec.clusterIP != options.clusterIp || !have.spec.selector.empty()) return false;
  bool udp = false;
  bool tcp = false;
  for (const auto& port : have.spec.ports) {
    udp |= port.port == 53 && port.protocol == "UDP" && port.name == "dns";
    tcp |= port.port == 53 && port.protocol == "TCP" && port.name == "dns-tcp";
  }
  return udp && tcp;
}

Task<Status> removeIt(client::Client& client, const client::ResourceType& type, std::string name,
                      std::string uid, std::stop_token stop) {
  client::DeleteOptions precondition;
  precondition.uid = std::move(uid);
  Status removed = co_await client.remove(type, kNamespace, std::move(name), precondition, stop);
  co_return isNotFound(removed) ? Status() : removed;
}

Task<Status> ensureService(client::Client& client, const DnsServiceOptions& options,
                           std::stop_token stop) {
  auto have = co_await client::get<Service>(client, kNamespace, kName, stop);
  if (!have.ok() && !isNotFound(have.status())) co_return have.status();
  if (have.ok()) {
    if (servesDns(**have, options)) co_return Status();
    // An address cannot be changed in place.
    CO_TRY_STATUS(co_await removeIt(client, client::resourceOf<Service>(), kName,
                                    (*have)->metadata.uid, stop));
  }
  auto made = co_await client::create(client, wantedService(options), stop);
  co_return made.ok() ? Status() : made.status();
}

Task<Status> ensureSlice(client::Client& client, EndpointSlice wanted, std::stop_token stop) {
  auto have = co_await client::get<EndpointSlice>(client, kNamespace, kSlice, stop);
  if (!have.ok() && !isNotFound(have.status())) co_return have.status();
  if (have.ok()) {
    if ((*have)->addressType == wanted.addressType) {
      if (leadsThere(**have, wanted)) co_return Status();
      wanted.metadata.resourceVersion = (*have)->metadata.resourceVersion;
      wanted.metadata.uid = (*have)->metadata.uid;
      auto changed = co_await client::update(client, std::move(wanted), "", stop);
      co_return changed.ok() ? Status() : changed.status();
    }
    CO_TRY_STATUS(co_await removeIt(client, client::resourceOf<EndpointSlice>(), kSlice,
                                    (*have)->metadata.uid, stop));
  }
  auto made = co_await client::create(client, std::move(wanted), stop);
  co_return made.ok() ? Status() : made.status();
}

}  // namespace

Task<Status> ensureDnsService(client::Client& client, DnsServiceOptions options,
                              std::stop_token stop) {
  auto ip = api::parseIp(options.address);
  if (!ip || ip->isLoopback() || ip->isUnspecified())
    co_return badRequest("\"" + options.address + "\" is no address that pods reach");
  if (options.port == 0) co_return badRequest("the name server's port is not known");
  if (!api::parseIp(options.clusterIp))
    co_return badRequest("\"" + options.clusterIp + "\" is no address");
  CO_TRY_STATUS(co_await ensureService(client, options, stop));
  co_return co_await ensureSlice(client, wantedSlice(options, ip->str(), ip->v6), stop);
}

}  // namespace coxswain::dns
