#include <algorithm>
#include <optional>

#include "api/names/names.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kSysctlPattern =
    "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
constexpr std::string_view kWindows = "cannot be set for a windows pod";
constexpr std::string_view kLinux = "windows options cannot be set for a linux pod";

/// kSysctlPattern and the length.
bool isSysctlName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool start = true;
  char last = '.';
  for (const char c : name) {
    if (c == '.' || c == '/') {
      if (start || !plain(last)) return false;
      start = true;
    } else if (plain(c)) {
      start = false;
    } else if ((c != '-' && c != '_') || start) {
      return false;
    }
    last = c;
  }
  return plain(last);
}

void checkId(const std::optional<int64_t>& id, const FieldPath& path, FieldErrors& errors) {
  if (id) errors.invalidEach(path, *id, api::validateUserId(*id));
}

void checkSysctls(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::set<std::string> names;
  const auto& sysctls = spec.securityContext->sysctls;
  for (size_t i = 0; i < sysctls.size(); ++i) {
    const std::string& name = sysctls[i].name;
    const auto at = path.index(i).child("name");
    if (requireText(name, at, errors)) continue;
    if (!isSysctlName(name)) {
      errors.invalid(
          at, name,
          "must have at most 253 characters and match regex " + std::string(kSysctlPattern));
    } else if (names.contains(name)) {
      errors.duplicate(at, name);
    }
    names.insert(name);
    std::string dotted = name;
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    if (spec.hostNetwork && dotted.starts_with("net."))
      errors.invalid(at, name, "may not be specified when 'hostNetwork' is true");
    if (spec.hostIPC && (dotted.starts_with("kernel.shm") || dotted.starts_with("kernel.msg") ||
                         dotted.starts_with("fs.mqueue.") || dotted == "kernel.sem"))
      errors.invalid(at, name, "may not be specified when 'hostIPC' is true");
  }
}

template <typename Set>
void forbid(bool isSet, const Set& path, FieldErrors& errors) {
  if (isSet) errors.forbidden(path, kWindows);
}

template <typename C>
void checkWindowsContainer(const C& container, const FieldPath& path, FieldErrors& errors) {
  if (!container.securityContext) return;
  const auto& c = *container.securityContext;
  const auto at = path.child("securityContext");
  forbid(c.appArmorProfile.has_value(), at.child("appArmorProfile"), errors);
  forbid(c.seLinuxOptions.has_value(), at.child("seLinuxOptions"), errors);
  forbid(c.seccompProfile.has_value(), at.child("seccompProfile"), errors);
  forbid(c.capabilities.has_value(), at.child("capabilities"), errors);
  forbid(c.readOnlyRootFilesystem.has_value(), at.child("readOnlyRootFilesystem"), errors);
  forbid(c.privileged.has_value(), at.child("privileged"), errors);
  forbid(c.allowPrivilegeEscalation.has_value(), at.child("allowPrivilegeEscalation"), errors);
  forbid(c.procMount.has_value(), at.child("procMount"), errors);
  forbid(c.runAsUser.has_value(), at.child("runAsUser"), errors);
  forbid(c.runAsGroup.has_value(), at.child("runAsGroup"), errors);
}

void checkWindowsSpec(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.securityContext) {
    const auto& c = *spec.securityContext;
    const auto at = path.child("securityContext");
    forbid(c.appArmorProfile.has_value(), at.child("appArmorProfile"), errors);
    forbid(c.seLinuxOptions.has_value(), at.child("seLinuxOptions"), errors);
    forbid(spec.hostUsers.has_value(), path.child("hostUsers"), errors);
    forbid(spec.hostPID, path.child("hostPID"), errors);
    forbid(spec.hostIPC, path.child("hostIPC"), errors);
    forbid(c.seccompProfile.has_value(), at.child("seccompProfile"), errors);
    forbid(c.fsGroup.has_value(), at.child("fsGroup"), errors);
    forbid(c.fsGroupChangePolicy.has_value(), at.child("fsGroupChangePolicy"), errors);
    forbid(!c.sysctls.empty(), at.child("sysctls"), errors);
    forbid(spec.shareProcessNamespace.has_value(), path.child("shareProcessNamespace"), errors);
    forbid(c.runAsUser.has_value(), at.child("runAsUser"), errors);
    forbid(c.runAsGroup.has_value(), at.child("runAsGroup"), errors);
    forbid(!c.supplementalGroups.empty(), at.child("supplementalGroups"), errors);
    forbid(c.supplementalGroupsPolicy.has_value(), at.child("supplementalGroupsPolicy"), errors);
    forbid(c.seLinuxChangePolicy.has_value(), at.child("seLinuxChangePolicy"), errors);
  }
  for (size_t i = 0; i < spec.initContainers.size(); ++i)
    checkWindowsContainer(spec.initContainers[i], path.child("initContainers").index(i), errors);
  for (size_t i = 0; i < spec.containers.size(); ++i)
    checkWindowsContainer(spec.containers[i], path.child("containers").index(i), errors);
}

