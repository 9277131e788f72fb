#include "apiserver/registry/core/service_rules.h"

#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Service;
using api::core::v1::ServicePort;
using api::core::v1::ServiceSpec;

namespace {

constexpr int32_t kAffinityTimeoutMax = 86400;
constexpr std::string_view kLoadBalancerOnly = "may only be used when `type` is 'LoadBalancer'";
constexpr std::string_view kNotExternalName = "may not be set for ExternalName services";
constexpr std::string_view kOnceSet = "may not change once set";

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool isHeadless(const ServiceSpec& spec) {
  return spec.clusterIPs.size() == 1 && spec.clusterIPs[0] == "None";
}

void checkPort(const ServicePort& port, bool needsName, std::set<std::string_view>& names,
               const FieldPath& path, FieldErrors& errors) {
  if (port.name.empty()) {
    if (needsName) errors.required(path.child("name"));
  } else {
    checkDns1123Label(port.name, path.child("name"), errors);
    if (!names.insert(port.name).second) errors.duplicate(path.child("name"), port.name);
  }
  errors.invalidEach(path.child("port"), port.port, api::validatePortNumber(port.port));
  checkOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, path.child("protocol"), errors);
  const auto& target = port.targetPort;
  const auto targetPath = path.child("targetPort");
  if (target.isString()) {
    errors.invalidEach(targetPath, target.strVal, api::validatePortName(target.strVal));
  } else {
    errors.invalidEach(targetPath, target.intVal, api::validatePortNumber(target.intVal));
  }
  if (port.appProtocol) checkQualifiedName(*port.appProtocol, path.child("appProtocol"), errors);
}

void checkType(const ServiceSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto first = path.child("clusterIPs").index(0);
  if (spec.type == "LoadBalancer") {
    if (isHeadless(spec)) {
      errors.invalid(first, "None", "may not be set to 'None' for LoadBalancer services");
    }
  } else if (spec.type == "NodePort") {
    if (isHeadless(spec)) {
      errors.invalid(first, "None", "may not be set to 'None' for NodePort services");
    }
  } else if (spec.type == "ExternalName") {
    if (!spec.clusterIPs.empty()) errors.forbidden(path.child("clusterIPs"), kNotExternalName);
    if (!spec.ipFamilies.empty()) errors.forbidden(path.child("ipFamilies"), kNotExternalName);
    if (spec.ipFamilyPolicy) errors.forbidden(path.child("ipFamilyPolicy"), kNotExternalName);
    std::string_view name = spec.externalName;
    if (name.ends_with('.')) name.remove_suffix(1);
    if (!requireText(name, path.child("externalName"), errors)) {
      checkDns1123Subdomain(name, path.child("externalName"), errors);
    }
  }
}

void checkAffinity(const ServiceSpec& spec, const FieldPath& path, FieldErrors& errors) {
  checkOneOf(spec.sessionAffinity, {"ClientIP", "None"}, path.child("sessionAffinity"), errors);
  const auto config = path.child("sessionAffinityConfig");
  if (spec.sessionAffinity == "None" && spec.sessionAffinityConfig) {
    errors.forbidden(config, "must not be set when session affinity is None");
  }
  if (spec.sessionAffinity != "ClientIP") return;
  constexpr std::string_view kWhen = "when session affinity type is ClientIP";
  if (!spec.sessionAffinityConfig) return errors.required(config, kWhen);
  const auto& clientIp = spec.sessionAffinityConfig->clientIP;
  if (!clientIp) return errors.required(config.child("clientIP"), kWhen);
  const auto at = config.child("clientIP").child("timeoutSeconds");
  if (!clientIp->timeoutSeconds) return errors.required(at, kWhen);
  if (*clientIp->timeoutSeconds <= 0 || *clientIp->timeoutSeconds > kAffinityTimeoutMax) {
    errors.invalid(at, *clientIp->timeoutSeconds, "must be greater than 0 and less than 86400");
  }
}

