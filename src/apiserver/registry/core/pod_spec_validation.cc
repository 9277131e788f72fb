#include <algorithm>
#include <map>

#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_internal_json.h"
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
    errors.invalidEach(searches.index(i), name, api::validateDns1123SubdomainWithUnderscore(name));
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

void checkResourceClaim(const v1::PodResourceClaim& claim, std::set<std::string_view>& names,
                        const FieldPath& path, FieldErrors& errors) {
  const auto name = path.child("name");
  if (!requireText(claim.name, name, errors)) {
    if (names.insert(claim.name).second) {
      checkDns1123Label(claim.name, name, errors);
    } else {
      errors.duplicate(name, claim.name);
    }
  }
  if (claim.resourceClaimName && claim.resourceClaimTemplateName) {
    errors.invalid(path, api::FieldValue::json(internalJson(claim)),
                   "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be "
                   "specified");
  }
  if (!claim.resourceClaimName && !claim.resourceClaimTemplateName) {
    errors.invalid(path, api::FieldValue::json(internalJson(claim)),
                   "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
  }
  if (claim.resourceClaimName)
    checkDns1123Subdomain(*claim.resourceClaimName, path.child("resourceClaimName"), errors);
  if (claim.resourceClaimTemplateName) {
    checkDns1123Subdomain(*claim.resourceClaimTemplateName, path.child("resourceClaimTemplateName"),
                          errors);
  }
}

void checkResourceClaims(const v1::PodSpec& spec, const PodSpecContext& context,
                         const FieldPath& path, FieldErrors& errors) {
  const bool isStatic = context.metadata != nullptr &&
                        context.metadata->annotations.contains(pods::kMirrorAnnotation);
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.resourceClaims.size(); ++i) {
    if (isStatic) {
      errors.forbidden(FieldPath().key(""), "static pods do not support resource claims");
    } else {
      checkResourceClaim(spec.resourceClaims[i], names, path.index(i), errors);
    }
  }
}