std::optional<bool> hostProcessOf(const v1::Container& container) {
  if (!container.securityContext || !container.securityContext->windowsOptions) return {};
  return container.securityContext->windowsOptions->hostProcess;
}

}  // namespace

void checkHostProcess(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::optional<bool> ofPod;
  if (spec.securityContext && spec.securityContext->windowsOptions)
    ofPod = spec.securityContext->windowsOptions->hostProcess;
  size_t host = 0;
  const auto each = [&](const std::vector<v1::Container>& containers, std::string_view list) {
    for (size_t i = 0; i < containers.size(); ++i) {
      const auto own = hostProcessOf(containers[i]);
      if (own && ofPod && *own != *ofPod) {
        errors.invalid(
            path.child(list).index(i).child("securityContext", "windowsOptions", "hostProcess"),
            *own,
            std::string("pod hostProcess value must be identical if both are specified, "
                        "was ") +
                (*ofPod ? "true" : "false"));
      }
      if (own.value_or(ofPod.value_or(false))) ++host;
    }
  };
  each(spec.initContainers, "initContainers");
  each(spec.containers, "containers");
  if (host == 0) return;
  if (host != spec.containers.size() + spec.initContainers.size()) {
    errors.invalid(path, "",
                   "If pod contains any hostProcess containers then all containers must be "
                   "HostProcess containers");
  }
  if (!spec.hostNetwork) {
    errors.invalid(path.child("hostNetwork"), false,
                   "hostNetwork must be true if pod contains any hostProcess containers");
  }
}

namespace {

void checkLinuxSpec(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.securityContext && spec.securityContext->windowsOptions)
    errors.forbidden(path.child("securityContext", "windowsOptions"), kLinux);
  const auto each = [&](const std::vector<v1::Container>& containers, std::string_view name) {
    for (size_t i = 0; i < containers.size(); ++i) {
      if (containers[i].securityContext && containers[i].securityContext->windowsOptions) {
        errors.forbidden(path.child(name).index(i).child("securityContext", "windowsOptions"),
                         kLinux);
      }
    }
  };
  each(spec.initContainers, "initContainers");
  each(spec.containers, "containers");
}

}  // namespace

namespace {

void checkProfileType(std::string_view type, std::string_view detail, const FieldPath& path,
                      FieldErrors& errors) {
  if (requireText(type, path, errors, detail)) return;
  if (type != "Localhost" && type != "RuntimeDefault" && type != "Unconfined")
    errors.notSupported(path, type, {"Localhost", "RuntimeDefault", "Unconfined"});
}

/// As checkOneOf, but that an empty one is unsupported like others.
void checkKnown(std::string_view value, std::initializer_list<std::string_view> supported,
                const FieldPath& path, FieldErrors& errors) {
  if (std::find(supported.begin(), supported.end(), value) == supported.end())
    errors.notSupported(path, value, supported);
}

}  // namespace

void checkSeccomp(const v1::SeccompProfile& profile, const FieldPath& path, FieldErrors& errors) {
  checkProfileType(profile.type, "type is required when seccompProfile is set", path.child("type"),
                   errors);
  const auto local = path.child("localhostProfile");
  if (profile.type == "Localhost") {
    if (!profile.localhostProfile) {
      errors.required(local, "must be set when seccomp type is Localhost");
    } else {
      checkDescendingPath(*profile.localhostProfile, local, errors);
    }
  } else if (profile.localhostProfile) {
    errors.invalid(local, api::FieldValue::json(internalJson(profile)),
                   "can only be set when seccomp type is Localhost");
  }
}

