#include "api/helpers/quota.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/resource_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::api {

using core::v1::PersistentVolumeClaim;
using core::v1::Pod;
using core::v1::ResourceQuotaSpec;
using core::v1::ScopedResourceSelectorRequirement;
using core::v1::Service;
using resource::v1::ResourceClaim;

namespace {

constexpr std::string_view kDeviceClassSuffix = ".deviceclass.resource.k8s.io/devices";
/// What a request for all devices counts as: a claim cannot have more.
constexpr int64_t kDevicesMax = 32;

constexpr std::string_view kClassSuffix = ".storageclass.storage.k8s.io/";
constexpr std::string_view kComputed[] = {"cpu", "memory", "ephemeral-storage"};

std::string countName(QuotaKind kind) {
  std::string name = "count/" + std::string(kind.plural);
  if (!kind.group.empty()) name.append(".").append(kind.group);
  return name;
}

/// Kinds that also have their plural as a name, from before there was "count/".
bool hasPlainName(QuotaKind kind) {
  constexpr std::string_view kPlain[] = {"pods",
                                         "services",
                                         "configmaps",
                                         "secrets",
                                         "replicationcontrollers",
                                         "resourcequotas",
                                         "persistentvolumeclaims"};
  return kind.group.empty() &&
         std::find(std::begin(kPlain), std::end(kPlain), kind.plural) != std::end(kPlain);
}

bool isComputed(std::string_view name) {
  return std::find(std::begin(kComputed), std::end(kComputed), name) != std::end(kComputed);
}

bool concernsPods(std::string_view resource) {
  if (isComputed(resource) || isHugePages(resource)) return true;
  if (resource.starts_with("limits.")) return isComputed(resource.substr(7));
  if (!resource.starts_with("requests.")) return false;
  const auto name = resource.substr(9);
  return isComputed(name) || isHugePages(name) || isExtendedResource(name);
}

bool isOver(const Pod& pod, Time now) {
  if (isPodTerminal(pod)) return true;
  if (!pod.metadata.deletionTimestamp) return false;
  const int64_t grace = pod.metadata.deletionGracePeriodSeconds.value_or(0);
  return now.unix() > pod.metadata.deletionTimestamp->unix() + grace;
}

void addPod(const Pod& pod, Time now, ResourceList& usage) {
  if (isOver(pod, now)) return;
  usage["pods"] = Quantity::fromInt(1);
  PodResourcesOptions options;
  options.useStatusResources = true;
  for (const auto& [name, amount] : podRequests(pod, options)) {
    if (isComputed(name) || isHugePages(name)) usage[name] = amount;
    if (isComputed(name) || isHugePages(name) || isExtendedResource(name)) {
      usage["requests." + name] = amount;
    }
  }
  for (const auto& [name, amount] : podLimits(pod, options)) {
    if (isComputed(name)) usage["limits." + name] = amount;
  }
}

void addService(const Service& service, ResourceList& usage) {
  const auto& ports = service.spec.ports;
  const auto all = static_cast<int64_t>(ports.size());
  if (service.spec.type == "NodePort") usage["services.nodeports"] = Quantity::fromInt(all);
  if (service.spec.type != "LoadBalancer") return;
  usage["services.loadbalancers"] = Quantity::fromInt(1);
  const bool allocates = service.spec.allocateLoadBalancerNodePorts.value_or(true);
  const auto named = std::count_if(ports.begin(), ports.end(),
                                   [](const auto& port) { return port.nodePort != 0; });
  usage["services.nodeports"] = Quantity::fromInt(allocates ? all : named);
}

void addClaim(const PersistentVolumeClaim& claim, ResourceList& usage) {
  std::string prefix;
  const auto* old = claim.metadata.annotations.get("volume.beta.kubernetes.io/storage-class");
  const auto name = old != nullptr ? *old : claim.spec.storageClassName.value_or("");
  if (!name.empty()) prefix = name + std::string(kClassSuffix);
  if (!prefix.empty()) usage[prefix + "persistentvolumeclaims"] = Quantity::fromInt(1);
  const auto* storage = claim.spec.resources.requests.get("storage");
  if (storage == nullptr) return;
  auto amount = *storage;
  // A claim that was made smaller again may still grow to what it asked for before.
  const auto* allocated = claim.status.allocatedResources.get("storage");
  if (allocated != nullptr && *allocated > amount) amount = *allocated;
  amount.roundUp(Quantity::Unit);
  usage["requests.storage"] = amount;
  if (!prefix.empty()) usage[prefix + "requests.storage"] = amount;
}

template <typename Request>
int64_t devicesOf(const Request& request) {
  return request.allocationMode == "All" ? kDevicesMax : request.count;
}

void addDevices(const ResourceClaim& claim, ResourceList& usage) {
  for (const auto& request : claim.spec.devices.requests) {
    std::map<std::string, int64_t> most;  // of alternatives one comes true
    if (request.exactly) most[request.exactly->deviceClassName] = devicesOf(*request.exactly);
    for (const auto& one : request.firstAvailable) {
      auto& count = most[one.deviceClassName];
      count = std::max(count, devicesOf(one));
    }
    for (const auto& [name, count] : most) {
      usage[name + std::string(kDeviceClassSuffix)] += Quantity::fromInt(count);
    }
  }
}

/// As a label selector judges a label that has the name as its value (empty: is not there).
bool selects(const ScopedResourceSelectorRequirement& scope, const std::string& name) {
  const bool listed =
      std::find(scope.values.begin(), scope.values.end(), name) != scope.values.end();
  if (scope.operator_ == "In") return !name.empty() && listed;
  if (scope.operator_ == "NotIn") return name.empty() || !listed;
  if (scope.operator_ == "Exists") return !name.empty();
  return scope.operator_ == "DoesNotExist" && name.empty();
}

bool holdsOfPod(const ScopedResourceSelectorRequirement& scope, const Pod& pod) {
  const bool limited = pod.spec.activeDeadlineSeconds.value_or(-1) >= 0;
  if (scope.scopeName == "Terminating") return limited;
  if (scope.scopeName == "NotTerminating") return !limited;
  if (scope.scopeName == "BestEffort") return podQosClass(pod) == "BestEffort";
  if (scope.scopeName == "NotBestEffort") return podQosClass(pod) != "BestEffort";
  if (scope.scopeName == "CrossNamespacePodAffinity") return crossesNamespaces(pod);
  return scope.scopeName == "PriorityClass" && selects(scope, pod.spec.priorityClassName);
}

/// Any of the classes that the claim has, is to have, or is on its way to.
bool holdsOfClaim(const ScopedResourceSelectorRequirement& scope,
                  const PersistentVolumeClaim& claim) {
  if (scope.scopeName != "VolumeAttributesClass") return false;
  std::set<std::string> names;
  if (claim.spec.volumeAttributesClassName) names.insert(*claim.spec.volumeAttributesClassName);
  const auto& status = claim.status;
  if (status.currentVolumeAttributesClassName) {
    names.insert(*status.currentVolumeAttributesClassName);
  }
  if (status.modifyVolumeStatus) {
    names.insert(status.modifyVolumeStatus->targetVolumeAttributesClassName);
  }
  names.erase("");
  if (names.empty()) return selects(scope, "");
  return std::any_of(names.begin(), names.end(),
                     [&scope](const std::string& name) { return selects(scope, name); });
}

}  // namespace

