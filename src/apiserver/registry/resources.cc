#include "apiserver/registry/resources.h"

#include <algorithm>
#include <deque>
#include <tuple>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/batch_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/events_v1.h"
#include "api/gen/flowcontrol_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/node_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/registry/autoscaling/hpa_conversion.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/events/event_rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

namespace {

constexpr std::string_view kShortConfigmaps[] = {"cm"};
constexpr std::string_view kAllVerbs[] = {"create", "delete", "deletecollection", "get",
                                          "list",   "patch",  "update",           "watch"};
constexpr std::string_view kShortEndpoints[] = {"ep"};
constexpr std::string_view kShortEvents[] = {"ev"};
constexpr std::string_view kShortLimitranges[] = {"limits"};
constexpr std::string_view kVerbsUpdate[] = {"update"};
constexpr std::string_view kVerbsGetPatchUpdate[] = {"get", "patch", "update"};
constexpr std::string_view kShortNamespaces[] = {"ns"};
constexpr std::string_view kVerbsCreateDeleteGetListPatchUpdateWatch[] = {
    "create", "delete", "get", "list", "patch", "update", "watch"};
constexpr std::string_view kVerbsCreateDeleteGetPatchUpdate[] = {"create", "delete", "get", "patch",
                                                                 "update"};
constexpr std::string_view kShortNodes[] = {"no"};
constexpr std::string_view kShortPersistentvolumeclaims[] = {"pvc"};
constexpr std::string_view kShortPersistentvolumes[] = {"pv"};
constexpr std::string_view kVerbsCreateGet[] = {"create", "get"};
constexpr std::string_view kVerbsCreate[] = {"create"};
constexpr std::string_view kVerbsGet[] = {"get"};
constexpr std::string_view kShortPods[] = {"po"};
constexpr std::string_view kCategoryAll[] = {"all"};
constexpr std::string_view kCategoryApiExtensions[] = {"api-extensions"};
constexpr std::string_view kShortReplicationcontrollers[] = {"rc"};
constexpr std::string_view kShortResourcequotas[] = {"quota"};
constexpr std::string_view kShortServiceaccounts[] = {"sa"};
constexpr std::string_view kShortServices[] = {"svc"};
constexpr std::string_view kShortDaemonsets[] = {"ds"};
constexpr std::string_view kShortDeployments[] = {"deploy"};
constexpr std::string_view kShortReplicasets[] = {"rs"};
constexpr std::string_view kShortStatefulsets[] = {"sts"};
constexpr std::string_view kShortCronJobs[] = {"cj"};
constexpr std::string_view kShortPriorityclasses[] = {"pc"};
constexpr std::string_view kShortPodDisruptionBudgets[] = {"pdb"};
constexpr std::string_view kShortComponentStatuses[] = {"cs"};
constexpr std::string_view kVerbsGetList[] = {"get", "list"};
constexpr std::string_view kShortHpas[] = {"hpa"};
constexpr std::string_view kShortCsrs[] = {"csr"};
constexpr std::string_view kShortIpAddresses[] = {"ip"};
constexpr std::string_view kShortIngresses[] = {"ing"};
constexpr std::string_view kShortNetworkPolicies[] = {"netpol"};
constexpr std::string_view kShortStorageClasses[] = {"sc"};
constexpr std::string_view kShortVolumeAttributesClasses[] = {"vac"};

constexpr Subresource kApiServiceSubresources[] = {
    {"status", "apiregistration.k8s.io", "v1", "APIService", kVerbsGetPatchUpdate},
};
constexpr Subresource kNamespaceSubresources[] = {
    {"finalize", "", "v1", "Namespace", kVerbsUpdate},
    {"status", "", "v1", "Namespace", kVerbsGetPatchUpdate},
};
constexpr Subresource kNodeSubresources[] = {
    {"proxy", "", "v1", "NodeProxyOptions", kVerbsCreateDeleteGetPatchUpdate},
    {"status", "", "v1", "Node", kVerbsGetPatchUpdate},
};
constexpr Subresource kPersistentVolumeClaimSubresources[] = {
    {"status", "", "v1", "PersistentVolumeClaim", kVerbsGetPatchUpdate},
};
constexpr Subresource kPersistentVolumeSubresources[] = {
    {"status", "", "v1", "PersistentVolume", kVerbsGetPatchUpdate},
};
constexpr Subresource kPodSubresources[] = {
    {"attach", "", "v1", "PodAttachOptions", kVerbsCreateGet},
    {"binding", "", "v1", "Binding", kVerbsCreate},
    {"ephemeralcontainers", "", "v1", "Pod", kVerbsGetPatchUpdate},
    {"eviction", "policy", "v1", "Eviction", kVerbsCreate},
    {"exec", "", "v1", "PodExecOptions", kVerbsCreateGet},
    {"log", "", "v1", "Pod", kVerbsGet},
    {"portforward", "", "v1", "PodPortForwardOptions", kVerbsCreateGet},
    {"proxy", "", "v1", "PodProxyOptions", kVerbsCreateDeleteGetPatchUpdate},
    {"resize", "", "v1", "Pod", kVerbsGetPatchUpdate},
    {"status", "", "v1", "Pod", kVerbsGetPatchUpdate},
};
constexpr Subresource kReplicationControllerSubresources[] = {
    {"scale", "autoscaling", "v1", "Scale", kVerbsGetPatchUpdate},
    {"status", "", "v1", "ReplicationController", kVerbsGetPatchUpdate},
};
constexpr Subresource kResourceQuotaSubresources[] = {
    {"status", "", "v1", "ResourceQuota", kVerbsGetPatchUpdate},
};
constexpr Subresource kServiceAccountSubresources[] = {
    {"token", "authentication.k8s.io", "v1", "TokenRequest", kVerbsCreate},
};
constexpr Subresource kServiceSubresources[] = {
    {"proxy", "", "v1", "ServiceProxyOptions", kVerbsCreateDeleteGetPatchUpdate},
    {"status", "", "v1", "Service", kVerbsGetPatchUpdate},
};
constexpr Subresource kDaemonSetSubresources[] = {
    {"status", "apps", "v1", "DaemonSet", kVerbsGetPatchUpdate},
};
constexpr Subresource kDeploymentSubresources[] = {
    {"scale", "autoscaling", "v1", "Scale", kVerbsGetPatchUpdate},
    {"status", "apps", "v1", "Deployment", kVerbsGetPatchUpdate},
};
constexpr Subresource kReplicaSetSubresources[] = {
    {"scale", "autoscaling", "v1", "Scale", kVerbsGetPatchUpdate},
    {"status", "apps", "v1", "ReplicaSet", kVerbsGetPatchUpdate},
};
constexpr Subresource kStatefulSetSubresources[] = {
    {"scale", "autoscaling", "v1", "Scale", kVerbsGetPatchUpdate},
    {"status", "apps", "v1", "StatefulSet", kVerbsGetPatchUpdate},
};

constexpr Subresource kCronJobSubresources[] = {
    {"status", "batch", "v1", "CronJob", kVerbsGetPatchUpdate},
};
constexpr Subresource kJobSubresources[] = {
    {"status", "batch", "v1", "Job", kVerbsGetPatchUpdate},
};

constexpr Subresource kPodDisruptionBudgetSubresources[] = {
    {"status", "policy", "v1", "PodDisruptionBudget", kVerbsGetPatchUpdate},
};

constexpr Subresource kIngressSubresources[] = {
    {"status", "networking.k8s.io", "v1", "Ingress", kVerbsGetPatchUpdate},
};

constexpr Subresource kServiceCidrSubresources[] = {
    {"status", "networking.k8s.io", "v1", "ServiceCIDR", kVerbsGetPatchUpdate},
};

constexpr Subresource kHpaV1Subresources[] = {
    {"status", "autoscaling", "v1", "HorizontalPodAutoscaler", kVerbsGetPatchUpdate},
};
constexpr Subresource kHpaV2Subresources[] = {
    {"status", "autoscaling", "v2", "HorizontalPodAutoscaler", kVerbsGetPatchUpdate},
};

constexpr Subresource kCsrSubresources[] = {
    {"approval", "certificates.k8s.io", "v1", "CertificateSigningRequest", kVerbsGetPatchUpdate},
    {"status", "certificates.k8s.io", "v1", "CertificateSigningRequest", kVerbsGetPatchUpdate},
};

constexpr Subresource kVolumeAttachmentSubresources[] = {
    {"status", "storage.k8s.io", "v1", "VolumeAttachment", kVerbsGetPatchUpdate},
};
constexpr Subresource kFlowSchemaSubresources[] = {
    {"status", "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", kVerbsGetPatchUpdate},
};
constexpr Subresource kPriorityLevelSubresources[] = {
    {"status", "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration",
     kVerbsGetPatchUpdate},
};
constexpr Subresource kResourceClaimSubresources[] = {
    {"status", "resource.k8s.io", "v1", "ResourceClaim", kVerbsGetPatchUpdate},
};

class Table {
 public:
  Table();
  [[nodiscard]] const std::vector<Resource>& rows() const { return rows_; }