void checkAppArmor(const v1::AppArmorProfile& profile, const FieldPath& path, FieldErrors& errors) {
  constexpr size_t kMax = 4095;
  constexpr std::string_view kNeeded = "must be set when AppArmor type is Localhost";
  const auto local = path.child("localhostProfile");
  if (profile.type != "Localhost") {
    const bool known = profile.type == "RuntimeDefault" || profile.type == "Unconfined";
    if (known && profile.localhostProfile) {
      errors.invalid(local, *profile.localhostProfile,
                     "can only be set when AppArmor type is Localhost");
    }
    return checkProfileType(profile.type, "type is required when appArmorProfile is set",
                            path.child("type"), errors);
  }
  if (!profile.localhostProfile) return errors.required(local, kNeeded);
  const std::string& text = *profile.localhostProfile;
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  if (text.empty()) {
    errors.required(local, kNeeded);
  } else if (space(text.front()) || space(text.back())) {
    errors.invalid(local, text, "must not be padded with whitespace");
  }
  if (text.size() > kMax) errors.tooLong(local, kMax);
}

namespace {

bool isAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A NetBIOS name: at most 15 characters, some not allowed, no dot in front.
bool isNetBiosDomain(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name.front() != '.' &&
         name.find_first_of("\\/:*?\"<>|") == std::string_view::npos;
}

/// A name of the domain name system, in any case.
bool isDnsDomain(std::string_view name) {
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || !isAlnum(label.front()) || !isAlnum(label.back()))
      return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return isAlnum(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

/// "[domain\]user", with at most one backslash.
void checkWindowsUser(const std::string& name, const FieldPath& path, FieldErrors& errors) {
  constexpr size_t kDomainMax = 256;
  constexpr size_t kUserMax = 104;
  const auto slash = name.find('\\');
  const bool hasDomain = slash != std::string::npos;
  const auto domain = hasDomain ? name.substr(0, slash) : std::string();
  const auto user = hasDomain ? name.substr(slash + 1) : name;
  if (domain.size() >= kDomainMax)
    errors.invalid(path, name, "runAsUserName's Domain length must be under 256 characters");
  if (hasDomain && !isNetBiosDomain(domain) && !isDnsDomain(domain)) {
    errors.invalid(path, name,
                   "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user.empty()) {
    errors.invalid(path, name, "runAsUserName's User cannot be empty");
  } else if (user.size() > kUserMax) {
    errors.invalid(path, name,
                   "runAsUserName's User length must not be longer than 104 characters");
  }
  if (!user.empty() && user.find_first_not_of(". ") == std::string::npos)
    errors.invalid(path, name, "runAsUserName's User cannot contain only periods or spaces");
  if (user.find_first_of("\"/\\:;|=,+*?<>@[]") != std::string::npos) {
    errors.invalid(path, name,
                   "runAsUserName's User cannot contain the following characters: "
                   "\"/\\:;|=,+*?<>@[]");
  }
}

}  // namespace

void checkWindowsOptions(const v1::WindowsSecurityContextOptions& options, const FieldPath& path,
                         FieldErrors& errors) {
  constexpr size_t kSpecMax = 64 * 1024;
  if (options.gmsaCredentialSpecName) {
    errors.invalidEach(path.child("gmsaCredentialSpecName"), *options.gmsaCredentialSpecName,
                       api::validateDns1123Subdomain(*options.gmsaCredentialSpecName));
  }
  if (const auto& text = options.gmsaCredentialSpec) {
    const auto at = path.child("gmsaCredentialSpec");
    if (text->empty()) {
      errors.invalid(at, *text, "gmsaCredentialSpec cannot be an empty string");
    } else if (text->size() > kSpecMax) {
      errors.invalid(at, *text, "gmsaCredentialSpec size must be under 64 KiB");
    }
  }
  if (const auto& name = options.runAsUserName) {
    const auto at = path.child("runAsUserName");
    if (name->empty()) {
      errors.invalid(at, *name, "runAsUserName cannot be an empty string");
    } else if (std::any_of(name->begin(), name->end(),
                           [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      errors.invalid(at, *name, "runAsUserName cannot contain control characters");
    } else if (std::count(name->begin(), name->end(), '\\') > 1) {
      errors.invalid(at, *name, "runAsUserName cannot contain more than one backslash");
    } else {
      checkWindowsUser(*name, at, errors);
    }
  }
}

void checkSecurityContext(const v1::SecurityContext& context, bool hostUsers, const FieldPath& path,
                          FieldErrors& errors) {
  checkId(context.runAsUser, path.child("runAsUser"), errors);
  checkId(context.runAsGroup, path.child("runAsGroup"), errors);
  if (context.seccompProfile)
    checkSeccomp(*context.seccompProfile, path.child("seccompProfile"), errors);
  if (context.procMount) {
    const auto at = path.child("procMount");
    checkKnown(*context.procMount, {"Default", "Unmasked"}, at, errors);
    if (hostUsers && *context.procMount == "Unmasked")
      errors.invalid(at, *context.procMount, "`hostUsers` must be false to use `Unmasked`");
  }
  if (context.allowPrivilegeEscalation && !*context.allowPrivilegeEscalation) {
    if (context.privileged.value_or(false)) {
      errors.invalid(path, api::FieldValue::json(internalJson(context)),
                     "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    }
    if (context.capabilities) {
      for (const auto& capability : context.capabilities->add) {
        if (capability == "CAP_SYS_ADMIN") {
          errors.invalid(path, api::FieldValue::json(internalJson(context)),
                         "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                         "CAP_SYS_ADMIN");
        }
      }
    }
  }
  if (context.windowsOptions)
    checkWindowsOptions(*context.windowsOptions, path.child("windowsOptions"), errors);
  if (context.appArmorProfile)
    checkAppArmor(*context.appArmorProfile, path.child("appArmorProfile"), errors);
}

void checkPodSecurityContext(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child("securityContext");
  const auto checkSharing = [&] {
    if (!spec.shareProcessNamespace.value_or(false) || !spec.hostPID) return;
    errors.invalid(at.child("shareProcessNamespace"), true,
                   "ShareProcessNamespace and HostPID cannot both be enabled");
  };
  if (!spec.securityContext) return checkSharing();
  const auto& context = *spec.securityContext;
  if (context.fsGroup) {
    errors.invalidEach(at.child("fsGroup"), *context.fsGroup,
                       api::validateGroupId(*context.fsGroup));
  }
  checkId(context.runAsUser, at.child("runAsUser"), errors);
  checkId(context.runAsGroup, at.child("runAsGroup"), errors);
  for (size_t i = 0; i < context.supplementalGroups.size(); ++i) {
    errors.invalidEach(at.child("supplementalGroups").index(i), context.supplementalGroups[i],
                       api::validateGroupId(context.supplementalGroups[i]));
  }
  checkSharing();
  checkSysctls(spec, at.child("sysctls"), errors);
  if (context.fsGroupChangePolicy) {
    checkKnown(*context.fsGroupChangePolicy, {"Always", "OnRootMismatch"},
               at.child("fsGroupChangePolicy"), errors);
  }
  if (context.seccompProfile)
    checkSeccomp(*context.seccompProfile, at.child("seccompProfile"), errors);
  if (context.windowsOptions)
    checkWindowsOptions(*context.windowsOptions, at.child("windowsOptions"), errors);
  if (context.appArmorProfile)
    checkAppArmor(*context.appArmorProfile, at.child("appArmorProfile"), errors);
  if (context.supplementalGroupsPolicy) {
    checkKnown(*context.supplementalGroupsPolicy, {"Merge", "Strict"},
               at.child("supplementalGroupsPolicy"), errors);
  }
  if (context.seLinuxChangePolicy) {
    checkKnown(*context.seLinuxChangePolicy, {"MountOption", "Recursive"},
               at.child("seLinuxChangePolicy"), errors);
  }
}

void checkOs(const v1::PodSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!spec.os) return;
  const auto at = path.child("os");
  const std::string_view name = spec.os->name;
  if (requireText(name, at.child("name"), errors)) return;
  if (name == "windows") {
    checkWindowsSpec(spec, path, errors);
  } else if (name == "linux") {
    checkLinuxSpec(spec, path, errors);
  } else {
    errors.notSupported(at, name, {"linux", "windows"});
  }
}

}  // namespace coxswain::apiserver::pods
