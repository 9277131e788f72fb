#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/service_rules.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Service;
using api::core::v1::ServicePort;
using api::core::v1::ServiceSpec;

namespace {

bool needsClusterIp(const ServiceSpec& spec) {
  return spec.type == "ClusterIP" || spec.type == "NodePort" || spec.type == "LoadBalancer";
}
bool needsNodePort(const ServiceSpec& spec) {
  return spec.type == "NodePort" ||
         (spec.type == "LoadBalancer" && spec.allocateLoadBalancerNodePorts.value_or(true));
}

void applyDefaults(ServiceSpec& spec) {
  if (spec.sessionAffinity.empty()) spec.sessionAffinity = "None";
  if (spec.sessionAffinity == "None") spec.sessionAffinityConfig.reset();
  if (spec.sessionAffinity == "ClientIP") {
    auto& timeout = spec.sessionAffinityConfig.getOrCreate().clientIP.getOrCreate().timeoutSeconds;
    if (!timeout) timeout = 10800;
  }
  if (spec.type.empty()) spec.type = "ClusterIP";
  for (auto& port : spec.ports) {
    if (port.protocol.empty()) port.protocol = "TCP";
    const auto& target = port.targetPort;
    if (target.isString() ? target.strVal.empty() : target.intVal == 0) {
      port.targetPort = api::IntOrString(port.port);
    }
  }
  if (spec.externalTrafficPolicy.empty() && isExternallyReachable(spec)) {
    spec.externalTrafficPolicy = "Cluster";
  }
  if (!spec.internalTrafficPolicy && needsClusterIp(spec)) spec.internalTrafficPolicy = "Cluster";
  if (spec.type == "LoadBalancer" && !spec.allocateLoadBalancerNodePorts) {
    spec.allocateLoadBalancerNodePorts = true;
  }
}

/// An update that leaves node ports out keeps those it had, by protocol and port, else by name.
void keepNodePorts(ServiceSpec& next, const ServiceSpec& current) {
  std::set<std::pair<std::string_view, int32_t>> used;
  for (const auto& port : next.ports) {
    if (port.nodePort != 0) used.emplace(port.protocol, port.nodePort);
  }
  const auto keep = [&](auto&& same) {
    for (auto& port : next.ports) {
      if (port.nodePort != 0) continue;
      for (const auto& old : current.ports) {
        if (old.nodePort == 0 || !same(port, old)) continue;
        if (!used.emplace(port.protocol, old.nodePort).second) continue;
        port.nodePort = old.nodePort;
        break;
      }
    }
  };
  keep([](const ServicePort& a, const ServicePort& b) {
    return a.protocol == b.protocol && a.port == b.port;
  });
  keep([](const ServicePort& a, const ServicePort& b) {
    return a.protocol == b.protocol && a.name == b.name;
  });
}

void keepAllocated(ServiceSpec& next, const ServiceSpec& current) {
  if (needsClusterIp(next) && needsClusterIp(current)) {
    if (next.clusterIP.empty()) next.clusterIP = current.clusterIP;
    if (next.clusterIPs.empty() && next.clusterIP == current.clusterIP) {
      next.clusterIPs = current.clusterIPs;
    }
    if (next.ipFamilies.empty()) next.ipFamilies = current.ipFamilies;
    if (!next.ipFamilyPolicy) next.ipFamilyPolicy = current.ipFamilyPolicy;
  }
  if (needsNodePort(next) && needsNodePort(current)) keepNodePorts(next, current);
  if (needsHealthCheck(next) && needsHealthCheck(current) && next.healthCheckNodePort == 0) {
    next.healthCheckNodePort = current.healthCheckNodePort;
  }
}

/// clusterIP and clusterIPs say the same; where a client changed one alone, the other follows.
void syncClusterIps(ServiceSpec& next, const ServiceSpec* current) {
  if (current && next.clusterIP != current->clusterIP && next.clusterIPs == current->clusterIPs) {
    next.clusterIPs.clear();
  }
  if (next.clusterIPs.empty() && !next.clusterIP.empty()) next.clusterIPs = {next.clusterIP};
}

bool sameNodePorts(const ServiceSpec& a, const ServiceSpec& b) {
  std::set<int32_t> x;
  std::set<int32_t> y;
  for (const auto& port : a.ports) x.insert(port.nodePort);
  for (const auto& port : b.ports) y.insert(port.nodePort);
  return x == y;
}

/// Fields that the new type does not have go, unless the client changed them (then the rules tell).
void dropForeignFields(ServiceSpec& next, const ServiceSpec& current) {
  if (needsClusterIp(current) && !needsClusterIp(next)) {
    if (next.clusterIP == current.clusterIP && next.clusterIPs == current.clusterIPs) {
      next.clusterIP.clear();
      next.clusterIPs.clear();
    }
    if (next.ipFamilies == current.ipFamilies) next.ipFamilies.clear();
    if (next.ipFamilyPolicy == current.ipFamilyPolicy) next.ipFamilyPolicy.reset();
    if (next.internalTrafficPolicy == current.internalTrafficPolicy) {
      next.internalTrafficPolicy.reset();
    }
  }
  if (needsNodePort(current) && !needsNodePort(next) && sameNodePorts(next, current)) {
    for (auto& port : next.ports) port.nodePort = 0;
  }
  if (needsHealthCheck(current) && !needsHealthCheck(next) &&
      next.healthCheckNodePort == current.healthCheckNodePort) {
    next.healthCheckNodePort = 0;
  }
  if (current.type == "LoadBalancer" && next.type != "LoadBalancer") {
    if (next.allocateLoadBalancerNodePorts == current.allocateLoadBalancerNodePorts) {
      next.allocateLoadBalancerNodePorts.reset();
    }
    if (next.loadBalancerClass == current.loadBalancerClass) next.loadBalancerClass.reset();
  }
  if (isExternallyReachable(current) && !isExternallyReachable(next) &&
      next.externalTrafficPolicy == current.externalTrafficPolicy) {
    next.externalTrafficPolicy.clear();
  }
}

void warnOfAddresses(const ServiceSpec& spec, std::vector<std::string>& out) {
  const FieldPath path("spec");
  const auto each = [&](const std::vector<std::string>& list, std::string_view field, auto warnOf) {
    const auto at = path.child(field);
    for (size_t i = 0; i < list.size(); ++i) warnOf(list[i], at.index(i), out);
  };
  const bool headless = spec.type == "ClusterIP" && spec.clusterIP == "None";
  if (!headless) each(spec.clusterIPs, "clusterIPs", warnOfIp);
  if (headless) {
    if (!spec.loadBalancerIP.empty()) {
      out.emplace_back("spec.loadBalancerIP is ignored for headless services");
    }
    if (!spec.externalIPs.empty()) {
      out.emplace_back("spec.externalIPs is ignored for headless services");
    }
    if (spec.sessionAffinity != "None") {
      out.emplace_back("spec.SessionAffinity is ignored for headless services");
    }
  }
  each(spec.externalIPs, "externalIPs", warnOfIp);
  if (!spec.loadBalancerIP.empty()) {
    warnOfIp(spec.loadBalancerIP, path.child("loadBalancerIP"), out);
  }
  each(spec.loadBalancerSourceRanges, "loadBalancerSourceRanges", warnOfCidr);
}

class ServiceStrategy final : public TypedStrategy<Service> {
 public:
  ServiceStrategy()
      : TypedStrategy(StrategyTraits{.allowCreateOnUpdate = true,
                                     .fieldSelectors = {"spec.clusterIP", "spec.type"},
                                     .returnsDeleted = true}) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return labelNameRule(name, prefix);
  }

