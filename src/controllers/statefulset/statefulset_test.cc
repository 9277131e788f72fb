#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/framework/history.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/statefulset/controller.h"

namespace coxswain::controllers::statefulset {
namespace {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using testing::Harness;

StatefulSet makeSet(int replicas) {
  StatefulSet set;
  set.metadata.name = "w";
  set.metadata.namespace_ = "default";
  set.spec.replicas = replicas;
  set.spec.serviceName = "svc";
  set.spec.podManagementPolicy = "OrderedReady";
  set.spec.selector.getOrCreate().matchLabels["app"] = "a";
  set.spec.template_.metadata.labels["app"] = "a";
  set.spec.template_.spec.containers.resize(1);
  set.spec.template_.spec.containers[0].name = "c";
  set.spec.template_.spec.containers[0].image = "x:1";
  set.spec.updateStrategy.type = "RollingUpdate";
  set.spec.updateStrategy.rollingUpdate.getOrCreate().partition = 0;
  return set;
}

class StatefulSets : public ::testing::TestWithParam<uint64_t> {
 protected:
  StatefulSets() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<StatefulSetController>();
    h.playKubelet({"n"});
    h.start();
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& pod : h.client.peekAll<Pod>()) all.push_back(pod->metadata.name);
    return all;
  }
  std::string image(const std::string& pod) {
    auto found = h.client.peek<Pod>("default", pod);
    return found ? found->spec.containers[0].image : "";
  }
  std::shared_ptr<const StatefulSet> set() { return h.client.peek<StatefulSet>("default", "w"); }
  void setImage(const std::string& name) {
    h.client.change<StatefulSet>(
        "default", "w", [&](StatefulSet& s) { s.spec.template_.spec.containers[0].image = name; });
  }
  Harness h;
};

using Names = std::vector<std::string>;

TEST_P(StatefulSets, UpInOrderDownInReverse) {
  std::vector<std::string> order;
  h.client.reaction = [&order](std::string_view verb, const client::ResourceType& type,
                               std::string_view sub, const api::ConstObject* object) {
    if (verb == "create" && type.plural == "pods" && sub.empty()) {
      order.push_back(api::objectMeta(*object)->name);
    }
    return Status();
  };
  h.client.put(makeSet(3));
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 3; }, 1h));
  order.erase(std::unique(order.begin(), order.end()), order.end());
  EXPECT_EQ(order, (Names{"w-0", "w-1", "w-2"}));
  auto pod = h.client.peek<Pod>("default", "w-1");
  EXPECT_EQ(pod->spec.hostname, "w-1");
  EXPECT_EQ(pod->spec.subdomain, "svc");
  EXPECT_EQ(pod->metadata.labels.at("statefulset.kubernetes.io/pod-name"), "w-1");
  EXPECT_EQ(pod->metadata.labels.at("apps.kubernetes.io/pod-index"), "1");
  EXPECT_EQ(pod->metadata.labels.at("controller-revision-hash"), set()->status.updateRevision);
  ASSERT_TRUE(h.until([&] { return set()->status.currentReplicas == 3; }));
  EXPECT_EQ(set()->status.collisionCount, 0);
  EXPECT_TRUE(h.until(
      [&] { return h.hasEvent("SuccessfulCreate: create Pod w-0 in StatefulSet w successful"); }));
  h.client.change<StatefulSet>("default", "w", [](StatefulSet& s) { s.spec.replicas = 1; });
  ASSERT_TRUE(h.until([&] { return names() == Names{"w-0"}; }, 1h));
  ASSERT_TRUE(h.until([&] { return set()->status.replicas == 1; }));
}