void checkFamilies(const ServiceSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < spec.ipFamilies.size(); ++i) {
    const auto& family = spec.ipFamilies[i];
    const auto at = path.child("ipFamilies").index(i);
    if (family != "IPv4" && family != "IPv6") errors.notSupported(at, family, {"IPv4", "IPv6"});
    if (!seen.insert(family).second) errors.duplicate(at, family);
  }
  if (spec.ipFamilyPolicy) {
    const auto& policy = *spec.ipFamilyPolicy;
    if (policy != "SingleStack" && policy != "PreferDualStack" && policy != "RequireDualStack") {
      errors.notSupported(path.child("ipFamilyPolicy"), policy,
                          {"PreferDualStack", "RequireDualStack", "SingleStack"});
    }
  }
}

bool isV6(std::string_view text) {
  const auto ip = api::parseIpSloppy(text);
  return ip && ip->v6;
}

/// False: some address is none, so that nothing more can be said about them.
bool checkEachClusterIp(const ServiceSpec& spec, const ServiceSpec* current, const FieldPath& path,
                        FieldErrors& errors) {
  const auto before = errors.size();
  for (size_t i = 0; i < spec.clusterIPs.size(); ++i) {
    const auto& ip = spec.clusterIPs[i];
    if (i == 0 && ip == "None") {
      if (spec.clusterIPs.size() > 1) {
        errors.invalid(path, spec.clusterIPs, "'None' must be the first and only value");
      }
      continue;
    }
    errors.invalidEach(
        path.index(i), ip,
        api::validateIpForLegacyField(ip, current && contains(current->clusterIPs, ip)));
  }
  return errors.size() == before;
}

void checkClusterIps(const ServiceSpec& spec, const ServiceSpec* current, FieldErrors& errors) {
  if (spec.type == "ExternalName") return;
  const FieldPath path("spec");
  const auto ips = path.child("clusterIPs");
  if (spec.clusterIPs.empty()) {
    if (!spec.clusterIP.empty()) errors.required(ips);
  } else if (spec.clusterIP.empty()) {
    errors.invalid(ips, spec.clusterIPs, "must be empty when `clusterIP` is not specified");
  } else if (spec.clusterIPs[0] != spec.clusterIP) {
    errors.invalid(ips, spec.clusterIPs, "first value must match `clusterIP`");
  }
  checkFamilies(spec, path, errors);
  const bool valid = checkEachClusterIp(spec, current, ips, errors);
  if (spec.clusterIPs.size() > 2) {
    errors.invalid(ips, spec.clusterIPs, "may only hold up to 2 values");
  }
  if (!valid) return;
  if (spec.clusterIPs.size() == 2 && isV6(spec.clusterIPs[0]) == isV6(spec.clusterIPs[1])) {
    errors.invalid(ips, spec.clusterIPs, "may specify no more than one IP for each IP family");
  }
  for (size_t i = 0; i < spec.clusterIPs.size() && i < spec.ipFamilies.size(); ++i) {
    if (spec.clusterIPs[i] == "None") continue;
    const std::string_view actual = isV6(spec.clusterIPs[i]) ? "IPv6" : "IPv4";
    if (spec.ipFamilies[i] == actual) continue;
    errors.invalid(ips.index(i), spec.clusterIPs[i],
                   "expected an " + spec.ipFamilies[i] + " value as indicated by `ipFamilies[" +
                       std::to_string(i) + "]`");
  }
}

