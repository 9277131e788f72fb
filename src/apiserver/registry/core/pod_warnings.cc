#include "apiserver/registry/core/pod_warnings.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "apiserver/registry/ip_warnings.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::FieldPath;
using api::goQuote;
using Warnings = std::vector<std::string>;
using ObjectMeta = api::meta::v1::ObjectMeta;

struct Note {
  std::string_view key;
  std::string_view text;
};

constexpr Note kNodeLabels[] = {
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone",
     "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"beta.kubernetes.io/instance-type",
     "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"}};

constexpr Note kAnnotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"}};

constexpr std::string_view kPodSeccomp = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kContainerSeccomp = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kAppArmor = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kNullSelector = "a null labelSelector results in matching no pod";

void tell(const FieldPath& path, std::string_view text, Warnings& out) {
  out.push_back(path.str() + ": " + std::string(text));
}

std::string_view deprecationOf(std::string_view nodeLabel) {
  for (const auto& each : kNodeLabels) {
    if (each.key == nodeLabel) return each.text;
  }
  return {};
}

void warnOfLabel(const std::string& key, const FieldPath& path, Warnings& out) {
  if (auto text = deprecationOf(key); !text.empty()) {
    tell(path, key + " is " + std::string(text), out);
  }
}

void warnOfTerm(const NodeSelectorTerm& term, const FieldPath& path, Warnings& out) {
  for (size_t i = 0; i < term.matchExpressions.size(); ++i) {
    if (deprecationOf(term.matchExpressions[i].key).empty()) continue;
    warnOfLabel(term.matchExpressions[i].key, path.child("matchExpressions").index(i).child("key"),
                out);
  }
}

void warnOfPlaces(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  for (const auto& [key, value] : spec.nodeSelector) {
    if (auto text = deprecationOf(key); !text.empty()) {
      tell(path.child("nodeSelector").key(key), text, out);
    }
  }
  if (spec.affinity && spec.affinity->nodeAffinity) {
    const auto node = path.child("affinity").child("nodeAffinity");
    const auto& affinity = *spec.affinity->nodeAffinity;
    if (const auto& required = affinity.requiredDuringSchedulingIgnoredDuringExecution) {
      const auto at = node.child("requiredDuringSchedulingIgnoredDuringExecution");
      const auto terms = at.child("nodeSelectorTerms");
      for (size_t i = 0; i < required->nodeSelectorTerms.size(); ++i) {
        warnOfTerm(required->nodeSelectorTerms[i], terms.index(i), out);
      }
    }
    const auto& preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution;
    const auto at = node.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (size_t i = 0; i < preferred.size(); ++i) {
      warnOfTerm(preferred[i].preference, at.index(i).child("preference"), out);
    }
  }
  for (size_t i = 0; i < spec.topologySpreadConstraints.size(); ++i) {
    const auto& constraint = spec.topologySpreadConstraints[i];
    const auto constraints = path.child("topologySpreadConstraints");
    const auto at = constraints.index(i);
    warnOfLabel(constraint.topologyKey, at.child("topologyKey"), out);
    if (!constraint.labelSelector) tell(at.child("labelSelector"), kNullSelector, out);
  }
}