 private:
  void add(Resource row, std::unique_ptr<Strategy> strategy) {
    row.strategy = keep(std::move(strategy));
    row.storageInfo = row.info;
    rows_.push_back(row);
  }
  const Strategy* keep(std::unique_ptr<Strategy> strategy) {
    strategies_.push_back(std::move(strategy));
    return strategies_.back().get();
  }
  /// The first of the versions.
  Resource& row(std::string_view group, std::string_view plural) {
    return *std::find_if(rows_.begin(), rows_.end(), [&](const Resource& each) {
      return each.group == group && each.plural == plural;
    });
  }
  /// `row` is another look at objects that are kept as Stored.
  template <auto toStored, auto fromStored, typename Served, typename Stored>
  static void storeAs(Resource& row) {
    row.storageInfo = &Stored::info();
    row.toStorage = [](const void* served, void* stored) {
      *static_cast<Stored*>(stored) = toStored(*static_cast<const Served*>(served));
    };
    row.fromStorage = [](const void* stored, void* served) {
      *static_cast<Served*>(served) = fromStored(*static_cast<const Stored*>(stored));
    };
  }
  void addCore();
  void addApiRegistration();
  void addApps();
  void addAutoscaling();
  void addBatch();
  void addOthers();
  void addNetworking();
  void addNodesAndStorage();
  void addStorageRest();
  void addFlowControl();
  void addDevices();
  void addPolicy();
  void addRbac();

