#include "controllers/framework/trim.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/quota.h"
#include "api/helpers/scheduling.h"
#include "api/helpers/volumes.h"
#include "controllers/attachdetach/volumes.h"
#include "controllers/endpointslice/endpoints_of.h"
#include "controllers/framework/pod_order.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/job/failures.h"

namespace coxswain::controllers {
namespace {

using api::core::v1::Pod;
using api::core::v1::Service;

constexpr const char* kRich = R"({
"metadata":{"name":"web-0","generateName":"web-","namespace":"d","uid":"u","resourceVersion":"7",
 "labels":{"app":"web"},"finalizers":["batch.kubernetes.io/job-tracking"],
 "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{...}",
  "controller.kubernetes.io/pod-deletion-cost":"5",
  "batch.kubernetes.io/job-completion-index":"3"}},
"spec":{"nodeName":"n","hostname":"web-0","subdomain":"svc","priorityClassName":"high","priority":9,
 "serviceAccountName":"someone","activeDeadlineSeconds":60,"terminationGracePeriodSeconds":5,
 "volumes":[{"name":"scratch","emptyDir":{}},
  {"name":"data","persistentVolumeClaim":{"claimName":"data-web-0"}},
  {"name":"own","ephemeral":{"volumeClaimTemplate":{"spec":{"storageClassName":"s"}}}},
  {"name":"key","secret":{"secretName":"token"}}],
 "initContainers":[{"name":"mesh","image":"m","restartPolicy":"Always",
  "ports":[{"name":"admin","containerPort":15000}],"resources":{"requests":{"cpu":"5m"}}}],
 "containers":[{"name":"main","image":"app:1","env":[{"name":"A","value":"b"}],
  "ports":[{"name":"http","containerPort":8080,"protocol":"TCP"},{"containerPort":9090}],
  "livenessProbe":{"periodSeconds":3},"volumeMounts":[{"name":"data","mountPath":"/d"}],
  "resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"memory":"32Mi"}}}],
 "overhead":{"cpu":"1m"},
 "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":
   [{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}},
  "podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone",
   "namespaces":["other"]}]}},
 "tolerations":[{"key":"gpu","operator":"Exists","effect":"NoSchedule"},
  {"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
   "tolerationSeconds":300},{"key":"any","operator":"Exists"}]},
"status":{"phase":"Running","hostIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.1"}],"podIP":"10.1.0.1",
 "podIPs":[{"ip":"10.1.0.1"}],"startTime":"2026-11-26T08:11:02Z","qosClass":"Burstable",
 "conditions":[{"type":"Initialized","status":"True"},
  {"type":"Ready","status":"True","lastTransitionTime":"2026-11-26T08:11:02Z","message":"m"}],
 "containerStatuses":[{"name":"main","restartCount":0,"ready":true,"image":"app:1",
  "imageID":"app@sha256:1","containerID":"c://1","state":{"running":{}},
  "allocatedResources":{"cpu":"10m","memory":"16Mi"},
  "resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"memory":"32Mi"}}}],
 "initContainerStatuses":[{"name":"mesh","restartCount":2,"image":"m","containerID":"c://2",
  "state":{"running":{}}}]}})";

Pod rich() {
  return *api::decodeJson<Pod>(kRich);
}

Pod trimmed(Pod pod) {
  trimPod(pod);
  return pod;
}

TEST(TrimPod, KeepsThisOnly) {
  EXPECT_EQ(
      api::encodeJson(trimmed(rich())),
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-0","namespace":"d","uid":"u",)"
      R"("resourceVersion":"7","labels":{"app":"web"},"annotations":{)"
      R"("batch.kubernetes.io/job-completion-index":"3",)"
      R"("controller.kubernetes.io/pod-deletion-cost":"5"},)"
      R"("finalizers":["batch.kubernetes.io/job-tracking"]},"spec":{"volumes":[)"
      R"({"name":"data","persistentVolumeClaim":{"claimName":"data-web-0"}},)"
      R"({"name":"own","ephemeral":{"volumeClaimTemplate":{"metadata":{},)"
      R"("spec":{"resources":{},"storageClassName":"s"}}}},)"
      R"({"name":"key","secret":{"secretName":"token"}}],)"
      R"("initContainers":[{"name":"mesh","ports":[{"name":"admin","containerPort":15000}],)"
      R"("resources":{"requests":{"cpu":"5m"}},"restartPolicy":"Always"}],)"
      R"("containers":[{"name":"main",)"
      R"("ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],)"
      R"("resources":{"limits":{"memory":"32Mi"},"requests":{"cpu":"10m","memory":"16Mi"}}}],)"
      R"("terminationGracePeriodSeconds":5,"activeDeadlineSeconds":60,"nodeName":"n",)"
      R"("hostname":"web-0","subdomain":"svc","affinity":{"podAntiAffinity":{)"
      R"("requiredDuringSchedulingIgnoredDuringExecution":[{"namespaces":["other"],)"
      R"("topologyKey":"zone"}]}},"tolerations":[)"
      R"({"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",)"
      R"("tolerationSeconds":300},{"key":"any","operator":"Exists"}],"priorityClassName":"high",)"
      R"("priority":9,"overhead":{"cpu":"1m"}},"status":{"phase":"Running",)"
      R"("conditions":[{"type":"Ready","status":"True","lastProbeTime":null,)"
      R"("lastTransitionTime":"2026-11-26T08:11:02Z"}],"hostIP":"10.0.0.1","podIP":"10.1.0.1",)"
      R"("startTime":"2026-11-26T08:11:02Z","initContainerStatuses":[{"name":"mesh",)"
      R"("state":{"running":{"startedAt":null}},"lastState":{},"ready":false,"restartCount":2,)"
      R"("image":"","imageID":""}],"qosClass":"Burstable"}})");
}

