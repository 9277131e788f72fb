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
constexpr std::string_view kSeccompPod = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccomp = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kLocalhost = "localhost/";
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

/// A profile that containers could be given by annotation before there were fields.
void checkAppArmorAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                              const FieldPath& path, FieldErrors& errors) {
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kAppArmor)) continue;
    const std::string_view name = std::string_view(key).substr(kAppArmor.size());
    const auto named = [&](const auto& c) { return c.name == name; };
    if (std::none_of(spec.containers.begin(), spec.containers.end(), named) &&
        std::none_of(spec.initContainers.begin(), spec.initContainers.end(), named) &&
        std::none_of(spec.ephemeralContainers.begin(), spec.ephemeralContainers.end(),
                     [&](const auto& c) { return c.ephemeralContainerCommon.name == name; })) {
      errors.invalid(path.key(key), name, "container not found");
    }
    if (!value.empty() && value != "runtime/default" && value != "unconfined" &&
        !value.starts_with("localhost/")) {
      errors.invalid(path.key(key), value, "invalid AppArmor profile name: " + api::goQuote(value));
    }
  }
}

void checkSeccompAnnotation(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (value == "runtime/default" || value == "docker/default" || value == "unconfined") return;
  if (value.starts_with(kLocalhost)) {
    return checkDescendingPath(value.substr(kLocalhost.size()), path, errors);
  }
  errors.invalid(path, value, "must be a valid seccomp profile");
}

void checkAnnotationsUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const auto path = metadata.child("annotations");
  const auto& now = next.metadata.annotations;
  const auto& was = current.metadata.annotations;
  for (const auto& [key, value] : was) {
    const auto* kept = now.get(key);
    if (kept != nullptr && *kept == value) continue;
    if (key.starts_with(kAppArmor))
      errors.forbidden(path.key(key), "may not remove or update AppArmor annotations");
    if (key == kMirror)
      errors.forbidden(path.key(key), "may not remove or update mirror pod annotation");
  }
  for (const auto& [key, value] : now) {
    if (was.contains(key)) continue;
    if (key.starts_with(kAppArmor))
      errors.forbidden(path.key(key), "may not add AppArmor annotations");
    if (key == kMirror) errors.forbidden(path.key(key), "may not add mirror pod annotation");
  }
  checkPodAnnotations(now, next.spec, path, errors);
}

