#include <algorithm>

#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kMirror = "kubernetes.io/config.mirror";
constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr std::string_view kAppArmor = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kSpecText =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

bool isInt32(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 10 ||
      digits.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  // "+1", "-0" and leading zeros are not written so.
  if (digits.front() == '0' && text.size() > 1) return false;
  const int64_t value = std::stoll(std::string(digits)) * (negative ? -1 : 1);
  return value >= INT32_MIN && value <= INT32_MAX;
}

void checkAnnotations(const v1::Pod& pod, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const auto path = metadata.child("annotations");
  const auto& annotations = pod.metadata.annotations;
  if (const auto* mirror = annotations.get(kMirror); mirror != nullptr && pod.spec.nodeName.empty())
    errors.invalid(path.key(kMirror), *mirror,
                   "must set spec.nodeName if mirror pod annotation is set");
  if (const auto* cost = annotations.get(kDeletionCost); cost != nullptr && !isInt32(*cost))
    errors.invalid(path.key(kDeletionCost), *cost, "must be a 32bit integer");
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kAppArmor)) continue;
    const std::string_view name = std::string_view(key).substr(kAppArmor.size());
    const auto named = [&](const auto& c) { return c.name == name; };
    const auto& spec = pod.spec;
    if (std::none_of(spec.containers.begin(), spec.containers.end(), named) &&
        std::none_of(spec.initContainers.begin(), spec.initContainers.end(), named) &&
        std::none_of(spec.ephemeralContainers.begin(), spec.ephemeralContainers.end(),
                     [&](const auto& c) { return c.ephemeralContainerCommon.name == name; })) {
      errors.invalid(path.key(key), name, "container not found");
    }
  }
}

void checkAnnotationsUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const auto path = metadata.child("annotations");
  const auto* a = current.metadata.annotations.get(kMirror);
  const auto* b = next.metadata.annotations.get(kMirror);
  if (a == nullptr && b != nullptr) {
    errors.forbidden(path.key(kMirror), "may not add mirror pod annotation");
  } else if (a != nullptr && b == nullptr) {
    errors.forbidden(path.key(kMirror), "may not remove mirror pod annotation");
  } else if (a != nullptr && *a != *b) {
    errors.forbidden(path.key(kMirror), "may not update mirror pod annotation");
  }
  for (const auto& [key, value] : current.metadata.annotations) {
    if (!key.starts_with(kAppArmor)) continue;
    const auto* now = next.metadata.annotations.get(key);
    if (now == nullptr || *now != value)
      errors.forbidden(path.key(key), "may not remove or update AppArmor annotations");
  }
  for (const auto& [key, value] : next.metadata.annotations) {
    if (key.starts_with(kAppArmor) && !current.metadata.annotations.contains(key))
      errors.forbidden(path.key(key), "may not add AppArmor annotations");
  }
}

void checkDeadline(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                   FieldErrors& errors) {
  if (!current.activeDeadlineSeconds) return;
  const auto at = path.child("activeDeadlineSeconds");
  if (!next.activeDeadlineSeconds) {
    errors.invalid(at, nullptr, "must not update from a positive integer to nil value");
  } else if (*next.activeDeadlineSeconds > *current.activeDeadlineSeconds) {
    errors.invalid(at, *next.activeDeadlineSeconds, "must be less than or equal to previous value");
  }
}

void checkOnlyAddedTolerations(const v1::PodSpec& next, const v1::PodSpec& current,
                               const FieldPath& path, FieldErrors& errors) {
  for (v1::Toleration was : current.tolerations) {
    const bool kept = std::any_of(next.tolerations.begin(), next.tolerations.end(),
                                  [&](const v1::Toleration& now) {
                                    was.tolerationSeconds = now.tolerationSeconds;
                                    return was == now;
                                  });
    if (!kept) {
      errors.forbidden(path.child("tolerations"),
                       "existing toleration can not be modified except its tolerationSeconds");
      return;
    }
  }
}