TEST(TrimPod, WhoReadsItSeesTheSame) {
  const Pod whole = rich();
  const Pod less = trimmed(rich());
  const auto shared = [](const Pod& pod) { return std::make_shared<const Pod>(pod); };

  Service service;
  service.metadata.name = "svc";
  service.metadata.namespace_ = "d";
  service.spec.ports.resize(3);
  service.spec.ports[0].targetPort = api::IntOrString("http");
  service.spec.ports[1].targetPort = api::IntOrString("admin");
  service.spec.ports[2].port = 9090;
  for (auto& port : service.spec.ports) port.protocol = "TCP";
  const endpointslice::Zones zones{{"n", "z"}};
  const auto of = endpointslice::endpointsOf(service, {shared(whole)}, zones, "IPv4");
  const auto ofLess = endpointslice::endpointsOf(service, {shared(less)}, zones, "IPv4");
  ASSERT_EQ(of.size(), 1u);
  ASSERT_EQ(of[0].ports.size(), 3u);
  ASSERT_EQ(ofLess.size(), 1u);
  EXPECT_EQ(of[0].ports, ofLess[0].ports);
  EXPECT_EQ(of[0].endpoints, ofLess[0].endpoints);

  const api::ConstObject a(shared(whole));
  const api::ConstObject b(shared(less));
  const auto usage = api::quotaUsage({"", "pods"}, a, api::Time());
  EXPECT_EQ(usage.at("requests.cpu"), *api::Quantity::parse("16m"));
  EXPECT_EQ(usage, api::quotaUsage({"", "pods"}, b, api::Time()));
  for (const char* name : {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort",
                           "CrossNamespacePodAffinity", "PriorityClass"}) {
    api::core::v1::ScopedResourceSelectorRequirement scope;
    scope.scopeName = name;
    scope.operator_ = "Exists";
    EXPECT_EQ(api::quotaScopeHolds(scope, a), api::quotaScopeHolds(scope, b)) << name;
  }

  std::vector<api::core::v1::Taint> taints(1);
  taints[0].key = "node.kubernetes.io/not-ready";
  taints[0].effect = "NoExecute";
  EXPECT_EQ(api::secondsTolerated(taints, whole.spec.tolerations), 300);
  EXPECT_EQ(api::secondsTolerated(taints, tolerationsOf(less)), 300);
  EXPECT_EQ(api::claimKeysOf(whole), api::claimKeysOf(less));
  EXPECT_TRUE(api::isPodReady(less));
  EXPECT_EQ(readySince(whole), readySince(less));
  EXPECT_EQ(compareRestarts(whole, less), 0);
}

/// Each of them makes one kind of pod different from one whose containers just run.
TEST(TrimPod, StatusesOfContainersStayWhereTheySaySomething) {
  const auto ofMain = [](const std::function<void(Pod&)>& change) {
    Pod pod = rich();
    change(pod);
    trimPod(pod);
    return pod.status.containerStatuses.size();
  };
  EXPECT_EQ(ofMain([](Pod&) {}), 0u);
  EXPECT_EQ(ofMain([](Pod& p) { p.status.containerStatuses[0].restartCount = 1; }), 1u);
  EXPECT_EQ(ofMain([](Pod& p) {
              p.status.containerStatuses[0].resources->requests["cpu"] =
                  *api::Quantity::parse("20m");
            }),
            1u)
      << "being resized";
  EXPECT_EQ(ofMain([](Pod& p) {
              p.status.containerStatuses[0].state.running.reset();
              p.status.containerStatuses[0].state.waiting.getOrCreate().reason = "CrashLoopBackOff";
            }),
            1u);
  EXPECT_EQ(ofMain([](Pod& p) { p.status.containerStatuses.emplace_back().name = "other"; }), 2u)
      << "all or none";

  Pod ends = rich();
  ends.metadata.deletionTimestamp = api::Time(WallTime());
  EXPECT_FALSE(attachdetach::isPodTerminated(ends));
  trimPod(ends);
  EXPECT_FALSE(attachdetach::isPodTerminated(ends)) << "its container runs";
}

