#include "api/helpers/quota.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::api {

using core::v1::PersistentVolumeClaim;
using core::v1::Pod;
using core::v1::ResourceQuotaSpec;
using core::v1::ScopedResourceSelectorRequirement;
using core::v1::Service;

namespace {

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
  for (std::string_view prefix : {"requests.", "limits."}) {
    if (!resource.starts_with(prefix)) continue;
    const auto name = resource.substr(prefix.size());
    const bool extended = prefix == "requests." && isExtendedResource(name);
    return isComputed(name) || isHugePages(name) || extended;
  }
  return false;
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
    if (isComputed(name) || isHugePages(name)) usage["limits." + name] = amount;
  }
}

void addService(const Service& service, ResourceList& usage) {
  const auto ports = Quantity::fromInt(static_cast<int64_t>(service.spec.ports.size()));
  if (service.spec.type == "NodePort") usage["services.nodeports"] = ports;
  if (service.spec.type != "LoadBalancer") return;
  usage["services.loadbalancers"] = Quantity::fromInt(1);
  if (service.spec.allocateLoadBalancerNodePorts.value_or(true))
    usage["services.nodeports"] = ports;
}

void addClaim(const PersistentVolumeClaim& claim, ResourceList& usage) {
  std::string prefix;
  const auto* old = claim.metadata.annotations.get("volume.beta.kubernetes.io/storage-class");
  const auto name = old != nullptr ? *old : claim.spec.storageClassName.value_or("");
  if (!name.empty()) prefix = name + std::string(kClassSuffix);
  if (!prefix.empty()) usage[prefix + "persistentvolumeclaims"] = Quantity::fromInt(1);
  const auto* storage = claim.spec.resources.requests.get("storage");
  if (storage == nullptr) return;
  usage["requests.storage"] = *storage;
  if (!prefix.empty()) usage[prefix + "requests.storage"] = *storage;
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

bool scopeHolds(const ScopedResourceSelectorRequirement& scope, const Pod& pod) {
  const bool limited = pod.spec.activeDeadlineSeconds.value_or(-1) >= 0;
  if (scope.scopeName == "Terminating") return limited;
  if (scope.scopeName == "NotTerminating") return !limited;
  if (scope.scopeName == "BestEffort") return podQosClass(pod) == "BestEffort";
  if (scope.scopeName == "NotBestEffort") return podQosClass(pod) != "BestEffort";
  if (scope.scopeName == "CrossNamespacePodAffinity") return crossesNamespaces(pod);
  if (scope.scopeName != "PriorityClass") return false;
  const auto& name = pod.spec.priorityClassName;
  const bool listed =
      std::find(scope.values.begin(), scope.values.end(), name) != scope.values.end();
  if (scope.operator_ == "In") return !name.empty() && listed;
  if (scope.operator_ == "NotIn") return !listed;
  if (scope.operator_ == "Exists") return !name.empty();
  return scope.operator_ == "DoesNotExist" && name.empty();
}

}  // namespace

bool quotaConcerns(QuotaKind kind, std::string_view resource) {
  if (resource == countName(kind)) return true;
  if (hasPlainName(kind) && resource == kind.plural) return true;
  if (!kind.group.empty()) return false;
  if (kind.plural == "pods") return concernsPods(resource);
  if (kind.plural == "services") {
    return resource == "services.nodeports" || resource == "services.loadbalancers";
  }
  if (kind.plural != "persistentvolumeclaims") return false;
  return resource == "requests.storage" || resource.find(kClassSuffix) != std::string_view::npos;
}

bool quotaMatches(const ResourceQuotaSpec& quota, const ConstObject& object) {
  const bool scoped = !quota.scopes.empty() || quota.scopeSelector;
  if (!scoped) return true;
  const auto* pod = object.as<Pod>();
  if (pod == nullptr) return false;
  for (const auto& name : quota.scopes) {
    ScopedResourceSelectorRequirement scope;
    scope.scopeName = name;
    scope.operator_ = "Exists";
    if (!scopeHolds(scope, *pod)) return false;
  }
  if (!quota.scopeSelector) return true;
  const auto& selected = quota.scopeSelector->matchExpressions;
  return std::all_of(selected.begin(), selected.end(),
                     [pod](const auto& scope) { return scopeHolds(scope, *pod); });
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
  return usage;
}

}  // namespace coxswain::api