  std::vector<Resource> rows_;
  std::deque<std::unique_ptr<Strategy>> strategies_;
};

Table::Table() {
  addCore();
  addApiRegistration();
  addApps();
  addAutoscaling();
  addBatch();
  addOthers();
  addNetworking();
  addNodesAndStorage();
  addStorageRest();
  addFlowControl();
  addDevices();
  addPolicy();
  addRbac();
  std::sort(rows_.begin(), rows_.end(), [](const Resource& a, const Resource& b) {
    return std::tie(a.group, a.version, a.plural) < std::tie(b.group, b.version, b.plural);
  });
  row("", "namespaces").subresourceStrategies = {
      {"finalize", keep(makeNamespaceFinalizeStrategy())}};
  row("", "pods").subresourceStrategies = {
      {"ephemeralcontainers", keep(makePodEphemeralContainersStrategy())},
      {"resize", keep(makePodResizeStrategy())}};
  row("", "componentstatuses").deprecation = "v1 ComponentStatus is deprecated in v1.19+";
  row("", "endpoints").deprecation =
      "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
  storeAs<toCoreEvent, fromCoreEvent, api::events::v1::Event, api::core::v1::Event>(
      row("events.k8s.io", "events"));
  storeAs<toAutoscalerV2, toAutoscalerV1, api::autoscaling::v1::HorizontalPodAutoscaler,
          api::autoscaling::v2::HorizontalPodAutoscaler>(
      row("autoscaling", "horizontalpodautoscalers"));
  row("certificates.k8s.io", "certificatesigningrequests").subresourceStrategies = {
      {"approval", keep(makeCertificateApprovalStrategy())}};
}

void Table::addCore() {
  add({.group = "",
       .version = "v1",
       .plural = "componentstatuses",
       .singular = "componentstatus",
       .kind = "ComponentStatus",
       .shortNames = kShortComponentStatuses,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/componentstatuses",
       .storageVersionHash = "",
       .verbs = kVerbsGetList,
       .subresources = {},
       .info = &api::core::v1::ComponentStatus::info(),
       .listInfo = &api::core::v1::ComponentStatusList::info()},
      makeComponentStatusStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "configmaps",
       .singular = "configmap",
       .kind = "ConfigMap",
       .shortNames = kShortConfigmaps,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/configmaps",
       .storageVersionHash = "qFsyl6wFWjQ=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::ConfigMap::info(),
       .listInfo = &api::core::v1::ConfigMapList::info()},
      makeConfigMapStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "endpoints",
       .singular = "endpoints",
       .kind = "Endpoints",
       .shortNames = kShortEndpoints,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/services/endpoints",
       .storageVersionHash = "fWeeMqaN/OA=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::Endpoints::info(),
       .listInfo = &api::core::v1::EndpointsList::info()},
      makeEndpointsStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "events",
       .singular = "event",
       .kind = "Event",
       .shortNames = kShortEvents,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/events",
       .storageVersionHash = "r2yiGXH7wu8=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::Event::info(),
       .listInfo = &api::core::v1::EventList::info()},
      makeEventStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "limitranges",
       .singular = "limitrange",
       .kind = "LimitRange",
       .shortNames = kShortLimitranges,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/limitranges",
       .storageVersionHash = "EBKMFVe6cwo=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::LimitRange::info(),
       .listInfo = &api::core::v1::LimitRangeList::info()},
      makeLimitRangeStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "namespaces",
       .singular = "namespace",
       .kind = "Namespace",
       .shortNames = kShortNamespaces,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/namespaces",
       .storageVersionHash = "Q3oi5N2YM8M=",
       .verbs = kVerbsCreateDeleteGetListPatchUpdateWatch,
       .subresources = kNamespaceSubresources,
       .info = &api::core::v1::Namespace::info(),
       .listInfo = &api::core::v1::NamespaceList::info()},
      makeNamespaceStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "nodes",
       .singular = "node",
       .kind = "Node",
       .shortNames = kShortNodes,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/minions",
       .storageVersionHash = "XwShjMxG9Fs=",
       .verbs = kAllVerbs,
       .subresources = kNodeSubresources,
       .info = &api::core::v1::Node::info(),
       .listInfo = &api::core::v1::NodeList::info()},
      makeNodeStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "persistentvolumeclaims",
       .singular = "persistentvolumeclaim",
       .kind = "PersistentVolumeClaim",
       .shortNames = kShortPersistentvolumeclaims,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/persistentvolumeclaims",
       .storageVersionHash = "QWTyNDq0dC4=",
       .verbs = kAllVerbs,
       .subresources = kPersistentVolumeClaimSubresources,
       .info = &api::core::v1::PersistentVolumeClaim::info(),
       .listInfo = &api::core::v1::PersistentVolumeClaimList::info()},
      makePersistentVolumeClaimStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "persistentvolumes",
       .singular = "persistentvolume",
       .kind = "PersistentVolume",
       .shortNames = kShortPersistentvolumes,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/persistentvolumes",
       .storageVersionHash = "HN/zwEC+JgM=",
       .verbs = kAllVerbs,
       .subresources = kPersistentVolumeSubresources,
       .info = &api::core::v1::PersistentVolume::info(),
       .listInfo = &api::core::v1::PersistentVolumeList::info()},
      makePersistentVolumeStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "pods",
       .singular = "pod",
       .kind = "Pod",
       .shortNames = kShortPods,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/pods",
       .storageVersionHash = "xPOwRZ+Yhw8=",
       .verbs = kAllVerbs,
       .subresources = kPodSubresources,
       .info = &api::core::v1::Pod::info(),
       .listInfo = &api::core::v1::PodList::info()},
      makePodStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "podtemplates",
       .singular = "podtemplate",
       .kind = "PodTemplate",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/podtemplates",
       .storageVersionHash = "LIXB2x4IFpk=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::PodTemplate::info(),
       .listInfo = &api::core::v1::PodTemplateList::info()},
      makePodTemplateStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "replicationcontrollers",
       .singular = "replicationcontroller",
       .kind = "ReplicationController",
       .shortNames = kShortReplicationcontrollers,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/controllers",
       .storageVersionHash = "Jond2If31h0=",
       .verbs = kAllVerbs,
       .subresources = kReplicationControllerSubresources,
       .info = &api::core::v1::ReplicationController::info(),
       .listInfo = &api::core::v1::ReplicationControllerList::info()},
      makeReplicationControllerStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "resourcequotas",
       .singular = "resourcequota",
       .kind = "ResourceQuota",
       .shortNames = kShortResourcequotas,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/resourcequotas",
       .storageVersionHash = "8uhSgffRX6w=",
       .verbs = kAllVerbs,
       .subresources = kResourceQuotaSubresources,
       .info = &api::core::v1::ResourceQuota::info(),
       .listInfo = &api::core::v1::ResourceQuotaList::info()},
      makeResourceQuotaStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "secrets",
       .singular = "secret",
       .kind = "Secret",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/secrets",
       .storageVersionHash = "S6u1pOWzb84=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::core::v1::Secret::info(),
       .listInfo = &api::core::v1::SecretList::info()},
      makeSecretStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "serviceaccounts",
       .singular = "serviceaccount",
       .kind = "ServiceAccount",
       .shortNames = kShortServiceaccounts,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/serviceaccounts",
       .storageVersionHash = "pbx9ZvyFpBE=",
       .verbs = kAllVerbs,
       .subresources = kServiceAccountSubresources,
       .info = &api::core::v1::ServiceAccount::info(),
       .listInfo = &api::core::v1::ServiceAccountList::info()},
      makeServiceAccountStrategy());
  add({.group = "",
       .version = "v1",
       .plural = "services",
       .singular = "service",
       .kind = "Service",
       .shortNames = kShortServices,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/services/specs",
       .storageVersionHash = "0/CO1lhkEBI=",
       .verbs = kAllVerbs,
       .subresources = kServiceSubresources,
       .info = &api::core::v1::Service::info(),
       .listInfo = &api::core::v1::ServiceList::info()},
      makeServiceStrategy());
}