void warnOfVolume(const Volume& volume, const FieldPath& path, Warnings& out) {
  const auto& source = volume.volumeSource;
  const auto old = [&](bool set, std::string_view field, std::string_view text) {
    if (set) tell(path.child(field), text, out);
  };
  constexpr std::string_view kSince22 = "deprecated in v1.22, non-functional in v1.25+";
  constexpr std::string_view kSince28 = "deprecated in v1.28, non-functional in v1.31+";
  old(source.photonPersistentDisk.has_value(), "photonPersistentDisk",
      "deprecated in v1.11, non-functional in v1.16+");
  old(source.gitRepo.has_value(), "gitRepo",
      "deprecated in v1.11, and disabled by default in v1.33+");
  old(source.scaleIO.has_value(), "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
  old(source.flocker.has_value(), "flocker", kSince22);
  old(source.storageos.has_value(), "storageOS", kSince22);
  old(source.quobyte.has_value(), "quobyte", kSince22);
  old(source.glusterfs.has_value(), "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
  if (source.ephemeral && source.ephemeral->volumeClaimTemplate) {
    const auto ephemeral = path.child("ephemeral");
    const auto claim = ephemeral.child("volumeClaimTemplate");
    warnOfClaimSpec(source.ephemeral->volumeClaimTemplate->spec, claim.child("spec"), out);
  }
  old(source.cephfs.has_value(), "cephfs", kSince28);
  old(source.rbd.has_value(), "rbd", kSince28);
}

// Files of a volume that would hide each other.

using Paths = std::vector<std::string>;

template <typename Items>
Paths pathsOf(const Items& items) {
  Paths out;
  for (const auto& item : items) out.push_back(item.path);
  return out;
}

std::string collision(const std::set<std::string>& seen, const std::string& path) {
  for (const auto& item : seen) {
    if (item.empty() || path.empty()) return {};
    if (item == path || (item + "/").starts_with(path) || (path + "/").starts_with(item)) {
      return item;
    }
  }
  return {};
}

void warnOfOverlaps(const Paths& paths, const std::string& volume, Warnings& out) {
  std::set<std::string> seen;
  for (auto path : paths) {
    while (path.ends_with('/')) path.pop_back();
    if (auto other = collision(seen, path); !other.empty()) {
      out.push_back(volume + ": overlapping paths: " + goQuote(path) + " with " + goQuote(other));
    }
    seen.insert(std::move(path));
  }
}

void warnOfProjected(const Volume& volume, Warnings& out) {
  const auto name = "volume " + goQuote(volume.name) + " (Projected";
  std::set<std::string> all;
  for (const auto& source : volume.volumeSource.projected->sources) {
    Paths paths;
    std::string what;
    if (source == VolumeProjection()) {
      out.push_back(name + ") has no sources provided");
    } else if (source.configMap && !source.configMap->items.empty()) {
      paths = pathsOf(source.configMap->items);
      what = " ConfigMap " + goQuote(source.configMap->localObjectReference.name);
    } else if (source.secret && !source.secret->items.empty()) {
      paths = pathsOf(source.secret->items);
      what = " Secret " + goQuote(source.secret->localObjectReference.name);
    } else if (source.downwardAPI && !source.downwardAPI->items.empty()) {
      paths = pathsOf(source.downwardAPI->items);
      what = " DownwardAPI";
    } else if (source.serviceAccountToken) {
      paths = {source.serviceAccountToken->path};
      what = " ServiceAccountToken";
    } else if (source.clusterTrustBundle) {
      const auto& bundle = *source.clusterTrustBundle;
      paths = {bundle.path};
      what = " ClusterTrustBundle " + goQuote(bundle.name.value_or(bundle.signerName.value_or("")));
    }
    if (paths.empty()) continue;
    warnOfOverlaps(paths, name + what + ")", out);
    std::set<std::string> both(paths.begin(), paths.end());
    Paths together(both.begin(), both.end());
    together.insert(together.end(), all.begin(), all.end());
    std::sort(together.begin(), together.end());
    warnOfOverlaps(together, name + what + ")", out);
    all.merge(both);
  }
}

void warnOfPathsIn(const Volume& volume, Warnings& out) {
  const auto& source = volume.volumeSource;
  const auto name = [&volume] { return "volume " + goQuote(volume.name) + " ("; };
  if (source.configMap && source.configMap->items.size() > 1) {
    warnOfOverlaps(
        pathsOf(source.configMap->items),
        name() + "ConfigMap " + goQuote(source.configMap->localObjectReference.name) + ")", out);
  }
  if (source.secret && source.secret->items.size() > 1) {
    warnOfOverlaps(pathsOf(source.secret->items),
                   name() + "Secret " + goQuote(source.secret->secretName) + ")", out);
  }
  if (source.downwardAPI && source.downwardAPI->items.size() > 1) {
    warnOfOverlaps(pathsOf(source.downwardAPI->items), name() + "DownwardAPI)", out);
  }
  if (source.projected) warnOfProjected(volume, out);
}

void warnOfVolumes(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  const auto volumes = path.child("volumes");
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    warnOfVolume(spec.volumes[i], volumes.index(i), out);
  }
  for (const auto& volume : spec.volumes) warnOfPathsIn(volume, out);
}

/// Entries that come twice by `of`.
template <typename List, typename Of>
void warnOfTwice(const List& list, Of of, const FieldPath& path, std::string_view field,
                 std::string_view what, Warnings& out) {
  if (list.size() < 2) return;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& value = of(list[i]);
    if (seen.insert(value).second) continue;
    tell(path.index(i).child(field), "duplicate " + std::string(what) + " " + goQuote(value), out);
  }
}

void warnOfFraction(const api::Map<api::Quantity>& amounts, std::string_view resource,
                    const FieldPath& path, Warnings& out) {
  const auto* amount = amounts.get(resource);
  if (!amount || amount->milliValue() % 1000 == 0) return;
  tell(path.key(resource),
       "fractional byte value " + goQuote(amount->str()) + " is invalid, must be an integer", out);
}