void checkPortsAmongThemselves(const ServiceSpec& spec, const FieldPath& path,
                               FieldErrors& errors) {
  const auto ports = path.child("ports");
  if (spec.type == "ClusterIP") {
    for (size_t i = 0; i < spec.ports.size(); ++i) {
      if (spec.ports[i].nodePort == 0) continue;
      errors.forbidden(ports.index(i).child("nodePort"),
                       "may not be used when `type` is 'ClusterIP'");
    }
  }
  std::set<std::pair<std::string_view, int32_t>> nodePorts;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const auto& port = spec.ports[i];
    if (port.nodePort == 0) continue;
    if (!nodePorts.emplace(port.protocol, port.nodePort).second) {
      errors.duplicate(ports.index(i).child("nodePort"), port.nodePort);
    }
  }
  std::set<std::pair<std::string_view, int32_t>> numbers;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const auto& port = spec.ports[i];
    if (numbers.emplace(port.protocol, port.port).second) continue;
    // Upstream shows its internal struct, with nothing but what must be unique.
    std::string shown = "{\"Name\":\"\",\"Protocol\":";
    api::appendJsonQuoted(shown, port.protocol);
    shown += ",\"AppProtocol\":null,\"Port\":" + std::to_string(port.port) +
             ",\"TargetPort\":0,\"NodePort\":0}";
    errors.duplicate(ports.index(i), api::FieldValue::json(std::move(shown)));
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr std::string_view kSourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Where the field is not used there is an annotation: ranges with commas between.
void checkSourceRangesAnnotation(const Service& service, const Service* current,
                                 FieldErrors& errors) {
  const auto* value = service.metadata.annotations.get(kSourceRanges);
  if (!value) return;
  const FieldPath metadata("metadata");
  const auto path = metadata.child("annotations").key(kSourceRanges);
  if (service.spec.type != "LoadBalancer") errors.forbidden(path, kLoadBalancerOnly);
  const auto* was = current ? current->metadata.annotations.get(kSourceRanges) : nullptr;
  if (was && *was == *value) return;
  for (auto rest = trimmed(*value); !rest.empty();) {
    const auto comma = rest.find(',');
    const auto range = trimmed(rest.substr(0, comma));
    errors.invalidEach(path, range, api::validateCidrForLegacyField(range));
    if (comma == std::string_view::npos) return;
    rest.remove_prefix(comma + 1);
  }
}

void checkLoadBalancerClass(const ServiceSpec& spec, FieldErrors& errors) {
  if (!spec.loadBalancerClass) return;
  const auto path = FieldPath("spec").child("loadBalancerClass");
  if (spec.type == "LoadBalancer") {
    checkQualifiedName(*spec.loadBalancerClass, path, errors);
  } else {
    errors.forbidden(path, kLoadBalancerOnly);
  }
}

void checkLoadBalancerFields(const Service& service, const Service* before, const FieldPath& path,
                             FieldErrors& errors) {
  const auto& spec = service.spec;
  const auto* current = before ? &before->spec : nullptr;
  const bool isLoadBalancer = spec.type == "LoadBalancer";
  if (!spec.loadBalancerSourceRanges.empty()) {
    const auto at = path.child("LoadBalancerSourceRanges");
    if (!isLoadBalancer) errors.forbidden(at, kLoadBalancerOnly);
    for (size_t i = 0; i < spec.loadBalancerSourceRanges.size(); ++i) {
      const auto& range = spec.loadBalancerSourceRanges[i];
      errors.invalidEach(
          at.index(i), trimmed(range),
          api::validateCidrForLegacyField(
              trimmed(range), current && contains(current->loadBalancerSourceRanges, range)));
    }
  } else {
    checkSourceRangesAnnotation(service, before, errors);
  }
  const auto allocate = path.child("allocateLoadBalancerNodePorts");
  if (spec.allocateLoadBalancerNodePorts && !isLoadBalancer) {
    errors.forbidden(allocate, kLoadBalancerOnly);
  }
  if (!spec.allocateLoadBalancerNodePorts && isLoadBalancer)
    errors.required(FieldPath("allocateLoadBalancerNodePorts"));
  checkLoadBalancerClass(spec, errors);
}

void checkTrafficPolicies(const ServiceSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto external = path.child("externalTrafficPolicy");
  if (isExternallyReachable(spec)) {
    checkOneOf(spec.externalTrafficPolicy, {"Cluster", "Local"}, external, errors);
  } else if (!spec.externalTrafficPolicy.empty()) {
    errors.invalid(external, spec.externalTrafficPolicy,
                   "may only be set for externally-accessible services");
  }
  const auto health = path.child("healthCheckNodePort");
  if (spec.healthCheckNodePort != 0) {
    if (!needsHealthCheck(spec)) {
      errors.invalid(health, spec.healthCheckNodePort,
                     "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
                     "'Local'");
    } else {
      errors.invalidEach(health, spec.healthCheckNodePort,
                         api::validatePortNumber(spec.healthCheckNodePort));
    }
  }
  const auto internal = path.child("internalTrafficPolicy");
  if (spec.internalTrafficPolicy) {
    if (*spec.internalTrafficPolicy != "Cluster" && *spec.internalTrafficPolicy != "Local") {
      errors.notSupported(internal, *spec.internalTrafficPolicy, {"Cluster", "Local"});
    }
  } else if (spec.type != "ExternalName" && !spec.type.empty()) {
    errors.required(internal);
  }
  if (spec.trafficDistribution) {
    const auto& value = *spec.trafficDistribution;
    if (value != "PreferClose" && value != "PreferSameZone" && value != "PreferSameNode") {
      errors.notSupported(path.child("trafficDistribution"), value,
                          {"PreferClose", "PreferSameZone", "PreferSameNode"});
    }
  }
}