bool quotaIgnores(QuotaKind kind) {
  return kind.plural == "events" && (kind.group.empty() || kind.group == "events.k8s.io");
}

bool quotaConcerns(QuotaKind kind, std::string_view resource) {
  if (quotaIgnores(kind)) return false;
  if (resource == countName(kind)) return true;
  if (hasPlainName(kind) && resource == kind.plural) return true;
  if (kind.group == "resource.k8s.io" && kind.plural == "resourceclaims") {
    return resource.ends_with(kDeviceClassSuffix);
  }
  if (!kind.group.empty()) return false;
  if (kind.plural == "pods") return concernsPods(resource);
  if (kind.plural == "services") {
    return resource == "services.nodeports" || resource == "services.loadbalancers";
  }
  if (kind.plural != "persistentvolumeclaims") return false;
  return resource == "requests.storage" || resource.find(kClassSuffix) != std::string_view::npos;
}

std::vector<ScopedResourceSelectorRequirement> quotaScopes(const ResourceQuotaSpec& quota) {
  std::vector<ScopedResourceSelectorRequirement> scopes;
  for (const auto& name : quota.scopes) {
    auto& scope = scopes.emplace_back();
    scope.scopeName = name;
    scope.operator_ = "Exists";
  }
  if (!quota.scopeSelector) return scopes;
  const auto& selected = quota.scopeSelector->matchExpressions;
  scopes.insert(scopes.end(), selected.begin(), selected.end());
  return scopes;
}