void Table::addApiRegistration() {
  add({.group = "apiregistration.k8s.io",
       .version = "v1",
       .plural = "apiservices",
       .singular = "apiservice",
       .kind = "APIService",
       .shortNames = {},
       .categories = kCategoryApiExtensions,
       .namespaced = false,
       .keyPrefix = "/registry/apiregistration.k8s.io/apiservices",
       .storageVersionHash = "InPBPD7+PqM=",
       .verbs = kAllVerbs,
       .subresources = kApiServiceSubresources,
       .info = &api::apiregistration::v1::APIService::info(),
       .listInfo = &api::apiregistration::v1::APIServiceList::info()},
      makeApiServiceStrategy());
}

void Table::addApps() {
  add({.group = "apps",
       .version = "v1",
       .plural = "controllerrevisions",
       .singular = "controllerrevision",
       .kind = "ControllerRevision",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/controllerrevisions",
       .storageVersionHash = "85nkx63pcBU=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::apps::v1::ControllerRevision::info(),
       .listInfo = &api::apps::v1::ControllerRevisionList::info()},
      makeControllerRevisionStrategy());
  add({.group = "apps",
       .version = "v1",
       .plural = "daemonsets",
       .singular = "daemonset",
       .kind = "DaemonSet",
       .shortNames = kShortDaemonsets,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/daemonsets",
       .storageVersionHash = "dd7pWHUlMKQ=",
       .verbs = kAllVerbs,
       .subresources = kDaemonSetSubresources,
       .info = &api::apps::v1::DaemonSet::info(),
       .listInfo = &api::apps::v1::DaemonSetList::info()},
      makeDaemonSetStrategy());
  add({.group = "apps",
       .version = "v1",
       .plural = "deployments",
       .singular = "deployment",
       .kind = "Deployment",
       .shortNames = kShortDeployments,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/deployments",
       .storageVersionHash = "8aSe+NMegvE=",
       .verbs = kAllVerbs,
       .subresources = kDeploymentSubresources,
       .info = &api::apps::v1::Deployment::info(),
       .listInfo = &api::apps::v1::DeploymentList::info()},
      makeDeploymentStrategy());
  add({.group = "apps",
       .version = "v1",
       .plural = "replicasets",
       .singular = "replicaset",
       .kind = "ReplicaSet",
       .shortNames = kShortReplicasets,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/replicasets",
       .storageVersionHash = "P1RzHs8/mWQ=",
       .verbs = kAllVerbs,
       .subresources = kReplicaSetSubresources,
       .info = &api::apps::v1::ReplicaSet::info(),
       .listInfo = &api::apps::v1::ReplicaSetList::info()},
      makeReplicaSetStrategy());
  add({.group = "apps",
       .version = "v1",
       .plural = "statefulsets",
       .singular = "statefulset",
       .kind = "StatefulSet",
       .shortNames = kShortStatefulsets,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/statefulsets",
       .storageVersionHash = "H+vl74LkKdo=",
       .verbs = kAllVerbs,
       .subresources = kStatefulSetSubresources,
       .info = &api::apps::v1::StatefulSet::info(),
       .listInfo = &api::apps::v1::StatefulSetList::info()},
      makeStatefulSetStrategy());
}