/// The cache has less of a pod than the server: what is written must be whole all the same.
TEST_P(StatefulSets, MendsAPodAndKeepsTheRestOfIt) {
  auto whole = makeSet(1);
  auto& container = whole.spec.template_.spec.containers[0];
  container.env.emplace_back().name = "E";
  container.volumeMounts.emplace_back().name = "scratch";
  container.livenessProbe.getOrCreate().periodSeconds = 7;
  whole.spec.template_.spec.volumes.emplace_back().name = "scratch";
  whole.spec.template_.spec.volumes[0].volumeSource.emptyDir.getOrCreate().medium = "Memory";
  whole.spec.template_.spec.serviceAccountName = "someone";
  whole.spec.template_.metadata.annotations["example.com/a"] = "b";
  h.client.put(whole);
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 1; }, 1h));
  const auto made = h.client.peek<Pod>("default", "w-0");
  const std::string name = "statefulset.kubernetes.io/pod-name";
  h.client.change<Pod>("default", "w-0", [&](Pod& p) { p.metadata.labels.erase(name); });
  ASSERT_TRUE(h.until(
      [&] { return h.client.peek<Pod>("default", "w-0")->metadata.labels.contains(name); }, 1h));
  const auto mended = h.client.peek<Pod>("default", "w-0");
  EXPECT_EQ(mended->spec, made->spec);
  EXPECT_EQ(mended->status, made->status);
  EXPECT_EQ(mended->metadata.annotations, made->metadata.annotations);
  EXPECT_EQ(mended->metadata.uid, made->metadata.uid);
}

TEST_P(StatefulSets, WaitsForEachToBeReady) {
  auto made = makeSet(3);
  made.spec.minReadySeconds = 60;
  h.client.put(made);
  h.run(50s);
  EXPECT_EQ(names(), (Names{"w-0"}));
  ASSERT_TRUE(h.until([&] { return names().size() == 2; }));
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 3; }, 1h));
}

TEST_P(StatefulSets, RollsFromTheHighest) {
  h.client.put(makeSet(3));
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 3; }, 1h));
  const auto first = set()->status.currentRevision;
  h.client.change<StatefulSet>(
      "default", "w", [](StatefulSet& s) { s.spec.updateStrategy.rollingUpdate->partition = 2; });
  setImage("x:2");
  ASSERT_TRUE(h.until([&] { return image("w-2") == "x:2"; }, 1h));
  h.run(1min);
  EXPECT_EQ(image("w-1"), "x:1");
  // A pod below the partition comes back as it was.
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  ASSERT_TRUE(h.client.erase<Pod>("default", "w-0", now).ok());
  ASSERT_TRUE(h.until([&] { return image("w-0") == "x:1"; }, 1h));
  EXPECT_EQ(set()->status.currentRevision, first);
  h.client.change<StatefulSet>(
      "default", "w", [](StatefulSet& s) { s.spec.updateStrategy.rollingUpdate->partition = 0; });
  ASSERT_TRUE(h.until([&] { return image("w-0") == "x:2" && image("w-1") == "x:2"; }, 1h));
  ASSERT_TRUE(h.until([&] {
    return set()->status.currentRevision == set()->status.updateRevision &&
           set()->status.currentReplicas == 3;
  }));
  EXPECT_NE(set()->status.currentRevision, first);
}

TEST_P(StatefulSets, OnDeleteAndParallel) {
  auto made = makeSet(3);
  made.spec.podManagementPolicy = "Parallel";
  made.spec.updateStrategy = {};
  made.spec.updateStrategy.type = "OnDelete";
  made.spec.ordinals.getOrCreate().start = 5;
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return names() == Names{"w-5", "w-6", "w-7"}; }, 1h));
  setImage("x:2");
  h.run(1min);
  EXPECT_EQ(image("w-6"), "x:1");
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  ASSERT_TRUE(h.client.erase<Pod>("default", "w-6", now).ok());
  ASSERT_TRUE(h.until([&] { return image("w-6") == "x:2"; }, 1h));
  h.run(1min);
  EXPECT_EQ(image("w-5"), "x:1");
}