/// Ports of the host that a pod in its network takes are those of its containers; in a template
/// they may be left to the pod.
void checkHostNetworkPorts(const v1::PodSpec& spec, bool isTemplate, const FieldPath& path,
                           FieldErrors& errors) {
  if (!spec.hostNetwork) return;
  const auto list = path.child("containers");
  for (size_t c = 0; c < spec.containers.size(); ++c) {
    const auto ports = list.index(c).child("ports");
    for (size_t p = 0; p < spec.containers[c].ports.size(); ++p) {
      const auto& port = spec.containers[c].ports[p];
      if ((isTemplate && port.hostPort == 0) || port.hostPort == port.containerPort) continue;
      errors.invalid(ports.index(p).child("hostPort"), port.hostPort,
                     "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

/// Calls `visit` with the list's name, the index and what all kinds of containers have.
template <typename Visit>
void eachContainer(const v1::PodSpec& spec, Visit visit) {
  const auto each = [&](const auto& list, std::string_view name) {
    for (size_t i = 0; i < list.size(); ++i) {
      if constexpr (requires { list[i].ephemeralContainerCommon; }) {
        visit(name, i, list[i].ephemeralContainerCommon);
      } else {
        visit(name, i, list[i]);
      }
    }
  };
  each(spec.initContainers, "initContainers");
  each(spec.containers, "containers");
  each(spec.ephemeralContainers, "ephemeralContainers");
}

/// A pod may name very many of anything: what others refer to is sorted, and looked up.
std::vector<std::string_view> claimNames(const v1::PodSpec& spec) {
  std::vector<std::string_view> names;
  for (const auto& claim : spec.resourceClaims) names.push_back(claim.name);
  std::sort(names.begin(), names.end());
  return names;
}

/// Of those with one name the first comes first.
std::vector<const v1::Volume*> byName(std::vector<const v1::Volume*> volumes) {
  std::sort(volumes.begin(), volumes.end(), [](const auto* a, const auto* b) {
    return a->name != b->name ? a->name < b->name : a < b;
  });
  return volumes;
}

/// Variables come from files of emptyDir volumes only.
void checkFileVolumes(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::map<std::string_view, const v1::Volume*> volumes;
  eachContainer(spec, [&](std::string_view list, size_t index, const auto& container) {
    for (size_t i = 0; i < container.env.size(); ++i) {
      const auto& source = container.env[i].valueFrom;
      if (!source || !source->fileKeyRef) continue;
      const auto& name = source->fileKeyRef->volumeName;
      const auto at = path.child(list).index(index).child("env").index(i);
      const auto volumeName = at.child("valueFrom", "fileKeyRef", "volumeName");
      // The last one of a name counts.
      if (volumes.empty()) {
        for (const auto& each : spec.volumes) volumes[each.name] = &each;
      }
      const auto volume = volumes.find(name);
      if (volume == volumes.end()) {
        errors.notFound(volumeName, name);
      } else if (!volume->second->volumeSource.emptyDir) {
        errors.invalid(volumeName, name, "referenced volume must be of type emptyDir");
      }
    }
  });
}

void checkHostUsers(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kText = "when `hostUsers` is false";
  if (spec.hostUsers.value_or(true)) return;
  const auto told = [&](bool set, std::string_view name) {
    if (set) errors.forbidden(path.child(name), kText);
  };
  // Two of them are spelled as in Go.
  told(spec.hostNetwork, "hostNetwork");
  told(spec.hostPID, "HostPID");
  told(spec.hostIPC, "HostIPC");
  eachContainer(spec, [&](std::string_view list, size_t index, const auto& container) {
    if (container.volumeDevices.empty()) return;
    errors.forbidden(path.child(list).index(index).child("volumeDevices"), kText);
  });
}

void checkHostnameOverride(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  constexpr size_t kMax = 64;
  if (!spec.hostnameOverride) return;
  const auto at = path.child("hostnameOverride");
  if (spec.setHostnameAsFQDN.value_or(false))
    errors.forbidden(at, "may not be specified when setHostnameAsFQDN is true");
  if (spec.hostNetwork) errors.forbidden(at, "may not be specified when hostNetwork is true");
  if (spec.hostnameOverride->size() > kMax) errors.tooLong(at, kMax);
  checkDns1123Subdomain(*spec.hostnameOverride, at, errors);
}

void checkNames(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  checkHostnameOverride(spec, path, errors);
  if (!spec.serviceAccountName.empty())
    checkDns1123Subdomain(spec.serviceAccountName, path.child("serviceAccountName"), errors);
  if (!spec.nodeName.empty()) checkDns1123Subdomain(spec.nodeName, path.child("nodeName"), errors);
  if (spec.activeDeadlineSeconds &&
      (*spec.activeDeadlineSeconds < 1 || *spec.activeDeadlineSeconds > kMaxInt32)) {
    errors.invalid(path.child("activeDeadlineSeconds"), *spec.activeDeadlineSeconds,
                   api::rangeMessage(1, kMaxInt32));
  }
  if (!spec.hostname.empty()) checkDns1123Label(spec.hostname, path.child("hostname"), errors);
  if (!spec.subdomain.empty()) checkDns1123Label(spec.subdomain, path.child("subdomain"), errors);
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
    checkOneOf(*spec.preemptionPolicy, {"PreemptLowerPriority", "Never"},
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
    return errors.forbidden(path, "may not be set for a windows pod");
  if (!resources.claims.empty())
    errors.forbidden(path.child("claims"), "claims may not be set for Resources at pod-level");
  validateResourceRequirements(resources, claimNames(spec), path, errors, true);
  const api::PodResourcesOptions containersOnly{.excludeOverhead = true,
                                                .skipPodLevelResources = true};
  for (const auto& [name, sum] : api::podRequests(spec, containersOnly)) {
    const auto* ofPod = resources.requests.get(name);
    if (ofPod == nullptr || sum <= *ofPod) continue;
    errors.invalid(path.child("requests").key(name), *ofPod,
                   "must be greater than or equal to aggregate container requests of " + sum.str());
  }
  for (const auto& [name, sum] : api::podLimits(spec, containersOnly)) {
    const auto* ofPod = resources.limits.get(name);
    if (!api::isHugePages(name) || ofPod == nullptr || sum <= *ofPod) continue;
    errors.invalid(path.child("limits").key(name), *ofPod,
                   "must be greater than or equal to aggregate container limits of " + sum.str());
  }
  // Upstream tells of containers below the resources of the pod.
  const auto list = path.child("containers");
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    for (const auto& [name, limit] : spec.containers[i].resources.limits) {
      const auto* ofPod = resources.limits.get(name);
      if (ofPod == nullptr || limit <= *ofPod) continue;
      errors.invalid(list.index(i).key(name).child("limits"), limit,
                     "must be less than or equal to pod limits of " + ofPod->str());
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
      byName(pods::checkVolumes(spec.volumes, context.isTemplate, path.child("volumes"), errors,
                                context.metadata)),
      claimNames(spec)};
  checkResourceClaims(spec, context, path.child("resourceClaims"), errors);
  pods::checkContainers(scope, path, errors);
  pods::checkPodLevelResources(spec, path.child("resources"), errors);
  checkHostNetworkPorts(spec, context.isTemplate, path, errors);
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
  pods::checkHostProcess(spec, path, errors);
  checkHostUsers(spec, path, errors);
  checkNames(spec, path, errors);
  checkRest(spec, path, errors);
  pods::checkOs(spec, path, errors);
  checkFileVolumes(spec, path, errors);
}

void validatePodTemplateMetadata(const v1::PodTemplateSpec& podTemplate, const FieldPath& path,
                                 FieldErrors& errors) {
  // Upstream does not tell that these two stand in the metadata.
  validateLabels(podTemplate.metadata.labels, path.child("labels"), errors);
  const auto annotations = path.child("annotations");
  validateAnnotations(podTemplate.metadata.annotations, annotations, errors);
  pods::checkPodAnnotations(podTemplate.metadata.annotations, podTemplate.spec, annotations,
                            errors);
}

void validatePodTemplate(const v1::PodTemplateSpec& podTemplate, const FieldPath& path,
                         FieldErrors& errors) {
  validatePodTemplateMetadata(podTemplate, path, errors);
  const auto spec = path.child("spec");
  validatePodSpec(podTemplate.spec, spec, errors, {.isTemplate = true});
  pods::checkProfileAnnotations(podTemplate.metadata.annotations, podTemplate.spec, spec, errors);
  if (!podTemplate.spec.ephemeralContainers.empty()) {
    errors.forbidden(spec.child("ephemeralContainers"),
                     "ephemeral containers not allowed in pod template");
  }
}

}  // namespace coxswain::apiserver