void warnOfReferences(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  const auto aliases = path.child("hostAliases");
  warnOfTwice(
      spec.hostAliases, [](const HostAlias& each) -> const std::string& { return each.ip; },
      aliases, "ip", "ip", out);
  const auto secrets = path.child("imagePullSecrets");
  warnOfTwice(
      spec.imagePullSecrets,
      [](const LocalObjectReference& each) -> const std::string& { return each.name; }, secrets,
      "name", "name", out);
  for (size_t i = 0; i < spec.imagePullSecrets.size(); ++i) {
    if (!spec.imagePullSecrets[i].name.empty()) continue;
    tell(secrets.index(i).child("name"), "invalid empty name \"\"", out);
  }
  const auto overhead = path.child("overhead");
  for (auto resource : {"memory", "ephemeral-storage"}) {
    warnOfFraction(spec.overhead, resource, overhead, out);
  }
}

void warnOfEnv(const std::vector<EnvVar>& env, const FieldPath& path, Warnings& out) {
  if (env.size() < 2) return;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < env.size(); ++i) {
    if (seen.insert(env[i].name).second) continue;
    const auto reference = "$(" + env[i].name + ")";
    const bool builds = !env[i].valueFrom && env[i].value != reference &&
                        env[i].value.find(reference) != std::string::npos;
    if (builds) continue;
    tell(path.index(i),
         "hides previous definition of " + goQuote(env[i].name) +
             ", which may be dropped when using apply",
         out);
  }
}

/// What is told of each container, in the pod's context.
struct Context {
  const PodSpec& spec;
  const ObjectMeta& meta;
  const FieldPath& metaPath;
  bool isTemplate;
};

template <typename Any>
void warnOfContainer(const Any& container, const Context& pod, const FieldPath& path,
                     Warnings& out) {
  const auto& security = container.securityContext;
  const auto& annotations = pod.meta.annotations;
  if (!annotations.empty()) {
    const auto where = pod.metaPath.child("annotations");
    if (auto key = std::string(kContainerSeccomp) + container.name;
        !(security && security->seccompProfile) && annotations.contains(key)) {
      tell(where.key(key), "non-functional in v1.27+; use the \"seccompProfile\" field instead",
           out);
    }
    const bool hasProfile =
        (pod.spec.securityContext && pod.spec.securityContext->appArmorProfile) ||
        (security && security->appArmorProfile);
    if (auto key = std::string(kAppArmor) + container.name;
        pod.isTemplate && !hasProfile && annotations.contains(key)) {
      tell(where.key(key), "deprecated since v1.30; use the \"appArmorProfile\" field instead",
           out);
    }
  }
  const auto resources = path.child("resources");
  for (auto resource : {"memory", "ephemeral-storage"}) {
    warnOfFraction(container.resources.limits, resource, resources.child("limits"), out);
    warnOfFraction(container.resources.requests, resource, resources.child("requests"), out);
  }
  warnOfEnv(container.env, path.child("env"), out);
}

/// Ports of all containers by number and protocol.
class Ports {
 public:
  void add(const std::vector<ContainerPort>& ports, const FieldPath& path, Warnings& out) {
    for (size_t i = 0; i < ports.size(); ++i) {
      const auto& port = ports[i];
      const auto at = path.index(i);
      if (!port.hostIP.empty() && port.hostPort == 0) {
        tell(at,
             "hostIP set without hostPort: {Name:" + port.name +
                 " HostPort:0 ContainerPort:" + std::to_string(port.containerPort) +
                 " Protocol:" + port.protocol + " HostIP:" + port.hostIP + "}",
             out);
      }
      auto& others = seen_[{port.containerPort, port.protocol}];
      for (const auto& other : others) compare(port, *other.port, other.path, at, out);
      others.push_back({at.str(), &port});
    }
  }

 private:
  struct Seen {
    std::string path;
    const ContainerPort* port;
  };
  static void compare(const ContainerPort& port, const ContainerPort& other,
                      const std::string& where, const FieldPath& at, Warnings& out) {
    const bool oneAddress = port.hostIP.empty() != other.hostIP.empty();
    if (port.hostIP == other.hostIP && port.hostPort == other.hostPort) {
      tell(at, "duplicate port definition with " + where, out);
    } else if (port.hostPort == 0 || other.hostPort == 0) {
      tell(at, "overlapping port definition with " + where, out);
    } else if (port.hostPort == other.hostPort && oneAddress) {
      tell(at, "dangerously ambiguous port definition with " + where, out);
    }
  }
  std::map<std::pair<int32_t, std::string_view>, std::vector<Seen>> seen_;
};

