#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "api/helpers/scheduling.h"

namespace coxswain::api {
namespace {

using core::v1::Node;
using core::v1::Pod;
using core::v1::PodTemplateSpec;
using core::v1::Service;
using core::v1::Taint;
using core::v1::Toleration;

template <typename T>
T read(std::string_view json) {
  T out;
  const Status status = decodeJson(T::info(), json, &out);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

std::string show(const ResourceList& list) {
  std::string out;
  for (const auto& [name, quantity] : list) out += name + "=" + quantity.str() + " ";
  return out;
}

TEST(PodResources, Sums) {
  Pod pod = read<Pod>(R"({"spec":{"containers":[
    {"name":"a","resources":{"requests":{"cpu":"100m","memory":"1Gi"},"limits":{"cpu":"1"}}},
    {"name":"b","resources":{"requests":{"cpu":"200m"}}}],
    "initContainers":[
    {"name":"i1","resources":{"requests":{"cpu":"350m"}}},
    {"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"50m","memory":"1Mi"}}},
    {"name":"i2","resources":{"requests":{"cpu":"500m","x.io/gpu":"1"}}}],
    "overhead":{"cpu":"10m","memory":"2Mi"}}})");
  // Sidecar 50 + containers 300 = 350; i2 + sidecar = 550; overhead 10.
  EXPECT_EQ(show(podRequests(pod)), "cpu=560m memory=1027Mi x.io/gpu=1 ");
  EXPECT_EQ(show(podRequests(pod, {.excludeOverhead = true})),
            "cpu=550m memory=1025Mi x.io/gpu=1 ");
  EXPECT_EQ(show(podLimits(pod)), "cpu=1010m ");
  pod = read<Pod>(R"({"spec":{"resources":{"requests":{"cpu":"2"}},"containers":[
    {"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}]}})");
  EXPECT_EQ(show(podRequests(pod)), "cpu=2 memory=1Gi ");
  EXPECT_EQ(show(podRequests(pod, {.skipPodLevelResources = true})), "cpu=1 memory=1Gi ");
  pod = read<Pod>(R"({"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1"}}}]},
    "status":{"containerStatuses":[{"name":"a","resources":{"requests":{"cpu":"3"}}}]}})");
  EXPECT_EQ(show(podRequests(pod)), "cpu=1 ");
  EXPECT_EQ(show(podRequests(pod, {.useStatusResources = true})), "cpu=3 ");
}

TEST(PodResources, Qos) {
  const auto qos = [](const char* containers) {
    return std::string(computeQosClass(
        read<Pod>(R"({"spec":{"containers":[)" + std::string(containers) + "]}}").spec));
  };
  EXPECT_EQ(qos(R"({"name":"a"})"), "BestEffort");
  EXPECT_EQ(qos(R"({"name":"a","resources":{"requests":{"x.io/gpu":"1"}}})"), "BestEffort");
  EXPECT_EQ(qos(R"({"name":"a","resources":{"requests":{"cpu":"1"}}})"), "Burstable");
  const std::string full =
      R"({"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"1000m","memory":"1Gi"}}})";
  EXPECT_EQ(qos(full.c_str()), "Guaranteed");
  EXPECT_EQ(qos((full + R"(,{"name":"b"})").c_str()), "Burstable");
  EXPECT_EQ(qos(R"({"name":"a","resources":{"limits":{"cpu":"1","memory":"1Gi"}}})"), "Burstable");
}

