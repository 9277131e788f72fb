#include "kubelet/container/security.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "kubelet/container/pod_containers.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::PodSecurityContext;
using api::core::v1::SeccompProfile;
using api::core::v1::SecurityContext;

const PodSecurityContext& ofPod(const Pod& pod) {
  static const PodSecurityContext kNone;
  return pod.spec.securityContext ? *pod.spec.securityContext : kNone;
}

const SecurityContext& ofContainer(const Container& container) {
  static const SecurityContext kNone;
  return container.securityContext ? *container.securityContext : kNone;
}

std::optional<int64_t> userOf(const Pod& pod, const Container& container) {
  const auto& own = ofContainer(container).runAsUser;
  return own ? own : ofPod(pod).runAsUser;
}

std::optional<int64_t> groupOf(const Pod& pod, const Container& container) {
  const auto& own = ofContainer(container).runAsGroup;
  return own ? own : ofPod(pod).runAsGroup;
}

cri::Int64Value boxed(int64_t value) {
  cri::Int64Value out;
  out.value = value;
  return out;
}

/// What user space may not see of /proc and /sys unless it asks for procMount Unmasked.
const std::vector<std::string>& maskedPaths() {
  static const std::vector<std::string> kPaths = {
      "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
      "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
  };
  return kPaths;
}

const std::vector<std::string>& readOnlyPaths() {
  static const std::vector<std::string> kPaths = {
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
  };
  return kPaths;
}

cri::SecurityProfile seccompOf(const SeccompProfile* profile, const std::string& root,
                               bool defaultOn) {
  cri::SecurityProfile out;
  out.profileType = defaultOn ? cri::SecurityProfile_ProfileType_RuntimeDefault
                              : cri::SecurityProfile_ProfileType_Unconfined;
  if (!profile) return out;
  if (profile->type == "RuntimeDefault") {
    out.profileType = cri::SecurityProfile_ProfileType_RuntimeDefault;
  } else if (profile->type == "Localhost") {
    out.profileType = cri::SecurityProfile_ProfileType_Localhost;
    out.localhostRef = root + "/" + profile->localhostProfile.value_or("");
  } else {
    out.profileType = cri::SecurityProfile_ProfileType_Unconfined;
  }
  return out;
}

api::Box<cri::SecurityProfile> appArmorOf(const Pod& pod, const Container& container) {
  const auto& own = ofContainer(container).appArmorProfile;
  const auto& profile = own ? own : ofPod(pod).appArmorProfile;
  if (!profile) return {};
  cri::SecurityProfile out;
  if (profile->type == "Unconfined") {
    out.profileType = cri::SecurityProfile_ProfileType_Unconfined;
  } else if (profile->type == "Localhost") {
    out.profileType = cri::SecurityProfile_ProfileType_Localhost;
    out.localhostRef = profile->localhostProfile.value_or("");
  } else {
    out.profileType = cri::SecurityProfile_ProfileType_RuntimeDefault;
  }
  return out;
}

cri::SELinuxOption selinuxOf(const api::core::v1::SELinuxOptions& options) {
  cri::SELinuxOption out;
  out.user = options.user;
  out.role = options.role;
  out.type = options.type;
  out.level = options.level;
  return out;
}

std::vector<int64_t> groupsOf(const Pod& pod) {
  std::vector<int64_t> groups = ofPod(pod).supplementalGroups;
  if (ofPod(pod).fsGroup) groups.push_back(*ofPod(pod).fsGroup);
  return groups;
}

int32_t groupsPolicyOf(const Pod& pod) {
  return ofPod(pod).supplementalGroupsPolicy.value_or("") == "Strict" ? cri::Strict : cri::Merge;
}

std::string where(const Pod& pod, const Container& container) {
  return fmt::format("(pod: \"{}\", container: {})", podText(pod), container.name);
}

}  // namespace

bool runsAsNonRoot(const Pod& pod, const Container& container) {
  const auto& own = ofContainer(container).runAsNonRoot;
  return own ? *own : ofPod(pod).runAsNonRoot.value_or(false);
}

