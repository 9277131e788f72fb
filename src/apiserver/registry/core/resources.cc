#include "api/gen/core_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

namespace {
constexpr std::string_view kGetOrList[] = {"get", "list"};
constexpr std::string_view kAllButCollections[] = {"create", "delete", "get",  "list",
                                                   "patch",  "update", "watch"};
constexpr std::string_view kUpdateOnly[] = {"update"};
constexpr std::string_view kGetOnly[] = {"get"};
}  // namespace

void addCore(ResourceTable& table) {
  using namespace api::core::v1;  // NOLINT
  table.add<ComponentStatus, ComponentStatusList>(
      {.plural = "componentstatuses",
       .singular = "componentstatus",
       .shortName = "cs",
       .namespaced = false,
       .keyPrefix = "/registry/componentstatuses",
       .verbs = kGetOrList,
       .deprecation = "v1 ComponentStatus is deprecated in v1.19+"},
      makeComponentStatusStrategy());
  table.add<ConfigMap, ConfigMapList>({.plural = "configmaps",
                                       .singular = "configmap",
                                       .shortName = "cm",
                                       .keyPrefix = "/registry/configmaps",
                                       .storageVersionHash = "qFsyl6wFWjQ="},
                                      makeConfigMapStrategy());
  table.add<Endpoints, EndpointsList>(
      {.plural = "endpoints",
       .singular = "endpoints",
       .shortName = "ep",
       .keyPrefix = "/registry/services/endpoints",
       .storageVersionHash = "fWeeMqaN/OA=",
       .deprecation =
           "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"},
      makeEndpointsStrategy());
  table.add<Event, EventList>({.plural = "events",
                               .singular = "event",
                               .shortName = "ev",
                               .keyPrefix = "/registry/events",
                               .storageVersionHash = "r2yiGXH7wu8="},
                              makeEventStrategy());
  table.add<LimitRange, LimitRangeList>({.plural = "limitranges",
                                         .singular = "limitrange",
                                         .shortName = "limits",
                                         .keyPrefix = "/registry/limitranges",
                                         .storageVersionHash = "EBKMFVe6cwo="},
                                        makeLimitRangeStrategy());
  auto& namespaces = table.add<Namespace, NamespaceList>(
      {.plural = "namespaces",
       .singular = "namespace",
       .shortName = "ns",
       .namespaced = false,
       .keyPrefix = "/registry/namespaces",
       .storageVersionHash = "Q3oi5N2YM8M=",
       .verbs = kAllButCollections,
       .subresources = {{"finalize", "", "v1", "Namespace", kUpdateOnly}},
       .status = true},
      makeNamespaceStrategy());
  namespaces.subresourceStrategies = {{"finalize", table.keep(makeNamespaceFinalizeStrategy())}};
  table.add<Node, NodeList>({.plural = "nodes",
                             .singular = "node",
                             .shortName = "no",
                             .namespaced = false,
                             .keyPrefix = "/registry/minions",
                             .storageVersionHash = "XwShjMxG9Fs=",
                             .subresources = {{"proxy", "", "v1", "NodeProxyOptions", kProxied}},
                             .status = true},
                            makeNodeStrategy());
  table.add<PersistentVolumeClaim, PersistentVolumeClaimList>(
      {.plural = "persistentvolumeclaims",
       .singular = "persistentvolumeclaim",
       .shortName = "pvc",
       .keyPrefix = "/registry/persistentvolumeclaims",
       .storageVersionHash = "QWTyNDq0dC4=",
       .status = true},
      makePersistentVolumeClaimStrategy());
  table.add<PersistentVolume, PersistentVolumeList>({.plural = "persistentvolumes",
                                                     .singular = "persistentvolume",
                                                     .shortName = "pv",
                                                     .namespaced = false,
                                                     .keyPrefix = "/registry/persistentvolumes",
                                                     .storageVersionHash = "HN/zwEC+JgM=",
                                                     .status = true},
                                                    makePersistentVolumeStrategy());
  auto& pods = table.add<Pod, PodList>(
      {.plural = "pods",
       .singular = "pod",
       .shortName = "po",
       .category = "all",
       .keyPrefix = "/registry/pods",
       .storageVersionHash = "xPOwRZ+Yhw8=",
       .subresources =
           {
               {"attach", "", "v1", "PodAttachOptions", kCreateOrGet},
               {"binding", "", "v1", "Binding", kCreateOnly},
               {"ephemeralcontainers", "", "v1", "Pod", kReadAndWrite},
               {"eviction", "policy", "v1", "Eviction", kCreateOnly},
               {"exec", "", "v1", "PodExecOptions", kCreateOrGet},
               {"log", "", "v1", "Pod", kGetOnly},
               {"portforward", "", "v1", "PodPortForwardOptions", kCreateOrGet},
               {"proxy", "", "v1", "PodProxyOptions", kProxied},
               {"resize", "", "v1", "Pod", kReadAndWrite},
           },
       .status = true},
      makePodStrategy());
  pods.subresourceStrategies = {
      {"ephemeralcontainers", table.keep(makePodEphemeralContainersStrategy())},
      {"resize", table.keep(makePodResizeStrategy())}};
  table.add<PodTemplate, PodTemplateList>({.plural = "podtemplates",
                                           .singular = "podtemplate",
                                           .keyPrefix = "/registry/podtemplates",
                                           .storageVersionHash = "LIXB2x4IFpk="},
                                          makePodTemplateStrategy());
  table.add<ReplicationController, ReplicationControllerList>({.plural = "replicationcontrollers",
                                                               .singular = "replicationcontroller",
                                                               .shortName = "rc",
                                                               .category = "all",
                                                               .keyPrefix = "/registry/controllers",
                                                               .storageVersionHash = "Jond2If31h0=",
                                                               .subresources = {kScale},
                                                               .status = true},
                                                              makeReplicationControllerStrategy());
  table.add<ResourceQuota, ResourceQuotaList>({.plural = "resourcequotas",
                                               .singular = "resourcequota",
                                               .shortName = "quota",
                                               .keyPrefix = "/registry/resourcequotas",
                                               .storageVersionHash = "8uhSgffRX6w=",
                                               .status = true},
                                              makeResourceQuotaStrategy());
  table.add<Secret, SecretList>({.plural = "secrets",
                                 .singular = "secret",
                                 .keyPrefix = "/registry/secrets",
                                 .storageVersionHash = "S6u1pOWzb84="},
                                makeSecretStrategy());
  table.add<ServiceAccount, ServiceAccountList>(
      {.plural = "serviceaccounts",
       .singular = "serviceaccount",
       .shortName = "sa",
       .keyPrefix = "/registry/serviceaccounts",
       .storageVersionHash = "pbx9ZvyFpBE=",
       .subresources = {{"token", "authentication.k8s.io", "v1", "TokenRequest", kCreateOnly}}},
      makeServiceAccountStrategy());
  table.add<Service, ServiceList>(
      {.plural = "services",
       .singular = "service",
       .shortName = "svc",
       .category = "all",
       .keyPrefix = "/registry/services/specs",
       .storageVersionHash = "0/CO1lhkEBI=",
       .subresources = {{"proxy", "", "v1", "ServiceProxyOptions", kProxied}},
       .status = true},
      makeServiceStrategy());
}

}  // namespace coxswain::apiserver