/// Images, told of once more than by the rules of containers. False: another number of containers,
/// after which there is nothing to compare.
bool checkContainersUpdate(const std::vector<v1::Container>& next,
                           const std::vector<v1::Container>& current, const FieldPath& path,
                           FieldErrors& errors) {
  if (next.size() != current.size()) {
    errors.forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (size_t i = 0; i < next.size(); ++i) {
    const auto image = path.index(i).child("image");
    requireText(next[i].image, image, errors);
    checkImageText(next[i].image, image, errors);
  }
  return true;
}

/// It may come, and shrink. False: nothing more is to be told.
bool checkDeadline(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                   FieldErrors& errors) {
  const auto at = path.child("activeDeadlineSeconds");
  const auto& now = next.activeDeadlineSeconds;
  const auto& was = current.activeDeadlineSeconds;
  if (!now) {
    if (was) errors.invalid(at, nullptr, "must not update from a positive integer to nil value");
    return true;
  }
  if (*now < 0 || *now > INT32_MAX) {
    errors.invalid(at, *now, api::rangeMessage(0, INT32_MAX));
    return false;
  }
  if (was && *was < *now) {
    errors.invalid(at, *now, "must be less than or equal to previous value");
    return false;
  }
  return true;
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
  validateTolerations(next.tolerations, path.child("tolerations"), errors);
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
  if (was == nullptr || was->nodeSelectorTerms.empty()) return;
  const v1::NodeSelector* now = requiredNodes(next);
  const auto at =
      path.child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  const auto terms = at.child("nodeSelectorTerms");
  if (now == nullptr || now->nodeSelectorTerms.size() != was->nodeSelectorTerms.size()) {
    std::string shown = now == nullptr ? "null" : "[";
    for (size_t i = 0; now != nullptr && i < now->nodeSelectorTerms.size(); ++i) {
      shown.append(i > 0 ? "," : "").append(internalJson(now->nodeSelectorTerms[i]));
    }
    if (now != nullptr) shown += "]";
    errors.invalid(terms, api::FieldValue::json(shown),
                   "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    return;
  }
  for (size_t i = 0; i < was->nodeSelectorTerms.size(); ++i) {
    const auto& a = was->nodeSelectorTerms[i];
    const auto& b = now->nodeSelectorTerms[i];
    const auto empty = [](const v1::NodeSelectorTerm& term) {
      return term.matchExpressions.empty() && term.matchFields.empty();
    };
    if ((empty(a) && !empty(b)) || !startsWith(b.matchExpressions, a.matchExpressions) ||
        !startsWith(b.matchFields, a.matchFields)) {
      errors.invalid(terms.index(i), api::FieldValue::json(internalJson(b)),
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
  const auto* was = current.affinity ? current.affinity->nodeAffinity.get() : nullptr;
  const auto* now = spec.affinity ? spec.affinity->nodeAffinity.get() : nullptr;
  if (was == nullptr && now == nullptr) return spec;
  auto& affinity = spec.affinity.getOrCreate();
  if (was == nullptr) {
    affinity.nodeAffinity.reset();
  } else {
    affinity.nodeAffinity = *was;
  }
  // An affinity that held nothing but the addition was not there before.
  if (!current.affinity && affinity == v1::Affinity()) spec.affinity.reset();
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

constexpr std::string_view kEnded = "may not be transitioned to non-terminated state";

/// Whether a container that ended so may run again.
bool startsAgain(const v1::Container& container, const v1::PodSpec& spec, int32_t exitCode) {
  for (const auto& rule : container.restartPolicyRules) {
    if (!container.restartPolicy || !rule.exitCodes) continue;
    const auto& codes = rule.exitCodes->values;
    const bool in = std::find(codes.begin(), codes.end(), exitCode) != codes.end();
    if (in == (rule.exitCodes->operator_ == "In")) return true;
  }
  const auto& policy = container.restartPolicy ? *container.restartPolicy : spec.restartPolicy;
  return policy == "Always" || (policy == "OnFailure" && exitCode != 0);
}

/// Tells of containers that ended for good and run again. `mayRestart(status)`: others.
template <typename MayRestart>
void checkStates(const std::vector<v1::ContainerStatus>& next,
                 const std::vector<v1::ContainerStatus>& current, const FieldPath& path,
                 FieldErrors& errors, MayRestart mayRestart) {
  for (size_t i = 0; i < current.size(); ++i) {
    const auto& was = current[i];
    if (!was.state.terminated || mayRestart(was)) continue;
    for (const auto& now : next) {
      if (now.name == was.name && !now.state.terminated)
        errors.forbidden(path.index(i).child("state"), kEnded);
    }
  }
}

void checkAllStates(const v1::PodStatus& next, const v1::PodStatus& current,
                    const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto find = [](const std::vector<v1::Container>& list, std::string_view name) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const auto& container) { return container.name == name; });
    return found == list.end() ? nullptr : &*found;
  };
  checkStates(next.containerStatuses, current.containerStatuses, path.child("containerStatuses"),
              errors, [&](const v1::ContainerStatus& was) {
                const auto* container = find(spec.containers, was.name);
                return container != nullptr &&
                       startsAgain(*container, spec, was.state.terminated->exitCode);
              });
  checkStates(next.initContainerStatuses, current.initContainerStatuses,
              path.child("initContainerStatuses"), errors, [&](const v1::ContainerStatus& was) {
                if (spec.restartPolicy == "Always") return true;
                if (spec.restartPolicy == "OnFailure" && was.state.terminated->exitCode != 0)
                  return true;
                const auto* container = find(spec.initContainers, was.name);
                return container != nullptr && api::isSidecar(*container);
              });
  checkStates(next.ephemeralContainerStatuses, current.ephemeralContainerStatuses,
              path.child("ephemeralContainerStatuses"), errors,
              [](const v1::ContainerStatus&) { return false; });
}

void checkClaimStatuses(const v1::Pod& pod, const FieldPath& path, FieldErrors& errors) {
  const auto& claims = pod.spec.resourceClaims;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < pod.status.resourceClaimStatuses.size(); ++i) {
    const auto& status = pod.status.resourceClaimStatuses[i];
    const auto at = path.index(i).child("name");
    if (std::none_of(claims.begin(), claims.end(),
                     [&](const auto& claim) { return claim.name == status.name; })) {
      errors.invalid(at, status.name, "must match the name of an entry in `spec.resourceClaims`");
    }
    if (!seen.insert(status.name).second) errors.duplicate(at, status.name);
    if (status.resourceClaimName) checkDns1123Subdomain(*status.resourceClaimName, at, errors);
  }
}

void checkConditions(const std::vector<v1::PodCondition>& conditions, const FieldPath& path,
                     FieldErrors& errors) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    const auto& condition = conditions[i];
    const auto at = path.index(i);
    if (condition.observedGeneration < 0) {
      errors.invalid(at.child("observedGeneration"), condition.observedGeneration,
                     "must be a non-negative integer");
    }
    checkQualifiedName(condition.type, at.child("Type"), errors);
  }
}