void Table::addAutoscaling() {
  add({.group = "autoscaling",
       .version = "v1",
       .plural = "horizontalpodautoscalers",
       .singular = "horizontalpodautoscaler",
       .kind = "HorizontalPodAutoscaler",
       .shortNames = kShortHpas,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/horizontalpodautoscalers",
       .storageVersionHash = "qwQve8ut294=",
       .verbs = kAllVerbs,
       .subresources = kHpaV1Subresources,
       .info = &api::autoscaling::v1::HorizontalPodAutoscaler::info(),
       .listInfo = &api::autoscaling::v1::HorizontalPodAutoscalerList::info()},
      makeHorizontalPodAutoscalerV1Strategy());
  add({.group = "autoscaling",
       .version = "v2",
       .plural = "horizontalpodautoscalers",
       .singular = "horizontalpodautoscaler",
       .kind = "HorizontalPodAutoscaler",
       .shortNames = kShortHpas,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/horizontalpodautoscalers",
       .storageVersionHash = "qwQve8ut294=",
       .verbs = kAllVerbs,
       .subresources = kHpaV2Subresources,
       .info = &api::autoscaling::v2::HorizontalPodAutoscaler::info(),
       .listInfo = &api::autoscaling::v2::HorizontalPodAutoscalerList::info()},
      makeHorizontalPodAutoscalerStrategy());
}

void Table::addBatch() {
  add({.group = "batch",
       .version = "v1",
       .plural = "cronjobs",
       .singular = "cronjob",
       .kind = "CronJob",
       .shortNames = kShortCronJobs,
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/cronjobs",
       .storageVersionHash = "sd5LIXh4Fjs=",
       .verbs = kAllVerbs,
       .subresources = kCronJobSubresources,
       .info = &api::batch::v1::CronJob::info(),
       .listInfo = &api::batch::v1::CronJobList::info()},
      makeCronJobStrategy());
  add({.group = "batch",
       .version = "v1",
       .plural = "jobs",
       .singular = "job",
       .kind = "Job",
       .shortNames = {},
       .categories = kCategoryAll,
       .namespaced = true,
       .keyPrefix = "/registry/jobs",
       .storageVersionHash = "mudhfqk/qZY=",
       .verbs = kAllVerbs,
       .subresources = kJobSubresources,
       .info = &api::batch::v1::Job::info(),
       .listInfo = &api::batch::v1::JobList::info()},
      makeJobStrategy());
}

