#include <algorithm>

#include "api/names/quote.h"
#include "pod_security/checks.h"

namespace coxswain::pod_security {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr std::string_view kAppArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kSeccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccompAnnotation = "container.seccomp.security.alpha.kubernetes.io/";

template <size_t N>
bool isOneOf(std::string_view value, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

std::string assignment(std::string_view key, const std::string& value) {
  return std::string(key).append("=").append(api::goQuote(value));
}

bool isHostProcess(const WindowsSecurityContextOptions* options) {
  return options && options->hostProcess.value_or(false);
}

/// Sysctls that are of the pod alone, and the release that first allowed them.
struct SafeSysctl {
  std::string_view name;
  int since;
};
constexpr SafeSysctl kSafeSysctls[] = {
    {"kernel.shm_rmid_forced", 0},
    {"net.ipv4.ip_local_port_range", 0},
    {"net.ipv4.tcp_syncookies", 0},
    {"net.ipv4.ping_group_range", 0},
    {"net.ipv4.ip_unprivileged_port_start", 0},
    {"net.ipv4.ip_local_reserved_ports", 27},
    {"net.ipv4.tcp_keepalive_time", 29},
    {"net.ipv4.tcp_fin_timeout", 29},
    {"net.ipv4.tcp_keepalive_intvl", 29},
    {"net.ipv4.tcp_keepalive_probes", 29},
    {"net.ipv4.tcp_rmem", 32},
    {"net.ipv4.tcp_wmem", 32},
};

/// What a pod's and its containers' SELinux options break.
struct SeLinuxFaults {
  int minor;
  SortedNames types;
  bool user = false;
  bool role = false;

  bool add(const SELinuxOptions* options) {
    if (!options) return false;
    constexpr std::string_view kTypes[] = {"", "container_t", "container_init_t",
                                           "container_kvm_t"};
    const bool engine = minor >= 31 && options->type == "container_engine_t";
    const bool badType = !engine && !isOneOf(options->type, kTypes);
    if (badType) types.insert(options->type);
    user = user || !options->user.empty();
    role = role || !options->role.empty();
    return badType || !options->user.empty() || !options->role.empty();
  }

  [[nodiscard]] std::string str() const {
    std::string out;
    if (!types.empty()) out = plural(types.size(), "type ", "types ") + quotedList(types);
    auto add = [&out](const char* text) { out.append(out.empty() ? "" : "; ").append(text); };
    if (user) add("user may not be set");
    if (role) add("role may not be set");
    return out;
  }
};

/// Before 1.19 seccomp profiles stood in annotations.
Found seccompAnnotations(const PodView& pod) {
  SortedNames forbidden;
  auto look = [&](const std::string& key) {
    const auto* value = pod.meta.annotations.get(key);
    if (!value) return;
    const bool fine = *value == "runtime/default" || *value == "docker/default" ||
                      value->starts_with("localhost/");
    if (!fine) forbidden.insert(assignment(key, *value));
  };
  look(std::string(kSeccompPodAnnotation));
  for (const auto& container : pod.containers) {
    look(std::string(kSeccompAnnotation).append(*container.name));
  }
  if (forbidden.empty()) return {};
  std::string list;
  for (const auto& one : forbidden) list.append(list.empty() ? "" : ", ").append(one);
  return Violation{
      "seccompProfile",
      "forbidden " + std::string(plural(forbidden.size(), "annotation ", "annotations ")) + list};
}

template <typename T>
void addHosts(const T* handler, SortedNames& hosts) {
  if (!handler) return;
  if (handler->httpGet && !handler->httpGet->host.empty()) hosts.insert(handler->httpGet->host);
  if (handler->tcpSocket && !handler->tcpSocket->host.empty()) {
    hosts.insert(handler->tcpSocket->host);
  }
}

/// Profiles that do not confine, and who sets them.
struct LooseProfiles {
  SortedNames types;
  bool ofPod = false;
  Names containers;
};

/// `profileOf` a security context, of seccomp or AppArmor; null: none.
template <typename F>
LooseProfiles looseProfiles(const PodView& pod, F profileOf) {
  LooseProfiles loose;
  auto isLoose = [&](const auto* security) {
    const auto* profile = security ? profileOf(*security) : nullptr;
    if (!profile || isConfining(profile->type)) return false;
    loose.types.insert(profile->type);
    return true;
  };
  loose.ofPod = isLoose(pod.security);
  for (const auto& container : pod.containers) {
    if (isLoose(container.security)) loose.containers.push_back(*container.name);
  }
  return loose;
}

}  // namespace

bool isConfining(const std::string& profileType) {
  return profileType == "RuntimeDefault" || profileType == "Localhost";
}

Found checkAppArmor(const PodView& pod) {
  const auto loose =
      looseProfiles(pod, [](const auto& security) { return security.appArmorProfile.get(); });
  SortedNames annotations;
  for (const auto& [key, value] : pod.meta.annotations) {
    if (!std::string_view(key).starts_with(kAppArmorAnnotation)) continue;
    const bool fine =
        value.empty() || value == "runtime/default" || value.starts_with("localhost/");
    if (!fine) annotations.insert(assignment(key, value));
  }
  Names all(loose.types.begin(), loose.types.end());
  all.insert(all.end(), annotations.begin(), annotations.end());
  if (all.empty()) return {};
  auto who = settersText(loose.ofPod, loose.containers);
  if (!annotations.empty()) {
    who.append(who.empty() ? "" : " and ")
        .append(plural(annotations.size(), "annotation", "annotations"));
  }
  return Violation{plural(all.size(), "forbidden AppArmor profile", "forbidden AppArmor profiles"),
                   who + " must not set AppArmor profile type to " + quotedList(all)};
}

Found checkBaselineCapabilities(const PodView& pod) {
  constexpr std::string_view kDefault[] = {
      "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
      "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};
  Names containers;
  SortedNames forbidden;
  for (const auto& container : pod.containers) {
    if (!container.security || !container.security->capabilities) continue;
    bool bad = false;
    for (const auto& name : container.security->capabilities->add) {
      if (isOneOf(name, kDefault)) continue;
      bad = true;
      forbidden.insert(name);
    }
    if (bad) containers.push_back(*container.name);
  }
  if (containers.empty()) return {};
  return Violation{"non-default capabilities", containersText(containers) + " must not include " +
                                                   quotedList(forbidden) +
                                                   " in securityContext.capabilities.add"};
}

Found checkHostNamespaces(const PodView& pod) {
  std::string set;
  auto add = [&set](bool value, const char* text) {
    if (value) set.append(set.empty() ? "" : ", ").append(text);
  };
  add(pod.spec.hostNetwork, "hostNetwork=true");
  add(pod.spec.hostPID, "hostPID=true");
  add(pod.spec.hostIPC, "hostIPC=true");
  if (set.empty()) return {};
  return Violation{"host namespaces", std::move(set)};
}

Found checkHostPathVolumes(const PodView& pod) {
  Names volumes;
  for (const auto& volume : pod.spec.volumes) {
    if (volume.volumeSource.hostPath) volumes.push_back(volume.name);
  }
  if (volumes.empty()) return {};
  return Violation{"hostPath volumes",
                   plural(volumes.size(), "volume ", "volumes ") + quotedList(volumes)};
}

Found checkHostPorts(const PodView& pod) {
  Names containers;
  SortedNames ports;
  for (const auto& container : pod.containers) {
    bool bad = false;
    for (const auto& port : *container.ports) {
      if (port.hostPort == 0) continue;
      bad = true;
      ports.insert(std::to_string(port.hostPort));
    }
    if (bad) containers.push_back(*container.name);
  }
  if (containers.empty()) return {};
  auto detail = containersText(containers) + plural(containers.size(), " uses ", " use ") +
                plural(ports.size(), "hostPort ", "hostPorts ");
  bool first = true;
  for (const auto& port : ports) {
    detail.append(first ? "" : ", ").append(port);
    first = false;
  }
  return Violation{"hostPort", std::move(detail)};
}

Found checkHandlerHosts(const PodView& pod) {
  SortedNames containers;
  SortedNames hosts;
  for (const auto& container : pod.containers) {
    SortedNames own;
    for (const auto* probe : container.probes) addHosts(probe ? &probe->handler : nullptr, own);
    for (const auto* hook : container.hooks) addHosts(hook, own);
    if (!own.empty()) containers.insert(*container.name);
    hosts.merge(own);
  }
  if (containers.empty()) return {};
  return Violation{
      "probe or lifecycle host",
      containersText({containers.begin(), containers.end()}) +
          plural(containers.size(), " uses ", " use ") +
          plural(hosts.size(), "probe or lifecycle host ", "probe or lifecycle hosts ") +
          quotedList(hosts)};
}

Found checkPrivileged(const PodView& pod) {
  Names containers;
  for (const auto& container : pod.containers) {
    if (container.security && container.security->privileged.value_or(false)) {
      containers.push_back(*container.name);
    }
  }
  if (containers.empty()) return {};
  return Violation{"privileged",
                   containersText(containers) + " must not set securityContext.privileged=true"};
}

Found checkBaselineProcMount(const PodView& pod) {
  if (pod.minor >= 35 && pod.ownUsers()) return {};
  return checkRestrictedProcMount(pod);
}

Found checkSeLinux(const PodView& pod) {
  SeLinuxFaults faults{pod.minor, {}};
  const bool ofPod = faults.add(pod.security ? pod.security->seLinuxOptions.get() : nullptr);
  Names containers;
  for (const auto& container : pod.containers) {
    if (container.security && faults.add(container.security->seLinuxOptions.get())) {
      containers.push_back(*container.name);
    }
  }
  if (!ofPod && containers.empty()) return {};
  return Violation{"seLinuxOptions",
                   settersText(ofPod, containers) +
                       " set forbidden securityContext.seLinuxOptions: " + faults.str()};
}

Found checkBaselineSeccomp(const PodView& pod) {
  if (pod.minor < 19) return seccompAnnotations(pod);
  const auto loose =
      looseProfiles(pod, [](const auto& security) { return security.seccompProfile.get(); });
  if (loose.types.empty()) return {};
  return Violation{"seccompProfile", settersText(loose.ofPod, loose.containers) +
                                         " must not set securityContext.seccompProfile.type to " +
                                         quotedList(loose.types)};
}

Found checkSysctls(const PodView& pod) {
  if (!pod.security) return {};
  std::string forbidden;
  for (const auto& sysctl : pod.security->sysctls) {
    const bool safe = std::any_of(
        std::begin(kSafeSysctls), std::end(kSafeSysctls),
        [&](const SafeSysctl& one) { return pod.minor >= one.since && sysctl.name == one.name; });
    if (!safe) forbidden.append(forbidden.empty() ? "" : ", ").append(sysctl.name);
  }
  if (forbidden.empty()) return {};
  return Violation{"forbidden sysctls", std::move(forbidden)};
}

Found checkWindowsHostProcess(const PodView& pod) {
  const bool ofPod = pod.security && isHostProcess(pod.security->windowsOptions.get());
  Names containers;
  for (const auto& container : pod.containers) {
    if (container.security && isHostProcess(container.security->windowsOptions.get())) {
      containers.push_back(*container.name);
    }
  }
  if (!ofPod && containers.empty()) return {};
  return Violation{"hostProcess", settersText(ofPod, containers) +
                                      " must not set securityContext.windowsOptions."
                                      "hostProcess=true"};
}

}  // namespace coxswain::pod_security