/// Who runs in the containers, as the node tells.
void checkUsers(const std::vector<v1::ContainerStatus>& statuses, bool windows,
                const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (!statuses[i].user || !statuses[i].user->linux) continue;
    const auto at = path.index(i).child("user", "linux");
    if (windows) {
      errors.forbidden(at, "cannot be set for a windows pod");
      continue;
    }
    const auto& user = *statuses[i].user->linux;
    errors.invalidEach(at.child("uid"), user.uid, api::validateUserId(user.uid));
    errors.invalidEach(at.child("gid"), user.gid, api::validateGroupId(user.gid));
    for (size_t g = 0; g < user.supplementalGroups.size(); ++g) {
      errors.invalidEach(at.child("supplementalGroups").index(g), user.supplementalGroups[g],
                         api::validateGroupId(user.supplementalGroups[g]));
    }
  }
}

void checkNominated(const v1::Pod& next, const v1::Pod& current, const FieldPath& path,
                    FieldErrors& errors) {
  const auto& name = next.status.nominatedNodeName;
  if (name.empty() || name == current.status.nominatedNodeName) return;
  checkDns1123Subdomain(name, path, errors);
  if (!current.spec.nodeName.empty())
    errors.forbidden(path, "may not be set on pods that are already bound to a node");
}

/// An old annotation beside the field that took its place: what it must say.
void checkProfileMatches(std::string_view annotation, std::string_view what,
                         std::string_view runtimeDefault, std::string_view olderDefault,
                         const auto& profile, const FieldPath& path, FieldErrors& errors) {
  const auto tell = [&](std::string_view member, std::string_view kind) {
    errors.forbidden(path.child(member), std::string(what) + " " + std::string(kind) +
                                             " in annotation and field must match");
  };
  if (profile.type == "Unconfined") {
    if (annotation != "unconfined") tell("type", "type");
  } else if (profile.type == "RuntimeDefault") {
    if (annotation != runtimeDefault && annotation != olderDefault) tell("type", "type");
  } else if (profile.type == "Localhost") {
    if (!annotation.starts_with(kLocalhost)) {
      tell("type", "type");
    } else if (!profile.localhostProfile ||
               annotation.substr(kLocalhost.size()) != *profile.localhostProfile) {
      tell("localhostProfile", "profile");
    }
  }
}

}  // namespace

void checkPodAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                         const FieldPath& path, FieldErrors& errors) {
  if (const auto* mirror = annotations.get(kMirror); mirror != nullptr && spec.nodeName.empty()) {
    errors.invalid(path.key(kMirror), *mirror,
                   "must set spec.nodeName if mirror pod annotation is set");
  }
  if (const auto* cost = annotations.get(kDeletionCost); cost != nullptr && !isInt32(*cost))
    errors.invalid(path.key(kDeletionCost), *cost, "must be a 32bit integer");
  if (const auto* profile = annotations.get(kSeccompPod))
    checkSeccompAnnotation(*profile, path.child(kSeccompPod), errors);
  for (const auto& [key, value] : annotations) {
    if (key.starts_with(kSeccomp)) checkSeccompAnnotation(value, path.child(key), errors);
  }
  checkAppArmorAnnotations(annotations, spec, path, errors);
}

void checkProfileAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                             const FieldPath& path, FieldErrors& errors) {
  if (annotations.empty()) return;
  const auto* ofPod = spec.securityContext.get();
  const auto seccomp = [&](const std::string& key, const auto& profile, const FieldPath& at) {
    const auto* annotation = annotations.get(key);
    if (annotation == nullptr || !profile) return;
    checkProfileMatches(*annotation, "seccomp", "runtime/default", "docker/default", *profile,
                        at.child("securityContext", "seccompProfile"), errors);
  };
  const auto appArmor = [&](const std::string& name, const auto& own, const FieldPath& at) {
    const auto* annotation = annotations.get(std::string(kAppArmor) + name);
    const auto* profile = own                ? own.get()
                          : ofPod != nullptr ? ofPod->appArmorProfile.get()
                                             : nullptr;
    if (annotation == nullptr || profile == nullptr) return;
    checkProfileMatches(*annotation, "apparmor", "runtime/default", "runtime/default", *profile,
                        at.child("securityContext", "appArmorProfile"), errors);
  };
  const auto each = [&](auto visit) {
    const auto init = path.child("initContainers");
    const auto plain = path.child("containers");
    for (size_t i = 0; i < spec.initContainers.size(); ++i)
      visit(spec.initContainers[i], init.index(i));
    for (size_t i = 0; i < spec.containers.size(); ++i) visit(spec.containers[i], plain.index(i));
  };
  if (ofPod != nullptr) seccomp(std::string(kSeccompPod), ofPod->seccompProfile, path);
  each([&](const v1::Container& container, const FieldPath& at) {
    if (!container.securityContext) return;
    seccomp(std::string(kSeccomp) + container.name, container.securityContext->seccompProfile, at);
  });
  if (spec.os && spec.os->name == "windows") return;
  static const api::Box<v1::AppArmorProfile> kNone;
  each([&](const v1::Container& container, const FieldPath& at) {
    const auto& context = container.securityContext;
    appArmor(container.name, context ? context->appArmorProfile : kNone, at);
  });
}