bool quotaScopeHolds(const ScopedResourceSelectorRequirement& scope, const ConstObject& object) {
  if (const auto* pod = object.as<Pod>()) return holdsOfPod(scope, *pod);
  const auto* claim = object.as<PersistentVolumeClaim>();
  return claim != nullptr && holdsOfClaim(scope, *claim);
}

bool crossesNamespaces(const Pod& pod) {
  if (!pod.spec.affinity) return false;
  auto crosses = [](const core::v1::PodAffinityTerm& term) {
    return !term.namespaces.empty() || term.namespaceSelector.has_value();
  };
  auto any = [&crosses](const auto& affinity) {
    if (!affinity) return false;
    for (const auto& term : affinity->requiredDuringSchedulingIgnoredDuringExecution) {
      if (crosses(term)) return true;
    }
    for (const auto& weighted : affinity->preferredDuringSchedulingIgnoredDuringExecution) {
      if (crosses(weighted.podAffinityTerm)) return true;
    }
    return false;
  };
  return any(pod.spec.affinity->podAffinity) || any(pod.spec.affinity->podAntiAffinity);
}

bool quotaMatches(const ResourceQuotaSpec& quota, const ConstObject& object) {
  if (quota.scopes.empty() && !quota.scopeSelector) return true;
  for (const auto& scope : quotaScopes(quota)) {
    if (!quotaScopeHolds(scope, object)) return false;
  }
  return true;
}

ResourceList quotaUsage(QuotaKind kind, const ConstObject& object, Time now) {
  ResourceList usage;
  const auto one = Quantity::fromInt(1);
  usage[countName(kind)] = one;
  if (const auto* pod = object.as<Pod>()) {
    addPod(*pod, now, usage);
    return usage;
  }
  if (hasPlainName(kind)) usage[kind.plural] = one;
  if (const auto* service = object.as<Service>()) addService(*service, usage);
  if (const auto* claim = object.as<PersistentVolumeClaim>()) addClaim(*claim, usage);
  if (const auto* claim = object.as<ResourceClaim>()) addDevices(*claim, usage);
  return usage;
}

std::string quotaMissing(const Pod& pod, const ResourceList& hard) {
  std::map<std::string, std::set<std::string>> missing;
  const auto* whole = pod.spec.resources.get();
  auto look = [&](const core::v1::Container& container) {
    const auto& own = container.resources;
    for (const char* base : {"cpu", "memory"}) {
      const bool requests =
          own.requests.contains(base) || (whole != nullptr && whole->requests.contains(base));
      const bool limits =
          own.limits.contains(base) || (whole != nullptr && whole->limits.contains(base));
      auto need = [&](const std::string& name, bool present) {
        if (!present && hard.contains(name)) missing[name].insert(container.name);
      };
      need(base, requests);
      need(std::string("requests.") + base, requests);
      need(std::string("limits.") + base, limits);
    }
  };
  for (const auto& container : pod.spec.containers) look(container);
  for (const auto& container : pod.spec.initContainers) look(container);
  std::string out;
  for (const auto& [name, containers] : missing) {
    out += (out.empty() ? "must specify " : "; ") + name + " for: ";
    bool first = true;
    for (const auto& container : containers) {
      out += (first ? "" : ",") + container;
      first = false;
    }
  }
  return out;
}

}  // namespace coxswain::api