 protected:
  void defaults(Service& service) const override {
    applyDefaults(service.spec);
    if (service.spec.type != "LoadBalancer") return;
    for (auto& ingress : service.status.loadBalancer.ingress) {
      if (!ingress.ip.empty() && !ingress.ipMode) ingress.ipMode = "VIP";
    }
  }
  void beforeCreate(Service& service) const override { syncClusterIps(service.spec, nullptr); }
  void check(const Service& service, FieldErrors& errors) const override {
    validateService(service, nullptr, errors);
  }
  void beforeUpdate(Service& next, const Service& current) const override {
    syncClusterIps(next.spec, &current.spec);
    keepAllocated(next.spec, current.spec);
    dropForeignFields(next.spec, current.spec);
  }
  void checkUpdate(const Service& next, const Service& current,
                   FieldErrors& errors) const override {
    validateServiceUpdate(next, current, errors);
  }
  void checkStatusUpdate(const Service& next, const Service& current,
                         FieldErrors& errors) const override {
    validateLoadBalancerStatus(next, current, errors);
  }
  void warn(const Service& next, const Service*, std::vector<std::string>& out) const override {
    const auto& spec = next.spec;
    const bool hasName = spec.type == "ExternalName";
    if (next.metadata.annotations.contains("service.kubernetes.io/topology-aware-hints")) {
      out.emplace_back(
          "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
          "service.kubernetes.io/topology-mode instead");
    }
    warnOfAddresses(spec, out);
    if (hasName && !spec.externalIPs.empty()) {
      out.emplace_back("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
    }
    if (!hasName && !spec.externalName.empty()) {
      out.emplace_back("spec.externalName is ignored when spec.type is not \"ExternalName\"");
    }
    if (!spec.externalIPs.empty()) {
      out.emplace_back(
          "spec.externalIPs is deprecated and may no longer be implemented in some clusters");
    }
    if (next.spec.trafficDistribution == "PreferClose") {
      out.emplace_back(
          R"(spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone")");
    }
  }
  void fields(const Service& service, api::FieldSet& out) const override {
    out.emplace_back("spec.clusterIP", service.spec.clusterIP);
    out.emplace_back("spec.type", service.spec.type);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeServiceStrategy() {
  return std::make_unique<ServiceStrategy>();
}

}  // namespace coxswain::apiserver
