#include "controllers/framework/trim.h"

#include <algorithm>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/certificates_v1beta1.h"
#include "api/gen/core_v1.h"
#include "api/gen/flowcontrol_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/node_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/quota.h"
#include "client/informers.h"
#include "controllers/framework/recycler_pods.h"

namespace coxswain::controllers {

namespace {

using api::core::v1::Container;
using api::core::v1::ContainerStatus;
using api::core::v1::Pod;
using api::core::v1::PodCondition;
using api::core::v1::PodSpec;
using api::core::v1::PodStatus;
using api::core::v1::Toleration;
using api::core::v1::Volume;

/// Without the room that a container keeps for later.
template <typename List, typename Keep>
void keepOnly(List& list, Keep keep) {
  List kept;
  const auto count = std::count_if(list.begin(), list.end(), keep);
  kept.reserve(static_cast<size_t>(count));
  for (auto& one : list) {
    if (keep(one)) kept.push_back(std::move(one));
  }
  list.swap(kept);
}

/// Frees what `value` has: strings that are merely assigned to keep their room.
template <typename T>
void become(T& value, T other = T()) {
  std::swap(value, other);
}

/// For kinds of which the garbage collector and quotas look at the metadata, and nobody at the
/// rest.
template <typename T>
void keepMetadata(T& object) {
  T bare;
  bare.metadata = std::move(object.metadata);
  become(bare.metadata.annotations);
  become(object, std::move(bare));
}

bool isRead(std::string_view annotation) {
  return annotation.starts_with("controller.kubernetes.io/") ||
         annotation.starts_with("batch.kubernetes.io/");
}

void trimMetadata(api::meta::v1::ObjectMeta& meta) {
  become(meta.generateName);
  api::Map<std::string> kept;
  for (auto& [key, value] : meta.annotations) {
    if (isRead(key)) kept.insert_or_assign(key, std::move(value));
  }
  become(meta.annotations, std::move(kept));
}

void trimContainer(Container& container) {
  Container kept;
  kept.name = std::move(container.name);
  kept.resources = std::move(container.resources);
  kept.restartPolicy = std::move(container.restartPolicy);
  kept.ports = std::move(container.ports);
  keepOnly(kept.ports, [](const auto& port) { return !port.name.empty(); });
  become(container, std::move(kept));
}

/// All that concerns claims, and secrets that a pod needs.
bool isVolumeRead(const Volume& volume) {
  const auto& source = volume.volumeSource;
  return source.persistentVolumeClaim || source.ephemeral || source.secret;
}

/// No operator that the API has: the pod has the usual tolerations.
constexpr std::string_view kUsual = "Usual";

/// As admission plugin DefaultTolerationSeconds gives them.
const std::vector<Toleration>& usualTolerations() {
  static const auto usual = [] {
    std::vector<Toleration> both(2);
    both[0].key = "node.kubernetes.io/not-ready";
    both[1].key = "node.kubernetes.io/unreachable";
    for (auto& toleration : both) {
      toleration.operator_ = "Exists";
      toleration.effect = "NoExecute";
      toleration.tolerationSeconds = 300;
    }
    return both;
  }();
  return usual;
}

void trimTolerations(std::vector<Toleration>& tolerations) {
  // Of the others the scheduler makes something, not the eviction of pods.
  keepOnly(tolerations, [](const auto& toleration) {
    return toleration.effect.empty() || toleration.effect == "NoExecute";
  });
  if (tolerations != usualTolerations()) return;
  std::vector<Toleration> sign(1);
  sign[0].operator_ = kUsual;
  become(tolerations, std::move(sign));
}

void trimAffinity(Pod& pod) {
  auto& affinity = pod.spec.affinity;
  if (!affinity) return;
  // Where a DaemonSet's pod is to go, until it is there.
  if (!pod.spec.nodeName.empty()) affinity->nodeAffinity.reset();
  if (!api::crossesNamespaces(pod)) {
    affinity->podAffinity.reset();
    affinity->podAntiAffinity.reset();
  }
  if (!affinity->nodeAffinity && !affinity->podAffinity && !affinity->podAntiAffinity) {
    affinity.reset();
  }
}

/// `wipes`: the pod wipes a volume, one of its own.
void trimSpec(PodSpec& spec, bool wipes) {
  PodSpec kept;
  kept.volumes = std::move(spec.volumes);
  if (!wipes) keepOnly(kept.volumes, isVolumeRead);
  kept.containers = std::move(spec.containers);
  kept.initContainers = std::move(spec.initContainers);
  for (auto* list : {&kept.containers, &kept.initContainers}) {
    for (auto& container : *list) trimContainer(container);
    list->shrink_to_fit();
  }
  kept.restartPolicy = std::move(spec.restartPolicy);
  kept.terminationGracePeriodSeconds = spec.terminationGracePeriodSeconds;
  kept.activeDeadlineSeconds = spec.activeDeadlineSeconds;
  kept.nodeName = std::move(spec.nodeName);
  kept.hostname = std::move(spec.hostname);
  kept.subdomain = std::move(spec.subdomain);
  kept.affinity = std::move(spec.affinity);
  kept.tolerations = std::move(spec.tolerations);
  trimTolerations(kept.tolerations);
  kept.priorityClassName = std::move(spec.priorityClassName);
  kept.priority = spec.priority;
  kept.overhead = std::move(spec.overhead);
  kept.resourceClaims = std::move(spec.resourceClaims);
  kept.resources = std::move(spec.resources);
  become(spec, std::move(kept));
}

/// What it has is what the container asks for: nothing is being resized.
void dropSettledResources(const std::vector<Container>& containers, ContainerStatus& status) {
  auto same = std::find_if(containers.begin(), containers.end(),
                           [&status](const auto& one) { return one.name == status.name; });
  if (same == containers.end()) return;
  if (status.resources && status.resources->requests == same->resources.requests &&
      status.resources->limits == same->resources.limits) {
    status.resources.reset();
  }
  if (status.allocatedResources == same->resources.requests) become(status.allocatedResources);
}

/// It runs, and has not run before.
bool saysNothing(const ContainerStatus& status) {
  return status.state.running && status.restartCount == 0 && !status.resources &&
         status.allocatedResources.empty();
}

/// All of a list or none: that one has no status means something else.
void trimStatuses(const std::vector<Container>& containers, std::vector<ContainerStatus>& list) {
  for (auto& status : list) {
    dropSettledResources(containers, status);
    ContainerStatus kept;
    kept.name = std::move(status.name);
    kept.state = std::move(status.state);
    kept.ready = status.ready;
    kept.restartCount = status.restartCount;
    kept.resources = std::move(status.resources);
    kept.allocatedResources = std::move(status.allocatedResources);
    if (auto& ended = kept.state.terminated) {
      become(ended->message);
      become(ended->containerID);
    }
    if (auto& waiting = kept.state.waiting) become(waiting->message);
    become(status, std::move(kept));
  }
  if (std::all_of(list.begin(), list.end(), saysNothing)) {
    become(list);
  } else {
    list.shrink_to_fit();
  }
}

bool isConditionRead(const PodCondition& condition) {
  return condition.type == "Ready" || condition.type == "DisruptionTarget";
}

void trimStatus(const PodSpec& spec, bool deleted, PodStatus& status) {
  // A Job's failure policy may ask for any.
  if (status.phase != "Failed") keepOnly(status.conditions, isConditionRead);
  for (auto& condition : status.conditions) {
    if (condition.type != "DisruptionTarget") become(condition.message);
  }
  become(status.hostIPs);
  // Where there is one address, it is podIP.
  if (status.podIPs.size() == 1 && status.podIPs[0].ip == status.podIP) become(status.podIPs);
  // Whether containers of a pod that goes run still is asked of each.
  if (!deleted) {
    trimStatuses(spec.initContainers, status.initContainerStatuses);
    trimStatuses(spec.containers, status.containerStatuses);
  }
  become(status.ephemeralContainerStatuses);
  become(status.nominatedNodeName);
  become(status.resize);
}

}  // namespace

void trimPod(Pod& pod) {
  trimMetadata(pod.metadata);
  trimAffinity(pod);
  trimSpec(pod.spec, !recycledBy(pod).empty());
  trimStatus(pod.spec, pod.metadata.deletionTimestamp.has_value(), pod.status);
}

const std::vector<Toleration>& tolerationsOf(const Pod& pod) {
  const auto& all = pod.spec.tolerations;
  return all.size() == 1 && all[0].operator_ == kUsual ? usualTolerations() : all;
}

void trimNode(api::core::v1::Node& node) {
  become(node.status.images);
  become(node.status.nodeInfo);
  become(node.status.config);
}

void trimJob(api::batch::v1::Job& job) {
  const auto& conditions = job.status.conditions;
  const bool ended = std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return (condition.type == "Complete" || condition.type == "Failed") &&
           condition.status == "True";
  });
  if (ended) become(job.spec.template_);
}

