// Plugins of admission, by what clients see of them.

#include "api/gen/apps_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/assembly/testing/admission_cluster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::apps::v1::Deployment;
using api::storage::v1::StorageClass;

class Plugins : public AdmissionCluster {};

TEST_F(Plugins, ClaimsGrowWhereTheirClassAllows) {
  begin();
  ASSERT_EQ(make<StorageClass>(R"({"metadata":{"name":"fixed"},"provisioner":"p"})"), "");
  ASSERT_EQ(make<StorageClass>(
                R"({"metadata":{"name":"grows"},"provisioner":"p","allowVolumeExpansion":true})"),
            "");
  for (const char* name : {"fixed", "grows"}) {
    ASSERT_EQ(
        make<PersistentVolumeClaim>(
            std::string(R"({"metadata":{"name":")") + name + R"("},"spec":{"storageClassName":")" +
            name +
            R"(","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})"),
        "");
  }
  auto grown = [&](const char* name) {
    auto claim = *get<PersistentVolumeClaim>(name);
    claim.spec.resources.requests["storage"] = *api::Quantity::parse("2Gi");
    return put(claim);
  };
  for (const char* name : {"fixed", "grows"}) {
    auto claim = *get<PersistentVolumeClaim>(name);
    claim.status.phase = "Bound";
    ASSERT_EQ(put(claim, "status"), "");
  }
  EXPECT_EQ(
      grown("fixed"),
      "persistentvolumeclaims \"fixed\" is forbidden: only dynamically provisioned pvc can be "
      "resized and the storageclass that provisions the pvc must support resize");
  EXPECT_EQ(grown("grows"), "");
}

TEST_F(Plugins, MountableSecrets) {
  begin();
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"s","annotations":{
    "kubernetes.io/enforce-mountable-secrets":"true"}},"secrets":[{"name":"known"}]})"),
            "");
  auto with = [](const std::string& name, const std::string& secret) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"serviceAccountName":"s","containers":[
      {"name":"c","image":"i","env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":")" +
           secret + R"(","key":"k"}}}]}]}})";
  };
  EXPECT_EQ(make<Pod>(with("a", "known")), "");
  EXPECT_EQ(
      make<Pod>(with("b", "other")),
      "pods \"b\" is forbidden: container c with envVar E referencing "
      "secret.secretName=\"other\" is not allowed because service account s does not reference "
      "that secret");
  EXPECT_EQ(make<Pod>(R"({"metadata":{"name":"b"},"spec":{"serviceAccountName":"s","containers":[
      {"name":"c","image":"i","envFrom":[{"secretRef":{"name":"known"}},
                                         {"secretRef":{"name":"other"}}]}]}})"),
            "pods \"b\" is forbidden: container c with envFrom referencing "
            "secret.secretName=\"other\" is not allowed because service account s does not "
            "reference that secret");
}

TEST_F(Plugins, PrivilegedIsForbiddenWhereTheFlagSaysSo) {
  AdmissionOptions options;
  options.allowPrivileged = false;
  begin(options);
  const char* privileged = R"(,"securityContext":{"privileged":true})";
  EXPECT_EQ(make<Pod>(pod("a", privileged)),
            "Pod \"a\" is invalid: spec.containers[0].securityContext.privileged: Forbidden: "
            "disallowed by cluster policy");
  auto labelled = pod("x", privileged);
  labelled.replace(labelled.find("\"name\":\"x\""), 10, R"("labels":{"a":"b"})");
  EXPECT_EQ(
      make<Deployment>(R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
    "template":)" + labelled +
                       "}}"),
      "Deployment.apps \"d\" is invalid: "
      "spec.template.spec.containers[0].securityContext.privileged: Forbidden: disallowed by "
      "cluster policy");
  EXPECT_EQ(make<Pod>(pod("b")), "");
}

TEST_F(Plugins, PodsCarryTheirNodesTopology) {
  begin();
  ASSERT_EQ(make<Node>(R"({"metadata":{"name":"n","labels":{"topology.kubernetes.io/zone":"z",
    "topology.kubernetes.io/region":"r","other":"o"}}})"),
            "");
  auto json = pod("a");
  json.replace(json.find("\"containers\""), 12, R"("nodeName":"n","containers")");
  ASSERT_EQ(make<Pod>(json), "");
  const auto& labels = get<Pod>("a")->metadata.labels;
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.at("topology.kubernetes.io/zone"), "z");
}

TEST_F(Plugins, TheOptionalOnes) {
  AdmissionOptions options;
  options.enable = {
      "AlwaysPullImages",       "ExtendedResourceToleration",       "PodNodeSelector",
      "DenyServiceExternalIPs", "LimitPodHardAntiAffinityTopology", "NamespaceAutoProvision",
      "NamespaceExists"};
  options.nodeSelectors = {{"clusterDefaultNodeSelector", "disk=ssd"},
                           {"default", "disk=ssd, a=b"}};
  options.notReadySeconds = 7;
  options.unreachableSeconds = -1;
  begin(options);
  ASSERT_EQ(
      make<Pod>(pod("a", R"(,"imagePullPolicy":"Never","resources":{"limits":{"x.io/gpu":"1"}})")),
      "");
  const auto& spec = get<Pod>("a")->spec;
  EXPECT_EQ(spec.containers[0].imagePullPolicy, "Always");
  EXPECT_EQ(spec.nodeSelector.at("disk"), "ssd");
  ASSERT_EQ(spec.tolerations.size(), 2u);
  EXPECT_EQ(spec.tolerations[0].tolerationSeconds, 7);
  EXPECT_EQ(spec.tolerations[1].key, "x.io/gpu");
  auto selected = [](const char* name, const char* selector) {
    auto json = pod(name);
    json.replace(json.find("\"containers\""), 12, selector + std::string(",\"containers\""));
    return json;
  };
  EXPECT_EQ(
      make<Pod>(selected("b", R"("nodeSelector":{"disk":"hdd"})")),
      "pods \"b\" is forbidden: pod node label selector conflicts with its namespace node label "
      "selector");
  EXPECT_EQ(make<Pod>(selected("d", R"("nodeSelector":{"c":"d"})")),
            "pods \"d\" is forbidden: pod node label selector labels conflict with its namespace "
            "whitelist");
  EXPECT_EQ(make<Pod>(selected("e", R"("affinity":{"podAntiAffinity":{
    "requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{}}]}})")),
            "pods \"e\" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has "
            "TopologyKey zone but only key kubernetes.io/hostname is allowed");
  EXPECT_EQ(make<Service>(R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":1}],
    "externalIPs":["192.0.2.1"]}})"),
            "services \"s\" is forbidden: Use of external IPs is denied by admission control.");
  EXPECT_EQ(make<ConfigMap>(R"({"metadata":{"name":"m","namespace":"fresh"}})"), "");
  EXPECT_NE(get<Namespace>("fresh", ""), nullptr);
}

