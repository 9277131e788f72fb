#include <algorithm>

#include "api/helpers/pods.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

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

}  // namespace

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