void checkGates(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                FieldErrors& errors) {
  for (size_t i = 0; i < next.schedulingGates.size(); ++i) {
    const auto& name = next.schedulingGates[i].name;
    const bool old = std::any_of(current.schedulingGates.begin(), current.schedulingGates.end(),
                                 [&](const auto& gate) { return gate.name == name; });
    if (!old) {
      errors.forbidden(path.child("schedulingGates").index(i).child("name"),
                       "only deletion is allowed, but found new scheduling gate '" + name + "'");
    }
  }
}

const v1::NodeSelector* requiredNodes(const v1::PodSpec& spec) {
  if (!spec.affinity || !spec.affinity->nodeAffinity) return nullptr;
  return spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution.get();
}

bool startsWith(const std::vector<v1::NodeSelectorRequirement>& next,
                const std::vector<v1::NodeSelectorRequirement>& current) {
  return next.size() >= current.size() && std::equal(current.begin(), current.end(), next.begin());
}

/// A pod that waits at its gates may become choosier about nodes.
void checkGatedNarrowing(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                         FieldErrors& errors) {
  const bool narrowed =
      std::all_of(current.nodeSelector.begin(), current.nodeSelector.end(), [&](const auto& entry) {
        const auto* value = next.nodeSelector.get(entry.first);
        return value != nullptr && *value == entry.second;
      });
  if (!narrowed) {
    errors.invalid(path.child("nodeSelector"), next.nodeSelector,
                   "only additions are allowed to spec.nodeSelector (no mutations or deletions)");
  }
  const v1::NodeSelector* was = requiredNodes(current);
  if (was == nullptr) return;
  const v1::NodeSelector* now = requiredNodes(next);
  const auto at =
      path.child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  const auto terms = at.child("nodeSelectorTerms");
  if (now == nullptr || now->nodeSelectorTerms.size() != was->nodeSelectorTerms.size()) {
    errors.invalid(terms, now == nullptr ? api::FieldValue(nullptr) : asJson(*now),
                   "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    return;
  }
  for (size_t i = 0; i < was->nodeSelectorTerms.size(); ++i) {
    const auto& a = was->nodeSelectorTerms[i];
    const auto& b = now->nodeSelectorTerms[i];
    if (!startsWith(b.matchExpressions, a.matchExpressions) ||
        !startsWith(b.matchFields, a.matchFields)) {
      errors.invalid(terms.index(i), asJson(b),
                     "only additions are allowed (no mutations or deletions)");
    }
  }
}

/// `next` with everything that an update may change set back.
v1::PodSpec withoutAllowedChanges(const v1::PodSpec& next, const v1::PodSpec& current) {
  v1::PodSpec spec = next;
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    spec.containers[i].image = current.containers[i].image;
  }
  for (size_t i = 0; i < spec.initContainers.size(); ++i) {
    spec.initContainers[i].image = current.initContainers[i].image;
  }
  spec.activeDeadlineSeconds = current.activeDeadlineSeconds;
  spec.tolerations = current.tolerations;
  spec.schedulingGates = current.schedulingGates;
  if (current.terminationGracePeriodSeconds.value_or(0) < 0 &&
      spec.terminationGracePeriodSeconds.value_or(0) == 1) {
    spec.terminationGracePeriodSeconds = current.terminationGracePeriodSeconds;
  }
  if (current.schedulingGates.empty()) return spec;
  spec.nodeSelector = current.nodeSelector;
  if (!spec.affinity || !spec.affinity->nodeAffinity) {
    if (requiredNodes(current) == nullptr) return spec;
  }
  const v1::NodeSelector* was = requiredNodes(current);
  auto& node = spec.affinity.getOrCreate().nodeAffinity.getOrCreate();
  if (was == nullptr) {
    node.requiredDuringSchedulingIgnoredDuringExecution.reset();
  } else {
    node.requiredDuringSchedulingIgnoredDuringExecution = *was;
  }
  // An affinity that held nothing but the addition was not there before.
  if (!current.affinity || !current.affinity->nodeAffinity) {
    if (node == v1::NodeAffinity()) spec.affinity->nodeAffinity.reset();
    if (!current.affinity && *spec.affinity == v1::Affinity()) spec.affinity.reset();
  }
  return spec;
}