void Table::addNetworking() {
  add({.group = "networking.k8s.io",
       .version = "v1",
       .plural = "ipaddresses",
       .singular = "ipaddress",
       .kind = "IPAddress",
       .shortNames = kShortIpAddresses,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/ipaddresses",
       .storageVersionHash = "3f/plJFChNE=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::networking::v1::IPAddress::info(),
       .listInfo = &api::networking::v1::IPAddressList::info()},
      makeIpAddressStrategy());
  add({.group = "networking.k8s.io",
       .version = "v1",
       .plural = "servicecidrs",
       .singular = "servicecidr",
       .kind = "ServiceCIDR",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/servicecidrs",
       .storageVersionHash = "gNLvruQhW2g=",
       .verbs = kAllVerbs,
       .subresources = kServiceCidrSubresources,
       .info = &api::networking::v1::ServiceCIDR::info(),
       .listInfo = &api::networking::v1::ServiceCIDRList::info()},
      makeServiceCidrStrategy());
  add({.group = "networking.k8s.io",
       .version = "v1",
       .plural = "ingressclasses",
       .singular = "ingressclass",
       .kind = "IngressClass",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/ingressclasses",
       .storageVersionHash = "l/iqIbDgFyQ=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::networking::v1::IngressClass::info(),
       .listInfo = &api::networking::v1::IngressClassList::info()},
      makeIngressClassStrategy());
  add({.group = "networking.k8s.io",
       .version = "v1",
       .plural = "ingresses",
       .singular = "ingress",
       .kind = "Ingress",
       .shortNames = kShortIngresses,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/ingress",
       .storageVersionHash = "39NQlfNR+bo=",
       .verbs = kAllVerbs,
       .subresources = kIngressSubresources,
       .info = &api::networking::v1::Ingress::info(),
       .listInfo = &api::networking::v1::IngressList::info()},
      makeIngressStrategy());
  add({.group = "networking.k8s.io",
       .version = "v1",
       .plural = "networkpolicies",
       .singular = "networkpolicy",
       .kind = "NetworkPolicy",
       .shortNames = kShortNetworkPolicies,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/networkpolicies",
       .storageVersionHash = "YpfwF18m1G8=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::networking::v1::NetworkPolicy::info(),
       .listInfo = &api::networking::v1::NetworkPolicyList::info()},
      makeNetworkPolicyStrategy());
}

void Table::addNodesAndStorage() {
  add({.group = "node.k8s.io",
       .version = "v1",
       .plural = "runtimeclasses",
       .singular = "runtimeclass",
       .kind = "RuntimeClass",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/runtimeclasses",
       .storageVersionHash = "WQTu1GL3T2Q=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::node::v1::RuntimeClass::info(),
       .listInfo = &api::node::v1::RuntimeClassList::info()},
      makeRuntimeClassStrategy());
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "csidrivers",
       .singular = "csidriver",
       .kind = "CSIDriver",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/csidrivers",
       .storageVersionHash = "hL6j/rwBV5w=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::storage::v1::CSIDriver::info(),
       .listInfo = &api::storage::v1::CSIDriverList::info()},
      makeCsiDriverStrategy());
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "csinodes",
       .singular = "csinode",
       .kind = "CSINode",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/csinodes",
       .storageVersionHash = "Pe62DkZtjuo=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::storage::v1::CSINode::info(),
       .listInfo = &api::storage::v1::CSINodeList::info()},
      makeCsiNodeStrategy());
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "storageclasses",
       .singular = "storageclass",
       .kind = "StorageClass",
       .shortNames = kShortStorageClasses,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/storageclasses",
       .storageVersionHash = "K+m6uJwbjGY=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::storage::v1::StorageClass::info(),
       .listInfo = &api::storage::v1::StorageClassList::info()},
      makeStorageClassStrategy());
}

void Table::addStorageRest() {
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "csistoragecapacities",
       .singular = "csistoragecapacity",
       .kind = "CSIStorageCapacity",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/csistoragecapacities",
       .storageVersionHash = "xeVl+2Ly1kE=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::storage::v1::CSIStorageCapacity::info(),
       .listInfo = &api::storage::v1::CSIStorageCapacityList::info()},
      makeCsiStorageCapacityStrategy());
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "volumeattachments",
       .singular = "volumeattachment",
       .kind = "VolumeAttachment",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/volumeattachments",
       .storageVersionHash = "tJx/ezt6UDU=",
       .verbs = kAllVerbs,
       .subresources = kVolumeAttachmentSubresources,
       .info = &api::storage::v1::VolumeAttachment::info(),
       .listInfo = &api::storage::v1::VolumeAttachmentList::info()},
      makeVolumeAttachmentStrategy());
  add({.group = "storage.k8s.io",
       .version = "v1",
       .plural = "volumeattributesclasses",
       .singular = "volumeattributesclass",
       .kind = "VolumeAttributesClass",
       .shortNames = kShortVolumeAttributesClasses,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/volumeattributesclasses",
       .storageVersionHash = "tIjydgKBC5w=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::storage::v1::VolumeAttributesClass::info(),
       .listInfo = &api::storage::v1::VolumeAttributesClassList::info()},
      makeVolumeAttributesClassStrategy());
}