TEST(Taints, Tolerations) {
  const auto taint = [](const char* json) { return read<Taint>(json); };
  const auto toleration = [](const char* json) { return read<Toleration>(json); };
  const Taint t = taint(R"({"key":"k","value":"v","effect":"NoSchedule"})");
  EXPECT_TRUE(tolerates(toleration(R"({"key":"k","value":"v"})"), t));
  EXPECT_TRUE(tolerates(toleration(R"({"key":"k","operator":"Exists","effect":"NoSchedule"})"), t));
  EXPECT_TRUE(tolerates(toleration(R"({"operator":"Exists"})"), t));
  EXPECT_FALSE(tolerates(toleration(R"({"key":"k","value":"w"})"), t));
  EXPECT_FALSE(tolerates(toleration(R"({"key":"k","operator":"Exists","effect":"NoExecute"})"), t));
  EXPECT_FALSE(tolerates(toleration(R"({"key":"j","operator":"Exists"})"), t));
  const std::vector<Taint> soft = {taint(R"({"key":"p","effect":"PreferNoSchedule"})"), t};
  EXPECT_EQ(findUntoleratedForScheduling(soft, {})->key, "k");
  EXPECT_EQ(findUntoleratedForScheduling(soft, {toleration(R"({"operator":"Exists"})")}), nullptr);
  const std::vector<Taint> evict = {taint(R"({"key":"n","effect":"NoExecute"})")};
  EXPECT_EQ(secondsTolerated(evict, {}), 0);
  EXPECT_EQ(secondsTolerated(evict, {toleration(R"({"key":"n","operator":"Exists"})")}),
            std::nullopt);
  EXPECT_EQ(secondsTolerated(
                evict, {toleration(R"({"key":"n","operator":"Exists","tolerationSeconds":300})")}),
            300);
  EXPECT_EQ(taintString(t), "k=v:NoSchedule");
}

TEST(NodeAffinity, Matches) {
  const Node node = read<Node>(R"({"metadata":{"name":"n1","labels":{"zone":"a","cores":"8"}}})");
  const auto matches = [&](const char* spec) {
    return matchesNodeAffinity(read<Pod>(R"({"spec":{)" + std::string(spec) + "}}").spec, node);
  };
  EXPECT_TRUE(matches(""));
  EXPECT_TRUE(matches(R"("nodeSelector":{"zone":"a"})"));
  EXPECT_FALSE(matches(R"("nodeSelector":{"zone":"b"})"));
  const auto required = [&](const char* terms) {
    return matches(
        (R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
         R"({"nodeSelectorTerms":[)" +
         std::string(terms) + "]}}}")
            .c_str());
  };
  EXPECT_FALSE(required(""));
  EXPECT_FALSE(required("{}"));
  EXPECT_TRUE(
      required(R"({"matchExpressions":[{"key":"zone","operator":"In","values":["a","b"]}]})"));
  EXPECT_FALSE(
      required(R"({"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a"]}]})"));
  EXPECT_TRUE(required(R"({"matchExpressions":[{"key":"cores","operator":"Gt","values":["4"]}]})"));
  EXPECT_FALSE(
      required(R"({"matchExpressions":[{"key":"cores","operator":"Lt","values":["4"]}]})"));
  EXPECT_TRUE(required(R"({"matchExpressions":[{"key":"x","operator":"DoesNotExist"}]})"));
  EXPECT_FALSE(required(
      R"({"matchExpressions":[{"key":"x","operator":"Exists"},{"key":"zone","operator":"Exists"}]})"));
  EXPECT_TRUE(required(
      R"({"matchExpressions":[{"key":"x","operator":"Exists"}]},{"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]})"));
  EXPECT_FALSE(
      required(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n2"]}]})"));
  const auto preferred = read<Pod>(
      R"({"spec":{"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[
    {"weight":5,"preference":{"matchExpressions":[{"key":"zone","operator":"Exists"}]}},
    {"weight":7,"preference":{"matchExpressions":[{"key":"x","operator":"Exists"}]}}]}}}})");
  EXPECT_EQ(preferredNodeScore(preferred.spec, node), 5);
}

