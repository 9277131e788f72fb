#include <algorithm>

#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr size_t kMaxNameservers = 3;
constexpr size_t kMaxSearches = 32;
constexpr size_t kMaxSearchChars = 2048;
constexpr int64_t kMaxInt32 = 2147483647;

void checkDns(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.dnsPolicy == "None") {
    if (!spec.dnsConfig) {
      errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if (spec.dnsConfig->nameservers.empty()) {
      errors.required(path.child("nameservers"),
                      "must provide at least one DNS nameserver when `dnsPolicy` is None");
      return;
    }
  }
  if (!spec.dnsConfig) return;
  const auto& dns = *spec.dnsConfig;
  const auto servers = path.child("nameservers");
  if (dns.nameservers.size() > kMaxNameservers) {
    errors.invalid(servers, dns.nameservers, "must not have more than 3 nameservers");
  }
  for (size_t i = 0; i < dns.nameservers.size(); ++i) {
    errors.invalidEach(servers.index(i), dns.nameservers[i],
                       api::validateIpForLegacyField(dns.nameservers[i]));
  }
  const auto searches = path.child("searches");
  if (dns.searches.size() > kMaxSearches)
    errors.invalid(searches, dns.searches, "must not have more than 32 search paths");
  size_t chars = dns.searches.empty() ? 0 : dns.searches.size() - 1;
  for (const auto& search : dns.searches) chars += search.size();
  if (chars > kMaxSearchChars) {
    errors.invalid(searches, dns.searches,
                   "must not have more than 2048 characters (including spaces) in the search list");
  }
  for (size_t i = 0; i < dns.searches.size(); ++i) {
    std::string_view name = dns.searches[i];
    if (name == ".") continue;
    if (name.ends_with('.')) name.remove_suffix(1);
    errors.invalidEach(searches.index(i), dns.searches[i],
                       api::validateDns1123SubdomainWithUnderscore(name));
  }
  for (size_t i = 0; i < dns.options.size(); ++i) {
    requireText(dns.options[i].name, path.child("options").index(i), errors, "must not be empty");
  }
}

void checkGates(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < spec.readinessGates.size(); ++i) {
    const auto& type = spec.readinessGates[i].conditionType;
    errors.invalidEach(path.child("readinessGates").index(i).child("conditionType"), type,
                       api::validateQualifiedName(type));
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.schedulingGates.size(); ++i) {
    const auto& name = spec.schedulingGates[i].name;
    const auto at = path.child("schedulingGates").index(i);
    errors.invalidEach(at, name, api::validateQualifiedName(name));
    if (!names.insert(name).second) errors.duplicate(at, name);
  }
}

void checkResourceClaims(const v1::PodSpec& spec, const PodSpecContext& context,
                         const FieldPath& path, FieldErrors& errors) {
  if (spec.resourceClaims.empty()) return;
  if (context.metadata != nullptr &&
      context.metadata->annotations.contains("kubernetes.io/config.mirror")) {
    errors.forbidden(path, "static pods do not support resource claims");
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.resourceClaims.size(); ++i) {
    const auto& claim = spec.resourceClaims[i];
    const auto at = path.index(i);
    if (!requireText(claim.name, at.child("name"), errors)) {
      if (!names.insert(claim.name).second) errors.duplicate(at.child("name"), claim.name);
      errors.invalidEach(at.child("name"), claim.name, api::validateDns1123Label(claim.name));
    }
    if (claim.resourceClaimName && claim.resourceClaimTemplateName) {
      errors.invalid(at, asJson(claim),
                     "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be "
                     "specified");
    } else if (!claim.resourceClaimName && !claim.resourceClaimTemplateName) {
      errors.invalid(at, asJson(claim),
                     "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    }
    if (claim.resourceClaimName)
      checkDns1123Subdomain(*claim.resourceClaimName, at.child("resourceClaimName"), errors);
    if (claim.resourceClaimTemplateName) {
      checkDns1123Subdomain(*claim.resourceClaimTemplateName, at.child("resourceClaimTemplateName"),
                            errors);
    }
  }
}

void checkHostUsers(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.hostUsers.value_or(true)) return;
  const auto told = [&](bool set, std::string_view name) {
    if (set) errors.forbidden(path.child(name), "when `hostUsers` is false");
  };
  told(spec.hostNetwork, "hostNetwork");
  told(spec.hostPID, "hostPID");
  told(spec.hostIPC, "hostIPC");
}

void checkNames(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!spec.serviceAccountName.empty())
    checkDns1123Subdomain(spec.serviceAccountName, path.child("serviceAccountName"), errors);
  if (!spec.nodeName.empty()) {
    const auto at = path.child("nodeName");
    checkDns1123Subdomain(spec.nodeName, at, errors);
    if (!spec.schedulingGates.empty())
      errors.forbidden(at, "cannot be set until all schedulingGates have been cleared");
  }
  if (spec.activeDeadlineSeconds &&
      (*spec.activeDeadlineSeconds < 1 || *spec.activeDeadlineSeconds > kMaxInt32)) {
    errors.invalid(path.child("activeDeadlineSeconds"), *spec.activeDeadlineSeconds,
                   api::rangeMessage(1, kMaxInt32));
  }
  if (!spec.hostname.empty()) checkDns1123Label(spec.hostname, path.child("hostname"), errors);
  if (!spec.subdomain.empty()) checkDns1123Label(spec.subdomain, path.child("subdomain"), errors);
  if (spec.hostnameOverride) {
    const auto at = path.child("hostnameOverride");
    if (spec.hostnameOverride->size() > 64) errors.tooLong(at, 64);
    checkDns1123Subdomain(*spec.hostnameOverride, at, errors);
    if (spec.setHostnameAsFQDN.value_or(false))
      errors.forbidden(at, "setHostnameAsFQDN and hostnameOverride cannot both be set");
    if (spec.hostNetwork)
      errors.forbidden(at, "hostnameOverride cannot be set when hostNetwork is true");
  }
}