void checkExternalIps(const ServiceSpec& spec, const ServiceSpec* current, const FieldPath& path,
                      FieldErrors& errors) {
  for (size_t i = 0; i < spec.externalIPs.size(); ++i) {
    const auto& ip = spec.externalIPs[i];
    const auto at = path.index(i);
    const auto messages =
        api::validateIpForLegacyField(ip, current && contains(current->externalIPs, ip));
    errors.invalidEach(at, ip, messages);
    if (messages.empty()) checkOrdinaryIp(ip, at, errors);
  }
}

void tellSecondaryReleased(const ServiceSpec& spec, std::string_view what, FieldErrors& errors) {
  if (spec.ipFamilyPolicy == "SingleStack") return;
  errors.invalid(
      FieldPath("spec").child("ipFamilyPolicy"),
      spec.ipFamilyPolicy ? api::FieldValue(*spec.ipFamilyPolicy) : api::FieldValue(nullptr),
      "must be set to 'SingleStack' when releasing the secondary " + std::string(what));
}

/// The address that is first stays; the second may come, and go where the policy says so.
void checkClusterIpsKept(const ServiceSpec& next, const ServiceSpec& current, FieldErrors& errors) {
  const FieldPath root("spec");
  const auto path = root.child("clusterIPs");
  const auto& now = next.clusterIPs;
  const auto& was = current.clusterIPs;
  if (now.size() == was.size()) {
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i] != was[i]) errors.invalid(path.index(i), now, kOnceSet);
    }
    return;
  }
  if (now.empty()) errors.invalid(path.index(0), now, "primary clusterIP can not be unset");
  if (!now.empty() && !was.empty() && now[0] != was[0])
    errors.invalid(path.index(0), now, kOnceSet);
  if (now.size() < was.size() && now.size() == 1) tellSecondaryReleased(next, "clusterIP", errors);
}

/// Upstream tells of some changes with the addresses instead of the families.
void checkFamiliesKept(const ServiceSpec& next, const ServiceSpec& current, FieldErrors& errors) {
  if (isHeadless(next) || isHeadless(current)) return;
  const FieldPath root("spec");
  const auto first = root.child("ipFamilies").index(0);
  const auto& now = next.ipFamilies;
  const auto& was = current.ipFamilies;
  if (now.size() == was.size()) {
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i] != was[i]) errors.invalid(first, now, kOnceSet);
    }
    return;
  }
  if (now.size() < was.size() && next.clusterIPs.empty())
    errors.invalid(first, now, "primary ipFamily can not be unset");
  if (!now.empty() && !was.empty() && now[0] != was[0])
    errors.invalid(first, next.clusterIPs, kOnceSet);
  if (now.size() < was.size() && now.size() == 1) tellSecondaryReleased(next, "ipFamily", errors);
}

void checkAllocationKept(const ServiceSpec& next, const ServiceSpec& current, FieldErrors& errors) {
  if (next.type == "ExternalName" || current.type == "ExternalName") return;
  if (isHeadless(next) && isHeadless(current)) return;
  checkClusterIpsKept(next, current, errors);
  checkFamiliesKept(next, current, errors);
}

}  // namespace

bool isExternallyReachable(const ServiceSpec& spec) {
  return spec.type == "NodePort" || spec.type == "LoadBalancer" ||
         (spec.type == "ClusterIP" && !spec.externalIPs.empty());
}

bool needsHealthCheck(const ServiceSpec& spec) {
  return spec.type == "LoadBalancer" && spec.externalTrafficPolicy == "Local";
}