/// `ips`: podIPs or hostIPs. At most one of each family.
template <typename T>
void checkIps(const std::vector<T>& ips, const FieldPath& path, FieldErrors& errors) {
  bool valid = true;
  size_t v6 = 0;
  std::string shown = "[";
  for (size_t i = 0; i < ips.size(); ++i) {
    const auto messages = api::validateIpForLegacyField(ips[i].ip);
    errors.invalidEach(path.index(i), ips[i].ip, messages);
    valid = valid && messages.empty();
    if (const auto ip = api::parseIpSloppy(ips[i].ip); ip && ip->v6) ++v6;
    shown += i > 0 ? ",{\"IP\":" : "{\"IP\":";
    api::appendJsonQuoted(shown, ips[i].ip);
    shown += "}";
  }
  if (valid && (v6 > 1 || ips.size() - v6 > 1)) {
    errors.invalid(path, api::FieldValue::json(shown + "]"),
                   "may specify no more than one IP for each IP family");
  }
}

/// A container that ended for good must not run again.
void checkStates(const std::vector<v1::ContainerStatus>& next,
                 const std::vector<v1::ContainerStatus>& current, const v1::PodSpec& spec,
                 const std::vector<v1::Container>& containers, const FieldPath& path,
                 FieldErrors& errors) {
  for (size_t i = 0; i < next.size(); ++i) {
    if (next[i].state.terminated) continue;
    const auto was = std::find_if(current.begin(), current.end(),
                                  [&](const auto& s) { return s.name == next[i].name; });
    if (was == current.end() || !was->state.terminated) continue;
    const auto container = std::find_if(containers.begin(), containers.end(),
                                        [&](const auto& c) { return c.name == was->name; });
    std::string policy = spec.restartPolicy;
    bool rules = false;
    if (container != containers.end()) {
      policy = container->restartPolicy.value_or(policy);
      rules = !container->restartPolicyRules.empty();
    }
    if (rules || policy == "Always") continue;
    if (policy == "OnFailure" && was->state.terminated->exitCode != 0) continue;
    errors.forbidden(path.index(i).child("state"),
                     "may not be transitioned to non-terminated state");
  }
}

}  // namespace

void checkPod(const v1::Pod& pod, bool allowEphemeralContainers, FieldErrors& errors) {
  checkAnnotations(pod, errors);
  validatePodSpec(
      pod.spec, FieldPath("spec"), errors,
      {.allowEphemeralContainers = allowEphemeralContainers, .metadata = &pod.metadata});
}

void checkPodUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  checkPod(next, true, errors);
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath path("spec");
  constexpr std::string_view kCount = "pod updates may not add or remove containers";
  if (next.spec.containers.size() != current.spec.containers.size()) {
    errors.forbidden(path.child("containers"), kCount);
    return;
  }
  if (next.spec.initContainers.size() != current.spec.initContainers.size()) {
    errors.forbidden(path.child("initContainers"), kCount);
    return;
  }
  checkDeadline(next.spec, current.spec, path, errors);
  checkOnlyAddedTolerations(next.spec, current.spec, path, errors);
  checkGates(next.spec, current.spec, path, errors);
  if (!current.spec.schedulingGates.empty())
    checkGatedNarrowing(next.spec, current.spec, path, errors);
  const v1::PodSpec rest = withoutAllowedChanges(next.spec, current.spec);
  if (!api::semanticEqual(rest, current.spec)) {
    errors.forbidden(path, std::string(kSpecText) + "\n" + objectDiff(current.spec, rest));
  }
}

