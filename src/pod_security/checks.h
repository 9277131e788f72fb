#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "pod_security/evaluate.h"

namespace coxswain::pod_security {

/// A container of any sort, as checks see it.
struct ContainerView {
  const std::string* name;
  const api::core::v1::SecurityContext* security;  ///< null: it says nothing
  const std::vector<api::core::v1::ContainerPort>* ports;
  const api::core::v1::Probe* probes[3];            ///< null: none
  const api::core::v1::LifecycleHandler* hooks[2];  ///< null: none
};

/// A pod and the version whose rules are applied.
struct PodView {
  const api::meta::v1::ObjectMeta& meta;
  const api::core::v1::PodSpec& spec;
  const api::core::v1::PodSecurityContext* security;  ///< null: it says nothing
  std::vector<ContainerView> containers;              ///< init, ordinary, ephemeral
  int minor;

  [[nodiscard]] bool windows() const { return spec.os && spec.os->name == "windows"; }
  /// Root inside is nobody outside.
  [[nodiscard]] bool ownUsers() const { return spec.hostUsers && !*spec.hostUsers; }
};

/// Names of what breaks a rule, with its words.
using Names = std::vector<std::string>;
using SortedNames = std::set<std::string>;

/// `"a", "b"`.
template <typename T>
std::string quotedList(const T& names) {
  std::string out;
  for (const auto& name : names) out.append(out.empty() ? "\"" : ", \"").append(name).append("\"");
  return out;
}

inline const char* plural(size_t count, const char* one, const char* many) {
  return count == 1 ? one : many;
}

/// `container "a"`, `containers "a", "b"`.
inline std::string containersText(const Names& names) {
  return plural(names.size(), "container ", "containers ") + quotedList(names);
}

/// Who sets a value that is not allowed: "pod", `container "a"`, `pod and containers "a", "b"`.
inline std::string settersText(bool pod, const Names& containers) {
  std::string out = pod ? "pod" : "";
  if (!containers.empty()) out += (pod ? " and " : "") + containersText(containers);
  return out;
}

using Found = std::optional<Violation>;
using Check = Found (*)(const PodView& pod);

// Baseline.
Found checkAppArmor(const PodView& pod);
Found checkBaselineCapabilities(const PodView& pod);
Found checkHostNamespaces(const PodView& pod);
Found checkHostPathVolumes(const PodView& pod);
Found checkHostPorts(const PodView& pod);
Found checkHandlerHosts(const PodView& pod);
Found checkPrivileged(const PodView& pod);
Found checkBaselineProcMount(const PodView& pod);
Found checkSeLinux(const PodView& pod);
Found checkBaselineSeccomp(const PodView& pod);
Found checkSysctls(const PodView& pod);
Found checkWindowsHostProcess(const PodView& pod);
// Restricted.
Found checkPrivilegeEscalation(const PodView& pod);
Found checkRestrictedCapabilities(const PodView& pod);
Found checkRestrictedProcMount(const PodView& pod);
Found checkRestrictedVolumes(const PodView& pod);
Found checkRunAsNonRoot(const PodView& pod);
Found checkRunAsUser(const PodView& pod);
Found checkRestrictedSeccomp(const PodView& pod);

/// RuntimeDefault or Localhost: the types that seccomp and AppArmor checks allow.
bool isConfining(const std::string& profileType);

}  // namespace coxswain::pod_security