void Table::addFlowControl() {
  add({.group = "flowcontrol.apiserver.k8s.io",
       .version = "v1",
       .plural = "flowschemas",
       .singular = "flowschema",
       .kind = "FlowSchema",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/flowschemas",
       .storageVersionHash = "GJVAJZSZBIw=",
       .verbs = kAllVerbs,
       .subresources = kFlowSchemaSubresources,
       .info = &api::flowcontrol::v1::FlowSchema::info(),
       .listInfo = &api::flowcontrol::v1::FlowSchemaList::info()},
      makeFlowSchemaStrategy());
  add({.group = "flowcontrol.apiserver.k8s.io",
       .version = "v1",
       .plural = "prioritylevelconfigurations",
       .singular = "prioritylevelconfiguration",
       .kind = "PriorityLevelConfiguration",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/prioritylevelconfigurations",
       .storageVersionHash = "Kir5PVfvNeI=",
       .verbs = kAllVerbs,
       .subresources = kPriorityLevelSubresources,
       .info = &api::flowcontrol::v1::PriorityLevelConfiguration::info(),
       .listInfo = &api::flowcontrol::v1::PriorityLevelConfigurationList::info()},
      makePriorityLevelConfigurationStrategy());
}

void Table::addDevices() {
  add({.group = "resource.k8s.io",
       .version = "v1",
       .plural = "deviceclasses",
       .singular = "deviceclass",
       .kind = "DeviceClass",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/deviceclasses",
       .storageVersionHash = "Yk2PTc1Ybxk=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::resource::v1::DeviceClass::info(),
       .listInfo = &api::resource::v1::DeviceClassList::info()},
      makeDeviceClassStrategy());
  add({.group = "resource.k8s.io",
       .version = "v1",
       .plural = "resourceclaims",
       .singular = "resourceclaim",
       .kind = "ResourceClaim",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/resourceclaims",
       .storageVersionHash = "wgAZaHcZxUg=",
       .verbs = kAllVerbs,
       .subresources = kResourceClaimSubresources,
       .info = &api::resource::v1::ResourceClaim::info(),
       .listInfo = &api::resource::v1::ResourceClaimList::info()},
      makeResourceClaimStrategy());
  add({.group = "resource.k8s.io",
       .version = "v1",
       .plural = "resourceclaimtemplates",
       .singular = "resourceclaimtemplate",
       .kind = "ResourceClaimTemplate",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/resourceclaimtemplates",
       .storageVersionHash = "TuzjC49aUfM=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::resource::v1::ResourceClaimTemplate::info(),
       .listInfo = &api::resource::v1::ResourceClaimTemplateList::info()},
      makeResourceClaimTemplateStrategy());
  add({.group = "resource.k8s.io",
       .version = "v1",
       .plural = "resourceslices",
       .singular = "resourceslice",
       .kind = "ResourceSlice",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/resourceslices",
       .storageVersionHash = "KsC072WgaEY=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::resource::v1::ResourceSlice::info(),
       .listInfo = &api::resource::v1::ResourceSliceList::info()},
      makeResourceSliceStrategy());
}

void Table::addPolicy() {
  add({.group = "policy",
       .version = "v1",
       .plural = "poddisruptionbudgets",
       .singular = "poddisruptionbudget",
       .kind = "PodDisruptionBudget",
       .shortNames = kShortPodDisruptionBudgets,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/poddisruptionbudgets",
       .storageVersionHash = "EVWiDmWqyJw=",
       .verbs = kAllVerbs,
       .subresources = kPodDisruptionBudgetSubresources,
       .info = &api::policy::v1::PodDisruptionBudget::info(),
       .listInfo = &api::policy::v1::PodDisruptionBudgetList::info()},
      makePodDisruptionBudgetStrategy());
}