TEST(TrimPod, FailedOnesKeepWhatAFailurePolicyMayAskFor) {
  Pod pod = rich();
  pod.status.phase = "Failed";
  auto& ended = pod.status.containerStatuses[0].state.terminated.getOrCreate();
  pod.status.containerStatuses[0].state.running.reset();
  ended.exitCode = 42;
  ended.finishedAt = api::Time::fromUnix(1000);
  trimPod(pod);
  EXPECT_NE(api::findPodCondition(pod.status, "Initialized"), nullptr);
  EXPECT_EQ(pod.status.containerStatuses.at(0).state.terminated->exitCode, 42);
  EXPECT_EQ(job::finishedAt(pod), api::Time::fromUnix(1000).wall());
}

TEST(TrimPod, TheUsualTolerations) {
  Pod pod = rich();
  auto& all = pod.spec.tolerations;
  all.erase(all.begin() + 2);
  all.push_back(all[1]);
  all[2].key = "node.kubernetes.io/unreachable";
  const auto usual = std::vector(all.begin() + 1, all.end());
  const Pod less = trimmed(pod);
  EXPECT_EQ(less.spec.tolerations.size(), 1u);
  EXPECT_EQ(tolerationsOf(less), usual);
  EXPECT_EQ(tolerationsOf(trimmed(less)), usual);
  EXPECT_EQ(tolerationsOf(pod), pod.spec.tolerations);
  // Another time is another thing.
  all[2].tolerationSeconds = 301;
  EXPECT_EQ(tolerationsOf(trimmed(pod)), std::vector(all.begin() + 1, all.end()));
  EXPECT_EQ(trimmed(pod).spec.tolerations.size(), 2u);
}

TEST(TrimPod, TwiceIsOnce) {
  const Pod once = trimmed(rich());
  EXPECT_EQ(trimmed(once), once);
}

TEST(TrimPod, OneThatWipesAVolumeKeepsIt) {
  Pod pod = rich();
  pod.metadata.namespace_ = "default";
  pod.metadata.name = "recycler-for-pv";
  pod.spec.volumes[0].volumeSource.hostPath.getOrCreate().path = "/x";
  trimPod(pod);
  EXPECT_EQ(pod.spec.volumes.size(), 4u);
}

TEST(TrimPod, OfTwoFamiliesBothAddressesStay) {
  Pod pod = rich();
  pod.status.podIPs.emplace_back().ip = "fd00::1";
  trimPod(pod);
  EXPECT_EQ(pod.status.podIPs.size(), 2u);
}

TEST(TrimPod, AffinityGoesWhereItIsSettled) {
  Pod pod = rich();
  pod.spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution[0]
      .namespaces.clear();
  EXPECT_FALSE(trimmed(pod).spec.affinity);
  pod.spec.nodeName.clear();
  EXPECT_TRUE(trimmed(pod).spec.affinity->nodeAffinity) << "a DaemonSet's pod waits for that node";
}

TEST(TrimJob, TheTemplateOfOneThatEnded) {
  api::batch::v1::Job job;
  job.spec.template_.spec.restartPolicy = "Never";
  job.status.conditions.resize(1);
  job.status.conditions[0].type = "Suspended";
  job.status.conditions[0].status = "True";
  trimJob(job);
  EXPECT_EQ(job.spec.template_.spec.restartPolicy, "Never");
  job.status.conditions[0].type = "Complete";
  trimJob(job);
  EXPECT_EQ(job.spec.template_.spec.restartPolicy, "");
}

TEST(TrimCaches, WhatIsStoredStaysWhole) {
  testing::Harness h(3);
  api::core::v1::ConfigMap other;
  other.metadata.name = "settings";
  other.metadata.namespace_ = "d";
  other.data["a"] = "b";
  api::core::v1::ConfigMap ca = other;
  ca.metadata.name = "kube-root-ca.crt";
  api::core::v1::Secret secret;
  secret.metadata = other.metadata;
  secret.data["a"] = "b";
  h.client.put(other);
  h.client.put(ca);
  h.client.put(secret);
  auto& maps = h.informers.of<api::core::v1::ConfigMap>();
  auto& secrets = h.informers.of<api::core::v1::Secret>();
  h.start();
  ASSERT_TRUE(h.until([&] { return maps.size() == 2 && secrets.size() == 1; }));
  EXPECT_TRUE(maps.get<api::core::v1::ConfigMap>("d/settings")->data.empty());
  EXPECT_EQ(maps.get<api::core::v1::ConfigMap>("d/kube-root-ca.crt")->data.size(), 1u);
  EXPECT_TRUE(secrets.get<api::core::v1::Secret>("d/settings")->data.empty());
  EXPECT_EQ(h.client.peek<api::core::v1::ConfigMap>("d", "settings")->data.size(), 1u);
  EXPECT_EQ(h.client.peek<api::core::v1::Secret>("d", "settings")->data.size(), 1u);
}

}  // namespace
}  // namespace coxswain::controllers