TEST_P(StatefulSets, ClaimsStayOrGo) {
  auto made = makeSet(2);
  made.spec.volumeClaimTemplates.resize(1);
  made.spec.volumeClaimTemplates[0].metadata.name = "data";
  auto& policy = made.spec.persistentVolumeClaimRetentionPolicy.getOrCreate();
  policy.whenDeleted = "Retain";
  policy.whenScaled = "Delete";
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 2; }, 1h));
  auto claim = [this](const char* name) {
    return h.client.peek<PersistentVolumeClaim>("default", name);
  };
  ASSERT_TRUE(claim("data-w-0") && claim("data-w-1"));
  EXPECT_EQ(claim("data-w-0")->metadata.labels.at("app"), "a");
  EXPECT_TRUE(claim("data-w-0")->metadata.ownerReferences.empty());
  auto pod = h.client.peek<Pod>("default", "w-1");
  ASSERT_EQ(pod->spec.volumes.size(), 1u);
  EXPECT_EQ(pod->spec.volumes[0].volumeSource.persistentVolumeClaim->claimName, "data-w-1");
  h.client.change<StatefulSet>("default", "w", [](StatefulSet& s) { s.spec.replicas = 1; });
  ASSERT_TRUE(h.until([&] { return names() == Names{"w-0"}; }, 1h));
  ASSERT_EQ(claim("data-w-1")->metadata.ownerReferences.size(), 1u);
  EXPECT_EQ(claim("data-w-1")->metadata.ownerReferences[0].uid, pod->metadata.uid);
  EXPECT_TRUE(claim("data-w-0")->metadata.ownerReferences.empty());
}

TEST_P(StatefulSets, FailedPodsAreMadeAnew) {
  h.client.put(makeSet(2));
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 2; }, 1h));
  auto uid = h.client.peek<Pod>("default", "w-0")->metadata.uid;
  h.client.change<Pod>("default", "w-0", [](Pod& p) { p.status.phase = "Failed"; });
  ASSERT_TRUE(h.until(
      [&] {
        auto pod = h.client.peek<Pod>("default", "w-0");
        return pod && pod->metadata.uid != uid && set()->status.availableReplicas == 2;
      },
      1h));
  EXPECT_TRUE(h.until(
      [&] { return h.hasEvent("SuccessfulDelete: delete Pod w-0 in StatefulSet w successful"); }));
}

TEST_P(StatefulSets, APodWaitsForTheClaimOfBeforeToBeGone) {
  auto made = makeSet(2);
  made.spec.volumeClaimTemplates.resize(1);
  made.spec.volumeClaimTemplates[0].metadata.name = "data";
  auto& policy = made.spec.persistentVolumeClaimRetentionPolicy.getOrCreate();
  policy.whenDeleted = "Retain";
  policy.whenScaled = "Delete";
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return set()->status.availableReplicas == 2; }, 1h));
  h.client.change<StatefulSet>("default", "w", [](StatefulSet& s) { s.spec.replicas = 1; });
  ASSERT_TRUE(h.until([&] { return names() == Names{"w-0"}; }, 1h));
  h.client.change<StatefulSet>("default", "w", [](StatefulSet& s) { s.spec.replicas = 2; });
  h.run(1min);
  EXPECT_EQ(names(), Names{"w-0"}) << "its claim is about to be collected";
  ASSERT_TRUE(h.client.erase<PersistentVolumeClaim>("default", "data-w-1").ok());
  ASSERT_TRUE(h.until([&] { return names() == Names{"w-0", "w-1"}; }, 1h));
}

INSTANTIATE_TEST_SUITE_P(Seeds, StatefulSets, ::testing::Values(1, 2, 3));

TEST(Ordinals, OfNames) {
  EXPECT_EQ(ordinalOf("web", "web-0"), 0);
  EXPECT_EQ(ordinalOf("web", "web-12"), 12);
  EXPECT_EQ(ordinalOf("web", "web-1-2"), std::nullopt);
  EXPECT_EQ(ordinalOf("web", "web-"), std::nullopt);
  EXPECT_EQ(ordinalOf("web", "web--1"), std::nullopt);
  EXPECT_EQ(ordinalOf("web", "web"), std::nullopt);
  EXPECT_EQ(ordinalOf("web", "webs-1"), std::nullopt);
  EXPECT_EQ(ordinalOf("web", "web-99999999999"), std::nullopt);
}

}  // namespace
}  // namespace coxswain::controllers::statefulset