void Table::addRbac() {
  add({.group = "rbac.authorization.k8s.io",
       .version = "v1",
       .plural = "clusterrolebindings",
       .singular = "clusterrolebinding",
       .kind = "ClusterRoleBinding",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/clusterrolebindings",
       .storageVersionHash = "48tpQ8gZHFc=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::rbac::v1::ClusterRoleBinding::info(),
       .listInfo = &api::rbac::v1::ClusterRoleBindingList::info()},
      makeClusterRoleBindingStrategy());
  add({.group = "rbac.authorization.k8s.io",
       .version = "v1",
       .plural = "clusterroles",
       .singular = "clusterrole",
       .kind = "ClusterRole",
       .shortNames = {},
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/clusterroles",
       .storageVersionHash = "bYE5ZWDrJ44=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::rbac::v1::ClusterRole::info(),
       .listInfo = &api::rbac::v1::ClusterRoleList::info()},
      makeClusterRoleStrategy());
  add({.group = "rbac.authorization.k8s.io",
       .version = "v1",
       .plural = "rolebindings",
       .singular = "rolebinding",
       .kind = "RoleBinding",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/rolebindings",
       .storageVersionHash = "eGsCzGH6b1g=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::rbac::v1::RoleBinding::info(),
       .listInfo = &api::rbac::v1::RoleBindingList::info()},
      makeRoleBindingStrategy());
  add({.group = "rbac.authorization.k8s.io",
       .version = "v1",
       .plural = "roles",
       .singular = "role",
       .kind = "Role",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/roles",
       .storageVersionHash = "7FuwZcIIItM=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::rbac::v1::Role::info(),
       .listInfo = &api::rbac::v1::RoleList::info()},
      makeRoleStrategy());
}

void Table::addOthers() {
  add({.group = "certificates.k8s.io",
       .version = "v1",
       .plural = "certificatesigningrequests",
       .singular = "certificatesigningrequest",
       .kind = "CertificateSigningRequest",
       .shortNames = kShortCsrs,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/certificatesigningrequests",
       .storageVersionHash = "95fRKMXA+00=",
       .verbs = kAllVerbs,
       .subresources = kCsrSubresources,
       .info = &api::certificates::v1::CertificateSigningRequest::info(),
       .listInfo = &api::certificates::v1::CertificateSigningRequestList::info()},
      makeCertificateSigningRequestStrategy());
  add({.group = "coordination.k8s.io",
       .version = "v1",
       .plural = "leases",
       .singular = "lease",
       .kind = "Lease",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/leases",
       .storageVersionHash = "gqkMMb/YqFM=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::coordination::v1::Lease::info(),
       .listInfo = &api::coordination::v1::LeaseList::info()},
      makeLeaseStrategy());
  add({.group = "discovery.k8s.io",
       .version = "v1",
       .plural = "endpointslices",
       .singular = "endpointslice",
       .kind = "EndpointSlice",
       .shortNames = {},
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/endpointslices",
       .storageVersionHash = "qgS0xkrxYAI=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::discovery::v1::EndpointSlice::info(),
       .listInfo = &api::discovery::v1::EndpointSliceList::info()},
      makeEndpointSliceStrategy());
  add({.group = "events.k8s.io",
       .version = "v1",
       .plural = "events",
       .singular = "event",
       .kind = "Event",
       .shortNames = kShortEvents,
       .categories = {},
       .namespaced = true,
       .keyPrefix = "/registry/events",
       .storageVersionHash = "r2yiGXH7wu8=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::events::v1::Event::info(),
       .listInfo = &api::events::v1::EventList::info()},
      makeEventsEventStrategy());
  add({.group = "scheduling.k8s.io",
       .version = "v1",
       .plural = "priorityclasses",
       .singular = "priorityclass",
       .kind = "PriorityClass",
       .shortNames = kShortPriorityclasses,
       .categories = {},
       .namespaced = false,
       .keyPrefix = "/registry/priorityclasses",
       .storageVersionHash = "1QwjyaZjj3Y=",
       .verbs = kAllVerbs,
       .subresources = {},
       .info = &api::scheduling::v1::PriorityClass::info(),
       .listInfo = &api::scheduling::v1::PriorityClassList::info()},
      makePriorityClassStrategy());
}

const std::vector<Resource>& table() {
  static const Table kTable;
  return kTable.rows();
}

}  // namespace

const Subresource* Resource::findSubresource(std::string_view name) const {
  for (const auto& each : subresources) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

const Strategy* Resource::subresourceStrategy(std::string_view name) const {
  for (const auto& [subresource, each] : subresourceStrategies) {
    if (subresource == name) return each;
  }
  return nullptr;
}

bool Resource::hasVerb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::string Resource::qualifiedName() const {
  std::string out(plural);
  if (!group.empty()) out.append(".").append(group);
  return out;
}

std::string Resource::qualifiedKind() const {
  // Upstream names what it keeps: an events.k8s.io Event is "Event".
  std::string out(storageInfo->kind->kind);
  if (!storageInfo->kind->group.empty()) out.append(".").append(storageInfo->kind->group);
  return out;
}

std::span<const Resource> resources() {
  return table();
}

const Resource* findResource(std::string_view group, std::string_view version,
                             std::string_view plural) {
  for (const auto& row : table()) {
    if (row.plural == plural && row.version == version && row.group == group) return &row;
  }
  return nullptr;
}

const Resource* findResourceByKind(std::string_view group, std::string_view version,
                                   std::string_view kind) {
  for (const auto& row : table()) {
    if (row.kind == kind && row.version == version && row.group == group) return &row;
  }
  return nullptr;
}

}  // namespace coxswain::apiserver