void checkPod(const v1::Pod& pod, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const FieldPath path("spec");
  const auto& spec = pod.spec;
  checkPodAnnotations(pod.metadata.annotations, spec, metadata.child("annotations"), errors);
  validatePodSpec(spec, path, errors, {.metadata = &pod.metadata});
  const auto volumes = path.child("volumes");
  for (size_t v = 0; spec.serviceAccountName.empty() && v < spec.volumes.size(); ++v) {
    const auto& projected = spec.volumes[v].volumeSource.projected;
    if (!projected) continue;
    for (size_t i = 0; i < projected->sources.size(); ++i) {
      if (!projected->sources[i].serviceAccountToken) continue;
      const auto source = volumes.index(v).child("projected", "sources").index(i);
      errors.forbidden(source.child("serviceAccountToken"),
                       "must not be specified when serviceAccountName is not set");
    }
  }
  const auto images = [&](const std::vector<v1::Container>& list, const FieldPath& at) {
    for (size_t i = 0; i < list.size(); ++i)
      checkImageText(list[i].image, at.index(i).child("image"), errors);
  };
  images(spec.containers, path.child("containers"));
  images(spec.initContainers, path.child("initContainers"));
}

void checkNewPod(const v1::Pod& pod, FieldErrors& errors) {
  checkPod(pod, errors);
  const FieldPath path("spec");
  if (!pod.spec.ephemeralContainers.empty())
    errors.forbidden(path.child("ephemeralContainers"), "cannot be set on create");
  if (!pod.spec.nodeName.empty() && !pod.spec.schedulingGates.empty()) {
    errors.forbidden(path.child("nodeName"),
                     "cannot be set until all schedulingGates have been cleared");
  }
  checkProfileAnnotations(pod.metadata.annotations, pod.spec, path, errors);
}

void checkPodUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  checkPod(next, errors);
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath path("spec");
  if (!checkContainersUpdate(next.spec.containers, current.spec.containers,
                             path.child("containers"), errors) ||
      !checkContainersUpdate(next.spec.initContainers, current.spec.initContainers,
                             path.child("initContainers"), errors) ||
      !checkDeadline(next.spec, current.spec, path, errors)) {
    return;
  }
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
  if (current.metadata.annotations.contains(kMirror)) {
    // Nothing else is told.
    return errors.forbidden(FieldPath().key(""), "static pods do not support ephemeral containers");
  }
  checkPod(next, errors);
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath spec("spec");
  const auto path = spec.child("ephemeralContainers");
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
  const auto& status = next.status;
  checkConditions(status.conditions, path.child("conditions"), errors);
  if (next.spec.nodeName != current.spec.nodeName)
    errors.forbidden(path.child("nodeName"), "may not be changed directly");
  checkNominated(next, current, path.child("nominatedNodeName"), errors);
  if (status.observedGeneration < 0) {
    errors.invalid(path.child("observedGeneration"), status.observedGeneration,
                   "must be a non-negative integer");
  }
  if (status.qosClass != current.status.qosClass)
    errors.invalid(path.child("qosClass"), status.qosClass, kImmutableText);
  checkAllStates(status, current.status, current.spec, path, errors);
  checkClaimStatuses(next, path.child("resourceClaimStatuses"), errors);
  checkIps(status.podIPs, path.child("podIPs"), errors);
  if (!status.hostIPs.empty()) {
    const auto hosts = path.child("hostIPs");
    if (status.hostIPs.front().ip != status.hostIP)
      errors.invalid(hosts.index(0).child("ip"), status.hostIPs.front().ip,
                     "must be equal to `hostIP`");
    checkIps(status.hostIPs, hosts, errors);
  }
  const bool windows = next.spec.os && next.spec.os->name == "windows";
  checkUsers(status.containerStatuses, windows, path.child("containerStatuses"), errors);
  checkUsers(status.initContainerStatuses, windows, path.child("initContainerStatuses"), errors);
  checkUsers(status.ephemeralContainerStatuses, windows, path.child("ephemeralContainerStatuses"),
             errors);
}

}  // namespace coxswain::apiserver::pods