TEST_F(Plugins, LimitsOfContainersPodsAndClaims) {
  begin();
  ASSERT_EQ(make<LimitRange>(R"({"metadata":{"name":"l"},"spec":{"limits":[
    {"type":"Container","max":{"cpu":"2"},"min":{"cpu":"100m"},"maxLimitRequestRatio":{"cpu":"2"}},
    {"type":"Pod","max":{"memory":"1Gi"}},
    {"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"2Gi"}}]}})"),
            "");
  EXPECT_EQ(
      make<Pod>(pod("a", R"(,"resources":{"limits":{"cpu":"3","memory":"2Gi"},
    "requests":{"cpu":"50m","memory":"2Gi"}})")),
      "pods \"a\" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, "
      "maximum cpu usage per Container is 2, but limit is 3, cpu max limit to request ratio per "
      "Container is 2, but provided ratio is 60.000000, maximum memory usage per Pod is 1Gi, but "
      "limit is 2Gi]");
  // Containers that break the same rule are one refusal; a maximum is a default as well.
  EXPECT_EQ(make<Pod>(R"({"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i"},
    {"name":"d","image":"i"}]}})"),
            "pods \"b\" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified");
  EXPECT_EQ(make<Pod>(pod("d", R"(,"resources":{"limits":{"memory":"1Mi"}})")), "");
  EXPECT_EQ(get<Pod>("d")->metadata.annotations.at("kubernetes.io/limit-ranger"),
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c");
  auto claim = [this](const char* name, const char* size) {
    return make<PersistentVolumeClaim>(
        std::string(R"({"metadata":{"name":")") + name +
        R"("},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":")" +
        size + "\"}}}}");
  };
  EXPECT_EQ(claim("small", "1Mi"),
            "persistentvolumeclaims \"small\" is forbidden: minimum storage usage per "
            "PersistentVolumeClaim is 1Gi, but request is 1Mi");
  EXPECT_EQ(claim("large", "3Gi"),
            "persistentvolumeclaims \"large\" is forbidden: maximum storage usage per "
            "PersistentVolumeClaim is 2Gi, but request is 3Gi");
  EXPECT_EQ(claim("right", "2Gi"), "");
}

TEST_F(Plugins, TolerationsOfANamespace) {
  AdmissionOptions options;
  options.enable = {"PodTolerationRestriction"};
  options.disable = {"DefaultTolerationSeconds"};
  begin(options);
  auto ns = *get<Namespace>("default", "");
  ns.metadata.annotations["scheduler.alpha.kubernetes.io/defaultTolerations"] =
      R"([{"key":"team","operator":"Equal","value":"a","effect":"NoSchedule"}])";
  ns.metadata.annotations["scheduler.alpha.kubernetes.io/tolerationsWhitelist"] =
      R"([{"key":"team","operator":"Exists"},
          {"key":"node.kubernetes.io/memory-pressure","operator":"Exists"}])";
  ASSERT_EQ(put(ns), "");
  ASSERT_EQ(make<Pod>(pod("a", R"(,"resources":{"requests":{"cpu":"1"}})")), "");
  const auto& tolerations = get<Pod>("a")->spec.tolerations;
  ASSERT_EQ(tolerations.size(), 2u);
  EXPECT_EQ(tolerations[0].value, "a");
  EXPECT_EQ(tolerations[1].key, "node.kubernetes.io/memory-pressure");
  auto json = pod("b");
  json.replace(json.find("\"containers\""), 12,
               R"("tolerations":[{"key":"other","operator":"Exists"}],"containers")");
  EXPECT_EQ(
      make<Pod>(json),
      "pod tolerations (possibly merged with namespace default tolerations) conflict with its "
      "namespace whitelist");
}

TEST_F(Plugins, EventsComeNoQuickerThanAllowed) {
  AdmissionOptions options;
  options.enable = {"EventRateLimit"};
  EventLimit limit;
  limit.per = EventLimit::Per::User;
  limit.qps = 1;
  limit.burst = 2;
  options.eventLimits = {limit};
  begin(options);
  auto event = [this](const std::string& name) {
    return make<api::core::v1::Event>(R"({"metadata":{"name":")" + name +
                                      R"("},"involvedObject":{"namespace":"default"}})");
  };
  EXPECT_EQ(event("a"), "");
  EXPECT_EQ(event("b"), "");
  EXPECT_EQ(event("c"), "limit reached on type User for key admin");
  executor_.runFor(1s);
  EXPECT_EQ(event("d"), "");
}

}  // namespace
}  // namespace coxswain::apiserver