void checkEphemeralContainersUpdate(const v1::Pod& next, const v1::Pod& current,
                                    FieldErrors& errors) {
  const FieldPath spec("spec");
  const auto path = spec.child("ephemeralContainers");
  const PodSpecContext context{.allowEphemeralContainers = true, .metadata = &next.metadata};
  FieldErrors ignored;  // the volumes were checked when the pod was made
  const ContainerScope scope{
      next.spec, context, checkVolumes(next.spec.volumes, false, spec.child("volumes"), ignored)};
  checkEphemeralContainers(scope, path, errors);
  if (current.metadata.annotations.contains(kMirror)) {
    errors.forbidden(path, "static pods do not support ephemeral containers");
  }
  for (const auto& was : current.spec.ephemeralContainers) {
    const std::string& name = was.ephemeralContainerCommon.name;
    const auto& list = next.spec.ephemeralContainers;
    const auto now = std::find_if(list.begin(), list.end(), [&](const auto& c) {
      return c.ephemeralContainerCommon.name == name;
    });
    if (now == list.end()) {
      errors.forbidden(
          path, "existing ephemeral containers " + api::goQuote(name) + " may not be removed\n");
    } else if (!api::semanticEqual(*now, was)) {
      errors.forbidden(path, "existing ephemeral containers " + api::goQuote(name) +
                                 " may not be changed\n" + objectDiff(was, *now));
    }
  }
}

void checkPodStatusUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath path("status");
  if (next.spec.nodeName != current.spec.nodeName)
    errors.forbidden(path.child("nodeName"), "may not be changed directly");
  const auto& status = next.status;
  if (!status.nominatedNodeName.empty()) {
    const auto at = path.child("nominatedNodeName");
    checkDns1123Subdomain(status.nominatedNodeName, at, errors);
    // What a binding cleared stays so.
    if (!current.spec.nodeName.empty() &&
        status.nominatedNodeName != current.status.nominatedNodeName) {
      errors.forbidden(at, "may not be set on a pod that is bound to a node");
    }
  }
  const v1::PodSpec& spec = current.spec;
  const auto states = [&](const auto& list, const auto& was, const auto& containers,
                          std::string_view name) {
    checkStates(list, was, spec, containers, path.child(name), errors);
  };
  states(status.containerStatuses, current.status.containerStatuses, spec.containers,
         "containerStatuses");
  // Sidecars start again whatever the policy.
  std::vector<v1::ContainerStatus> init;
  for (const auto& s : current.status.initContainerStatuses) {
    const auto container = std::find_if(spec.initContainers.begin(), spec.initContainers.end(),
                                        [&](const auto& c) { return c.name == s.name; });
    if (container == spec.initContainers.end() || !api::isSidecar(*container)) init.push_back(s);
  }
  states(status.initContainerStatuses, init, spec.initContainers, "initContainerStatuses");

  std::set<std::string_view> claims;
  for (size_t i = 0; i < status.resourceClaimStatuses.size(); ++i) {
    const auto& name = status.resourceClaimStatuses[i].name;
    const auto at = path.child("resourceClaimStatuses").index(i).child("name");
    const bool known = std::any_of(spec.resourceClaims.begin(), spec.resourceClaims.end(),
                                   [&](const auto& c) { return c.name == name; });
    if (!known)
      errors.invalid(at, name, "must match the name of an entry in `spec.resourceClaims`");
    if (!claims.insert(name).second) errors.duplicate(at, name);
  }
  if (!status.hostIPs.empty()) {
    const auto hosts = path.child("hostIPs");
    if (status.hostIPs.front().ip != status.hostIP)
      errors.invalid(hosts.index(0).child("ip"), status.hostIPs.front().ip,
                     "must be equal to `hostIP`");
    checkIps(status.hostIPs, hosts, errors);
  }
  checkIps(status.podIPs, path.child("podIPs"), errors);
  for (size_t i = 0; i < status.conditions.size(); ++i) {
    const auto& type = status.conditions[i].type;
    errors.invalidEach(path.child("conditions").index(i).child("Type"), type,
                       api::validateQualifiedName(type));
  }
  if (!current.status.qosClass.empty() && status.qosClass != current.status.qosClass)
    errors.invalid(path.child("qosClass"), status.qosClass, kImmutableText);
}

}  // namespace coxswain::apiserver::pods