Status verifyNonRoot(const Pod& pod, const Container& container, const ImageUser& user) {
  if (!runsAsNonRoot(pod, container)) return {};
  if (auto asked = userOf(pod, container)) {
    if (*asked != 0) return {};
    return badRequest("container's runAsUser breaks non-root policy " + where(pod, container));
  }
  if (user.uid) {
    if (*user.uid != 0) return {};
    return badRequest("container has runAsNonRoot and image will run as root " +
                      where(pod, container));
  }
  if (!user.username.empty()) {
    return badRequest(
        fmt::format("container has runAsNonRoot and image has non-numeric user ({}), cannot "
                    "verify user is non-root {}",
                    user.username, where(pod, container)));
  }
  return badRequest("container has runAsNonRoot and image will run as root " +
                    where(pod, container));
}

cri::NamespaceOption podNamespaces(const Pod& pod) {
  cri::NamespaceOption out;
  out.network = pod.spec.hostNetwork ? cri::NODE : cri::POD;
  out.ipc = pod.spec.hostIPC ? cri::NODE : cri::POD;
  out.pid = pod.spec.hostPID                                 ? cri::NODE
            : pod.spec.shareProcessNamespace.value_or(false) ? cri::POD
                                                             : cri::CONTAINER;
  return out;
}

cri::LinuxContainerSecurityContext containerSecurity(const Pod& pod, const Container& container,
                                                     const ImageUser& user,
                                                     const std::string& targetId,
                                                     const std::string& seccompRoot,
                                                     bool seccompDefault) {
  const auto& own = ofContainer(container);
  cri::LinuxContainerSecurityContext out;
  out.privileged = own.privileged.value_or(false);
  out.readonlyRootfs = own.readOnlyRootFilesystem.value_or(false);
  if (own.capabilities) {
    auto& capabilities = out.capabilities.getOrCreate();
    capabilities.addCapabilities = own.capabilities->add;
    capabilities.dropCapabilities = own.capabilities->drop;
  }
  auto namespaces = podNamespaces(pod);
  if (!targetId.empty()) {
    namespaces.pid = cri::TARGET;
    namespaces.targetId = targetId;
  }
  out.namespaceOptions = namespaces;
  if (auto asked = userOf(pod, container)) {
    out.runAsUser = boxed(*asked);
  } else if (user.uid) {
    out.runAsUser = boxed(*user.uid);
  } else {
    out.runAsUsername = user.username;
  }
  if (auto group = groupOf(pod, container)) out.runAsGroup = boxed(*group);
  out.supplementalGroups = groupsOf(pod);
  out.supplementalGroupsPolicy = groupsPolicyOf(pod);
  // Privileged and CAP_SYS_ADMIN containers could take privileges anyway.
  out.noNewPrivs = own.allowPrivilegeEscalation.has_value() && !*own.allowPrivilegeEscalation;
  if (!out.privileged && own.procMount.value_or("Default") != "Unmasked") {
    out.maskedPaths = maskedPaths();
    out.readonlyPaths = readOnlyPaths();
  }
  const SeccompProfile* profile =
      own.seccompProfile ? own.seccompProfile.get() : ofPod(pod).seccompProfile.get();
  out.seccomp = seccompOf(profile, seccompRoot, seccompDefault);
  out.apparmor = appArmorOf(pod, container);
  const auto& selinux = own.seLinuxOptions ? own.seLinuxOptions : ofPod(pod).seLinuxOptions;
  if (selinux) out.selinuxOptions = selinuxOf(*selinux);
  return out;
}

cri::LinuxSandboxSecurityContext sandboxSecurity(const Pod& pod) {
  cri::LinuxSandboxSecurityContext out;
  out.namespaceOptions = podNamespaces(pod);
  const auto& own = ofPod(pod);
  if (own.runAsUser) out.runAsUser = boxed(*own.runAsUser);
  if (own.runAsUser && own.runAsGroup) out.runAsGroup = boxed(*own.runAsGroup);
  out.supplementalGroups = groupsOf(pod);
  out.supplementalGroupsPolicy = groupsPolicyOf(pod);
  if (own.seLinuxOptions) out.selinuxOptions = selinuxOf(*own.seLinuxOptions);
  auto privileged = [](const Container& c) { return ofContainer(c).privileged.value_or(false); };
  out.privileged =
      std::any_of(pod.spec.containers.begin(), pod.spec.containers.end(), privileged) ||
      std::any_of(pod.spec.initContainers.begin(), pod.spec.initContainers.end(), privileged);
  // The sandbox's own process does nothing but wait: it needs no more than the default allows.
  cri::SecurityProfile profile;
  profile.profileType = cri::SecurityProfile_ProfileType_RuntimeDefault;
  out.seccomp = profile;
  return out;
}

}  // namespace coxswain::kubelet