void checkRest(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  validateTolerations(spec.tolerations, path.child("tolerations"), errors);
  for (size_t i = 0; i < spec.hostAliases.size(); ++i) {
    const auto& alias = spec.hostAliases[i];
    const auto at = path.child("hostAliases").index(i);
    errors.invalidEach(at.child("ip"), alias.ip, api::validateIpForLegacyField(alias.ip));
    for (size_t h = 0; h < alias.hostnames.size(); ++h) {
      checkDns1123Subdomain(alias.hostnames[h], at.child("hostnames").index(h), errors);
    }
  }
  if (!spec.priorityClassName.empty())
    checkDns1123Subdomain(spec.priorityClassName, path.child("priorityClassName"), errors);
  if (spec.runtimeClassName)
    checkDns1123Subdomain(*spec.runtimeClassName, path.child("runtimeClassName"), errors);
  if (spec.preemptionPolicy) {
    checkOneOf(*spec.preemptionPolicy, {"Never", "PreemptLowerPriority"},
               path.child("preemptionPolicy"), errors);
  }
  if (!spec.overhead.empty()) {
    v1::ResourceRequirements overhead;
    overhead.limits = spec.overhead;
    validateResourceRequirements(overhead, {}, path.child("overhead"), errors);
  }
}

}  // namespace

namespace pods {

void checkPodLevelResources(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!spec.resources) return;
  const auto& resources = *spec.resources;
  if (spec.os && spec.os->name == "windows")
    errors.forbidden(path, "may not be set for a windows pod");
  if (!resources.claims.empty()) {
    errors.forbidden(path.child("claims"), "claims may not be set for Resources at pod-level");
  }
  const auto supported = [&](const api::ResourceList& list, const FieldPath& at) {
    for (const auto& [name, amount] : list) {
      if (name != "cpu" && name != "memory" && !api::isHugePages(name))
        errors.notSupported(at.key(name), name, {"cpu", "hugepages-", "memory"});
    }
  };
  supported(resources.limits, path.child("limits"));
  supported(resources.requests, path.child("requests"));
  v1::ResourceRequirements plain = resources;
  plain.claims.clear();
  validateResourceRequirements(plain, {}, path, errors);
  const auto sum = api::podRequests(spec, {.excludeOverhead = true, .skipPodLevelResources = true});
  for (const auto& [name, amount] : resources.requests) {
    const auto* total = sum.get(name);
    if (total != nullptr && *total > amount) {
      errors.invalid(
          path.child("requests").key(name), amount,
          "must be greater than or equal to aggregate container requests of " + total->str());
    }
  }
  for (const auto& container : spec.containers) {
    for (const auto& [name, amount] : container.resources.limits) {
      const auto* limit = resources.limits.get(name);
      if (limit != nullptr && amount > *limit) {
        errors.invalid(
            path.child("limits").key(name), *limit,
            "must be greater than or equal to the limit of each container (" + amount.str() + ")");
        break;
      }
    }
  }
}

}  // namespace pods

void validatePodSpec(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors,
                     const PodSpecContext& context) {
  if (!spec.terminationGracePeriodSeconds)
    errors.required(path.child("terminationGracePeriodSeconds"));
  const pods::ContainerScope scope{
      spec, context,
      pods::checkVolumes(spec.volumes, context.isTemplate, path.child("volumes"), errors,
                         context.metadata)};
  checkResourceClaims(spec, context, path.child("resourceClaims"), errors);
  pods::checkContainers(scope, path, errors);
  pods::checkPodLevelResources(spec, path.child("resources"), errors);
  checkOneOf(spec.restartPolicy, {"Always", "OnFailure", "Never"}, path.child("restartPolicy"),
             errors);
  checkOneOf(spec.dnsPolicy, {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"},
             path.child("dnsPolicy"), errors);
  validateLabels(spec.nodeSelector, path.child("nodeSelector"), errors);
  pods::checkPodSecurityContext(spec, path, errors);
  if (spec.affinity) validateAffinity(*spec.affinity, path.child("affinity"), errors);
  checkDns(spec, path.child("dnsConfig"), errors);
  checkGates(spec, path, errors);
  pods::checkTopologySpread(spec.topologySpreadConstraints, path.child("topologySpreadConstraints"),
                            errors);
  checkHostUsers(spec, path, errors);
  checkNames(spec, path, errors);
  checkRest(spec, path, errors);
  pods::checkOs(spec, path, errors);
}

void validatePodTemplate(const v1::PodTemplateSpec& podTemplate, const FieldPath& path,
                         FieldErrors& errors) {
  const auto meta = path.child("metadata");
  validateLabels(podTemplate.metadata.labels, meta.child("labels"), errors);
  validateAnnotations(podTemplate.metadata.annotations, meta.child("annotations"), errors);
  validatePodSpec(podTemplate.spec, path.child("spec"), errors,
                  {.isTemplate = true, .metadata = &podTemplate.metadata});
}

}  // namespace coxswain::apiserver