template <typename Visit>
void eachContainer(const PodSpec& spec, const FieldPath& path, Visit visit) {
  const auto all = [&](const auto& list, std::string_view field) {
    const auto at = path.child(field);
    for (size_t i = 0; i < list.size(); ++i) visit(list[i], at.index(i));
  };
  all(spec.initContainers, "initContainers");
  all(spec.containers, "containers");
}

template <typename Terms>
void warnOfTerms(const Terms& terms, const FieldPath& path, Warnings& out) {
  for (size_t i = 0; i < terms.size(); ++i) {
    if constexpr (requires { terms[i].podAffinityTerm; }) {
      if (terms[i].podAffinityTerm.labelSelector) continue;
      const auto at = path.index(i);
      const auto term = at.child("podAffinityTerm");
      tell(term.child("labelSelector"), kNullSelector, out);
    } else if (!terms[i].labelSelector) {
      tell(path.index(i).child("labelSelector"), kNullSelector, out);
    }
  }
}

template <typename Affinity>
void warnOfAffinity(const Affinity& affinity, const FieldPath& path, Warnings& out) {
  warnOfTerms(affinity.requiredDuringSchedulingIgnoredDuringExecution,
              path.child("requiredDuringSchedulingIgnoredDuringExecution"), out);
  warnOfTerms(affinity.preferredDuringSchedulingIgnoredDuringExecution,
              path.child("preferredDuringSchedulingIgnoredDuringExecution"), out);
}

void warnOfAddresses(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  if (spec.dnsConfig) {
    const auto config = path.child("dnsConfig");
    const auto servers = config.child("nameservers");
    for (size_t i = 0; i < spec.dnsConfig->nameservers.size(); ++i) {
      warnOfIp(spec.dnsConfig->nameservers[i], servers.index(i), out);
    }
  }
  const auto aliases = path.child("hostAliases");
  for (size_t i = 0; i < spec.hostAliases.size(); ++i) {
    const auto at = aliases.index(i);
    warnOfIp(spec.hostAliases[i].ip, at.child("ip"), out);
  }
}

void warnOfSpec(const Context& pod, const FieldPath& path, Warnings& out) {
  const auto& spec = pod.spec;
  warnOfPlaces(spec, path, out);
  for (const auto& each : kAnnotations) {
    if (!pod.meta.annotations.contains(each.key)) continue;
    const auto where = pod.metaPath.child("annotations");
    tell(where.key(each.key), each.text, out);
  }
  warnOfVolumes(spec, path, out);
  warnOfReferences(spec, path, out);
  if (!(spec.securityContext && spec.securityContext->seccompProfile) &&
      pod.meta.annotations.contains(kPodSeccomp)) {
    const auto where = pod.metaPath.child("annotations");
    tell(where.key(kPodSeccomp),
         "non-functional in v1.27+; use the \"seccompProfile\" field instead", out);
  }
  eachContainer(spec, path, [&](const Container& container, const FieldPath& at) {
    warnOfContainer(container, pod, at, out);
  });
  Ports ports;
  eachContainer(spec, path, [&](const Container& container, const FieldPath& at) {
    ports.add(container.ports, at.child("ports"), out);
  });
  if (spec.terminationGracePeriodSeconds.value_or(0) < 0) {
    tell(path.child("terminationGracePeriodSeconds"),
         "must be >= 0; negative values are invalid and will be treated as 1", out);
  }
  if (spec.affinity) {
    const auto affinity = path.child("affinity");
    if (const auto& near = spec.affinity->podAffinity) {
      warnOfAffinity(*near, affinity.child("podAffinity"), out);
    }
    if (const auto& far = spec.affinity->podAntiAffinity) {
      warnOfAffinity(*far, affinity.child("podAntiAffinity"), out);
    }
  }
  warnOfAddresses(spec, path, out);
}

}  // namespace

void warnOfPod(const Pod& pod, Warnings& out) {
  const FieldPath meta("metadata");
  warnOfSpec({pod.spec, pod.metadata, meta, false}, FieldPath("spec"), out);
}

void warnOfPodTemplate(const PodTemplateSpec& podTemplate, const FieldPath& path, Warnings& out) {
  const auto meta = path.child("metadata");
  warnOfSpec({podTemplate.spec, podTemplate.metadata, meta, true}, path.child("spec"), out);
}

void warnOfClaimSpec(const PersistentVolumeClaimSpec& spec, const FieldPath& path, Warnings& out) {
  const auto resources = path.child("resources");
  warnOfFraction(spec.resources.requests, "storage", resources.child("requests"), out);
}

void warnOfPodMakersName(std::string_view name, Warnings& out) {
  warnOfName(name,
             "metadata.name: this is used in Pod names and hostnames, which can result in "
             "surprising behavior",
             out);
}

}  // namespace coxswain::apiserver