void trimConfigMap(api::core::v1::ConfigMap& map) {
  if (map.metadata.name != "kube-root-ca.crt") keepMetadata(map);
}

void trimCaches(client::Informers& informers) {
  informers.trim<Pod>(trimPod);
  informers.trim<api::core::v1::Node>(trimNode);
  informers.trim<api::core::v1::ConfigMap>(trimConfigMap);
  informers.trim<api::batch::v1::Job>(trimJob);
  const auto bare = [&informers]<typename... T>() { (informers.trim<T>(keepMetadata<T>), ...); };
  {
    // Of secrets with tokens their controllers have caches of their own.
    using namespace api::core::v1;
    bare.operator()<LimitRange, PodTemplate, Secret>();
  }
  {
    using namespace api::admissionregistration::v1;
    bare.operator()<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding,
                    MutatingWebhookConfiguration, ValidatingAdmissionPolicy,
                    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration>();
  }
  {
    using namespace api::networking::v1;
    bare.operator()<Ingress, IngressClass, NetworkPolicy>();
  }
  {
    using namespace api::rbac::v1;
    bare.operator()<ClusterRoleBinding, Role, RoleBinding>();
  }
  {
    using namespace api::resource::v1;
    bare.operator()<DeviceClass, ResourceSlice>();
  }
  {
    using namespace api::storage::v1;
    bare.operator()<CSINode, CSIStorageCapacity>();
  }
  {
    using namespace api::flowcontrol::v1;
    bare.operator()<FlowSchema, PriorityLevelConfiguration>();
  }
  {
    using namespace api::certificates::v1beta1;
    bare.operator()<ClusterTrustBundle, PodCertificateRequest>();
  }
  // The autoscaler reads the other version.
  bare.operator()<api::autoscaling::v1::HorizontalPodAutoscaler>();
  bare.operator()<api::apiextensions::v1::CustomResourceDefinition>();
  bare.operator()<api::node::v1::RuntimeClass>();
  bare.operator()<api::scheduling::v1::PriorityClass>();
}

}  // namespace coxswain::controllers