TEST(Pods, ConditionsAndPorts) {
  Pod pod = read<Pod>(
      R"({"spec":{"containers":[{"name":"a","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}]},
    "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2024-01-01T00:00:00Z"}]}})");
  const Time start = *Time::parse("2024-01-01T00:00:00Z");
  EXPECT_TRUE(isPodReady(pod));
  EXPECT_TRUE(isPodAvailable(pod, 0, start));
  EXPECT_FALSE(isPodAvailable(pod, 10, Time::fromUnix(start.unix() + 9)));
  EXPECT_TRUE(isPodAvailable(pod, 10, Time::fromUnix(start.unix() + 10)));
  EXPECT_TRUE(isPodActive(pod));
  auto condition = *findPodCondition(pod.status, "Ready");
  condition.lastTransitionTime = Time::fromUnix(start.unix() + 60);
  EXPECT_FALSE(setPodCondition(pod.status, condition));
  EXPECT_EQ(findPodCondition(pod.status, "Ready")->lastTransitionTime, start);
  condition.status = "False";
  EXPECT_TRUE(setPodCondition(pod.status, condition));
  EXPECT_EQ(findPodCondition(pod.status, "Ready")->lastTransitionTime.unix(), start.unix() + 60);
  pod.status.phase = "Failed";
  EXPECT_TRUE(isPodTerminal(pod));

  const Service service = read<Service>(R"({"spec":{"clusterIP":"None","ports":[
    {"name":"a","port":80,"targetPort":"http","protocol":"TCP"},{"name":"b","port":81,"targetPort":9},
    {"name":"c","port":82,"targetPort":"nope","protocol":"TCP"},{"name":"d","port":83}]}})");
  EXPECT_EQ(findPodPort(pod, *findServicePort(service, "a")), 8080);
  EXPECT_EQ(findPodPort(pod, *findServicePort(service, "b")), 9);
  EXPECT_EQ(findPodPort(pod, *findServicePort(service, "c")), std::nullopt);
  EXPECT_EQ(findPodPort(pod, *findServicePort(service, "d")), 83);
  EXPECT_TRUE(isHeadless(service));
  EXPECT_FALSE(hasClusterIp(service));
}

TEST(Objects, OwnersKeysHashes) {
  meta::v1::ObjectMeta owner;
  owner.name = "rs";
  owner.uid = "u1";
  meta::v1::ObjectMeta pod;
  pod.name = "p";
  pod.namespace_ = "ns";
  EXPECT_EQ(controllerOf(pod), nullptr);
  pod.ownerReferences.push_back(newControllerRef(owner, "apps/v1", "ReplicaSet"));
  EXPECT_EQ(controllerOf(pod)->kind, "ReplicaSet");
  EXPECT_TRUE(isControlledBy(pod, owner));
  EXPECT_EQ(objectKey(pod), "ns/p");
  EXPECT_EQ(splitObjectKey("ns/p").name, "p");
  EXPECT_EQ(splitObjectKey("n").nameSpace, "");
  pod.finalizers = {"a", "b"};
  EXPECT_TRUE(removeFinalizer(pod, "a"));
  EXPECT_FALSE(hasFinalizer(pod, "a"));

  EXPECT_EQ(fnv32a(""), 2166136261u);
  EXPECT_EQ(fnv32a("a"), 0xe40c292cu);
  EXPECT_EQ(safeEncode("0123456789").find_first_not_of("bcdfghjklmnpqrstvwxz2456789"),
            std::string::npos);
  PodTemplateSpec a =
      read<PodTemplateSpec>(R"({"spec":{"containers":[{"name":"a","image":"1"}]}})");
  PodTemplateSpec b = a;
  EXPECT_EQ(podTemplateHash(a, {}), podTemplateHash(b, {}));
  EXPECT_NE(podTemplateHash(a, {}), podTemplateHash(a, 1));
  b.spec.containers[0].image = "2";
  EXPECT_NE(podTemplateHash(a, {}), podTemplateHash(b, {}));

  uint64_t next = 0;
  const auto random = [&] { return next++; };
  EXPECT_EQ(generateName("web-", random), "web-bcdfg");
  EXPECT_EQ(generateName(std::string(80, 'x'), random).size(), 63u);
}

}  // namespace
}  // namespace coxswain::api