void validateService(const Service& service, const Service* current, FieldErrors& errors) {
  const auto& spec = service.spec;
  const auto* old = current ? &current->spec : nullptr;
  const auto* hints =
      service.metadata.annotations.get("service.kubernetes.io/topology-aware-hints");
  const auto* mode = service.metadata.annotations.get("service.kubernetes.io/topology-mode");
  if (hints && mode && *hints != *mode) {
    errors.invalid(
        FieldPath("metadata").child("annotations").key("service.kubernetes.io/topology-mode"),
        *mode,
        "must match annotations[service.kubernetes.io/topology-aware-hints] when both "
        "are specified");
  }
  const FieldPath path("spec");
  const auto ports = path.child("ports");
  if (spec.ports.empty() && !isHeadless(spec) && spec.type != "ExternalName") {
    errors.required(ports);
  }
  checkType(spec, path, errors);
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    checkPort(spec.ports[i], spec.ports.size() > 1, names, ports.index(i), errors);
  }
  validateLabels(spec.selector, path.child("selector"), errors);
  checkAffinity(spec, path, errors);
  checkClusterIps(spec, old, errors);
  checkExternalIps(spec, old, path.child("externalIPs"), errors);
  checkOneOf(spec.type, {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"},
             path.child("type"), errors);
  checkPortsAmongThemselves(spec, path, errors);
  checkLoadBalancerFields(service, current, path, errors);
  checkTrafficPolicies(spec, path, errors);
}

void validateServiceUpdate(const Service& next, const Service& current, FieldErrors& errors) {
  // Where the addresses do not fit the families, upstream tells that alone.
  FieldErrors addresses;
  checkClusterIps(next.spec, &current.spec, addresses);
  if (!addresses.empty()) return errors.append(std::move(addresses));
  checkAllocationKept(next.spec, current.spec, errors);
  if (next.spec.type == "LoadBalancer" && current.spec.type == "LoadBalancer" &&
      next.spec.loadBalancerClass != current.spec.loadBalancerClass) {
    errors.invalid(FieldPath("spec").child("loadBalancerClass"),
                   next.spec.loadBalancerClass ? api::FieldValue(*next.spec.loadBalancerClass)
                                               : api::FieldValue(nullptr),
                   kOnceSet);
  }
  checkLoadBalancerClass(next.spec, errors);
  if (needsHealthCheck(next.spec) && needsHealthCheck(current.spec) &&
      next.spec.healthCheckNodePort != current.spec.healthCheckNodePort) {
    errors.forbidden(FieldPath("spec").child("healthCheckNodePort"), kImmutableText);
  }
  validateService(next, &current, errors);
}

void validateLoadBalancerStatus(const Service& next, const Service& current, FieldErrors& errors) {
  const auto path = FieldPath("status").child("loadBalancer").child("ingress");
  const auto& list = next.status.loadBalancer.ingress;
  if (list.empty()) return;
  if (next.spec.type != "LoadBalancer") {
    return errors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
  }
  std::set<std::string_view> known;
  for (const auto& each : current.status.loadBalancer.ingress) known.insert(each.ip);
  for (size_t i = 0; i < list.size(); ++i) {
    const auto& ingress = list[i];
    const auto at = path.index(i);
    if (!ingress.ip.empty()) {
      errors.invalidEach(at.child("ip"), ingress.ip,
                         api::validateIpForLegacyField(ingress.ip, known.contains(ingress.ip)));
    }
    if (!ingress.ipMode) {
      if (!ingress.ip.empty()) {
        errors.required(at.child("ipMode"), "must be specified when `ip` is set");
      }
    } else if (ingress.ip.empty()) {
      errors.forbidden(at.child("ipMode"), "may not be specified when `ip` is not set");
    } else if (*ingress.ipMode != "VIP" && *ingress.ipMode != "Proxy") {
      errors.notSupported(at.child("ipMode"), *ingress.ipMode, {"Proxy", "VIP"});
    }
    if (!ingress.hostname.empty()) {
      checkDns1123Subdomain(ingress.hostname, at.child("hostname"), errors);
      if (api::parseIpSloppy(ingress.hostname)) {
        errors.invalid(at.child("hostname"), ingress.hostname,
                       "must be a DNS name, not an IP address");
      }
    }
  }
}

}  // namespace coxswain::apiserver
