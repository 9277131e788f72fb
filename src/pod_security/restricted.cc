#include <algorithm>

#include "pod_security/checks.h"

namespace coxswain::pod_security {
namespace {

using namespace api::core::v1;  // NOLINT

/// From 1.25 on what Windows does not have is not asked of its pods.
bool exemptAsWindows(const PodView& pod) {
  return pod.minor >= 25 && pod.windows();
}

/// From 1.35 on root is harmless where the pod has users of its own.
bool exemptByUsers(const PodView& pod) {
  return pod.minor >= 35 && pod.ownUsers();
}

/// The field of a volume that is not allowed; empty: it is.
std::string_view forbiddenType(const VolumeSource& source) {
  if (source.configMap || source.csi || source.downwardAPI || source.emptyDir || source.ephemeral ||
      source.image || source.persistentVolumeClaim || source.projected || source.secret) {
    return {};
  }
  const std::pair<bool, std::string_view> types[] = {
      {source.hostPath.has_value(), "hostPath"},
      {source.gcePersistentDisk.has_value(), "gcePersistentDisk"},
      {source.awsElasticBlockStore.has_value(), "awsElasticBlockStore"},
      {source.gitRepo.has_value(), "gitRepo"},
      {source.nfs.has_value(), "nfs"},
      {source.iscsi.has_value(), "iscsi"},
      {source.glusterfs.has_value(), "glusterfs"},
      {source.rbd.has_value(), "rbd"},
      {source.flexVolume.has_value(), "flexVolume"},
      {source.cinder.has_value(), "cinder"},
      {source.cephfs.has_value(), "cephfs"},
      {source.flocker.has_value(), "flocker"},
      {source.fc.has_value(), "fc"},
      {source.azureFile.has_value(), "azureFile"},
      {source.vsphereVolume.has_value(), "vsphereVolume"},
      {source.quobyte.has_value(), "quobyte"},
      {source.azureDisk.has_value(), "azureDisk"},
      {source.photonPersistentDisk.has_value(), "photonPersistentDisk"},
      {source.portworxVolume.has_value(), "portworxVolume"},
      {source.scaleIO.has_value(), "scaleIO"},
      {source.storageos.has_value(), "storageos"},
  };
  for (const auto& [present, name] : types) {
    if (present) return name;
  }
  return "unknown";
}

}  // namespace

Found checkPrivilegeEscalation(const PodView& pod) {
  if (exemptAsWindows(pod)) return {};
  Names containers;
  for (const auto& container : pod.containers) {
    const bool set =
        container.security && !container.security->allowPrivilegeEscalation.value_or(true);
    if (!set) containers.push_back(*container.name);
  }
  if (containers.empty()) return {};
  return Violation{
      "allowPrivilegeEscalation != false",
      containersText(containers) + " must set securityContext.allowPrivilegeEscalation=false"};
}

Found checkRestrictedCapabilities(const PodView& pod) {
  if (exemptAsWindows(pod)) return {};
  Names keeping;
  Names adding;
  SortedNames forbidden;
  for (const auto& container : pod.containers) {
    const auto* capabilities =
        container.security ? container.security->capabilities.get() : nullptr;
    if (!capabilities) {
      keeping.push_back(*container.name);
      continue;
    }
    const auto& drop = capabilities->drop;
    if (std::find(drop.begin(), drop.end(), "ALL") == drop.end()) {
      keeping.push_back(*container.name);
    }
    bool bad = false;
    for (const auto& name : capabilities->add) {
      if (name == "NET_BIND_SERVICE") continue;
      bad = true;
      forbidden.insert(name);
    }
    if (bad) adding.push_back(*container.name);
  }
  if (keeping.empty() && adding.empty()) return {};
  std::string detail;
  if (!keeping.empty()) {
    detail = containersText(keeping) + " must set securityContext.capabilities.drop=[\"ALL\"]";
  }
  if (!adding.empty()) {
    detail += (detail.empty() ? "" : "; ") + containersText(adding) + " must not include " +
              quotedList(forbidden) + " in securityContext.capabilities.add";
  }
  return Violation{"unrestricted capabilities", std::move(detail)};
}

Found checkRestrictedProcMount(const PodView& pod) {
  Names containers;
  SortedNames types;
  for (const auto& container : pod.containers) {
    if (!container.security || !container.security->procMount) continue;
    const auto& type = *container.security->procMount;
    if (type == "Default") continue;
    containers.push_back(*container.name);
    types.insert(type);
  }
  if (containers.empty()) return {};
  return Violation{"procMount", containersText(containers) +
                                    " must not set securityContext.procMount to " +
                                    quotedList(types)};
}

Found checkRestrictedVolumes(const PodView& pod) {
  Names volumes;
  SortedNames types;
  for (const auto& volume : pod.spec.volumes) {
    auto type = forbiddenType(volume.volumeSource);
    if (type.empty()) continue;
    volumes.push_back(volume.name);
    types.emplace(type);
  }
  if (volumes.empty()) return {};
  return Violation{"restricted volume types",
                   plural(volumes.size(), "volume ", "volumes ") + quotedList(volumes) +
                       plural(volumes.size(), " uses ", " use ") +
                       plural(types.size(), "restricted volume type ", "restricted volume types ") +
                       quotedList(types)};
}

Found checkRunAsNonRoot(const PodView& pod) {
  if (exemptByUsers(pod)) return {};
  const auto wanted = pod.security ? pod.security->runAsNonRoot : std::nullopt;
  Names refusing;  // that say false
  Names silent;    // that say nothing, as does the pod
  for (const auto& container : pod.containers) {
    const auto own = container.security ? container.security->runAsNonRoot : std::nullopt;
    if (own && !*own) refusing.push_back(*container.name);
    if (!own && !wanted.value_or(false)) silent.push_back(*container.name);
  }
  const bool podRefuses = wanted && !*wanted;
  constexpr const char* kReason = "runAsNonRoot != true";
  if (podRefuses || !refusing.empty()) {
    return Violation{kReason, settersText(podRefuses, refusing) +
                                  " must not set securityContext.runAsNonRoot=false"};
  }
  if (silent.empty()) return {};
  return Violation{
      kReason, "pod or " + containersText(silent) + " must set securityContext.runAsNonRoot=true"};
}

Found checkRunAsUser(const PodView& pod) {
  if (exemptByUsers(pod)) return {};
  auto isRoot = [](const auto* security) { return security && security->runAsUser == 0; };
  Names containers;
  for (const auto& container : pod.containers) {
    if (isRoot(container.security)) containers.push_back(*container.name);
  }
  const bool ofPod = isRoot(pod.security);
  if (!ofPod && containers.empty()) return {};
  return Violation{"runAsUser=0", settersText(ofPod, containers) + " must not set runAsUser=0"};
}

Found checkRestrictedSeccomp(const PodView& pod) {
  if (exemptAsWindows(pod)) return {};
  SortedNames values;
  const auto* ofPod = pod.security ? pod.security->seccompProfile.get() : nullptr;
  const bool podBad = ofPod && !isConfining(ofPod->type);
  if (podBad) values.insert(ofPod->type);
  Names bad;
  Names silent;  // that say nothing, where the pod does not say it well either
  for (const auto& container : pod.containers) {
    const auto* own = container.security ? container.security->seccompProfile.get() : nullptr;
    if (!own) {
      if (!ofPod || podBad) silent.push_back(*container.name);
    } else if (!isConfining(own->type)) {
      bad.push_back(*container.name);
      values.insert(own->type);
    }
  }
  constexpr const char* kReason = "seccompProfile";
  if (podBad || !bad.empty()) {
    return Violation{kReason, settersText(podBad, bad) +
                                  " must not set securityContext.seccompProfile.type to " +
                                  quotedList(values)};
  }
  if (silent.empty()) return {};
  return Violation{kReason, "pod or " + containersText(silent) +
                                " must set securityContext.seccompProfile.type to "
                                "\"RuntimeDefault\" or \"Localhost\""};
}

}  // namespace coxswain::pod_security
