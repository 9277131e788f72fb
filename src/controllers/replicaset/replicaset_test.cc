#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/replicaset/controller.h"

namespace coxswain::controllers::replicaset {
namespace {

using api::apps::v1::ReplicaSet;
using api::core::v1::Pod;
using testing::Harness;
using testing::makeReady;

ReplicaSet replicaSet(std::string name, int replicas) {
  ReplicaSet set;
  set.metadata.name = std::move(name);
  set.metadata.namespace_ = "default";
  set.spec.replicas = replicas;
  set.spec.selector.getOrCreate().matchLabels["app"] = "a";
  set.spec.template_.metadata.labels["app"] = "a";
  set.spec.template_.spec.containers.resize(1);
  set.spec.template_.spec.containers[0].name = "c";
  return set;
}

size_t active(Harness& h) {
  size_t count = 0;
  for (const auto& pod : h.client.peekAll<Pod>()) count += api::isPodActive(*pod) ? 1 : 0;
  return count;
}

class ReplicaSetSeeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ReplicaSetSeeds, ScalesUpAndDown) {
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  h.playKubelet({"n1", "n2"});
  h.start();
  h.client.put(replicaSet("rs", 7));
  ASSERT_TRUE(h.until([&] {
    auto set = h.client.peek<ReplicaSet>("default", "rs");
    return set->status.availableReplicas == 7;
  }));
  EXPECT_EQ(active(h), 7u);
  EXPECT_TRUE(h.until([&] { return h.hasEvent("SuccessfulCreate: Created pod: rs-"); }));
  for (const auto& pod : h.client.peekAll<Pod>()) {
    ASSERT_NE(api::controllerOf(pod->metadata), nullptr);
    EXPECT_EQ(api::controllerOf(pod->metadata)->name, "rs");
  }
  h.client.change<ReplicaSet>("default", "rs", [](ReplicaSet& s) { s.spec.replicas = 2; });
  ASSERT_TRUE(h.until([&] {
    auto set = h.client.peek<ReplicaSet>("default", "rs");
    return set->status.replicas == 2 && set->status.terminatingReplicas == 0 &&
           set->status.observedGeneration == set->metadata.generation;
  }));
  EXPECT_EQ(active(h), 2u);
  EXPECT_TRUE(h.hasEvent("SuccessfulDelete: Deleted pod: rs-"));
}

/// A deployment relies on it when it shrinks other sets.
TEST_P(ReplicaSetSeeds, StatusNeverCountsWhatWasDeleted) {
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  h.playKubelet({"n1", "n2"});
  std::string tooMany;
  h.client.observer = [&](const client::ResourceType&, const api::ConstObject&,
                          const api::ConstObject& after) {
    const auto* set = after ? after.as<ReplicaSet>() : nullptr;
    if (set == nullptr || set->status.availableReplicas <= static_cast<int>(active(h))) return;
    tooMany = std::to_string(set->status.availableReplicas) + " available of " +
              std::to_string(active(h));
  };
  h.start();
  h.client.put(replicaSet("rs", 7));
  for (int replicas : {7, 2, 5, 0}) {
    h.client.change<ReplicaSet>("default", "rs",
                                [replicas](ReplicaSet& s) { s.spec.replicas = replicas; });
    // The end of pods may come with no answer.
    h.client.faults.lostAnswer = replicas == 2 ? 0.5 : 0;
    ASSERT_TRUE(h.until([&] {
      auto set = h.client.peek<ReplicaSet>("default", "rs");
      return set->status.availableReplicas == replicas && set->status.replicas == replicas &&
             set->status.observedGeneration == set->metadata.generation;
    }));
    EXPECT_EQ(tooMany, "") << replicas;
    tooMany.clear();
  }
}

TEST_P(ReplicaSetSeeds, ConvergesThroughFaults) {
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  h.playKubelet({"n1", "n2"});
  h.client.faults.error = 0.1;
  h.client.faults.unreachable = 0.1;
  h.client.faults.lostAnswer = 0.1;
  h.client.faults.conflict = 0.2;
  h.client.faults.watchEnd = 0.02;
  h.start();
  h.client.put(replicaSet("rs", 20));
  for (int replicas : {20, 3, 11, 0, 5}) {
    h.client.change<ReplicaSet>("default", "rs",
                                [replicas](ReplicaSet& s) { s.spec.replicas = replicas; });
    ASSERT_TRUE(h.until(
        [&] {
          auto set = h.client.peek<ReplicaSet>("default", "rs");
          return active(h) == static_cast<size_t>(replicas) &&
                 set->status.availableReplicas == replicas && set->status.replicas == replicas &&
                 set->status.conditions.empty();
        },
        3h))
        << replicas << " seed " << GetParam();
  }
}

TEST_P(ReplicaSetSeeds, AdoptsAndReleases) {
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  h.start();
  Pod orphan;
  orphan.metadata.name = "orphan";
  orphan.metadata.namespace_ = "default";
  orphan.metadata.labels["app"] = "a";
  h.client.put(orphan);
  h.client.put(replicaSet("rs", 2));
  ASSERT_TRUE(
      h.until([&] { return h.client.peek<ReplicaSet>("default", "rs")->status.replicas == 2; }));
  h.run(1min);
  EXPECT_EQ(active(h), 2u);
  EXPECT_EQ(api::controllerOf(h.client.peek<Pod>("default", "orphan")->metadata)->name, "rs");
  h.client.change<Pod>("default", "orphan", [](Pod& p) { p.metadata.labels["app"] = "b"; });
  ASSERT_TRUE(h.until([&] { return active(h) == 3; }));
  h.run(1min);
  EXPECT_EQ(api::controllerOf(h.client.peek<Pod>("default", "orphan")->metadata), nullptr);
}

TEST_P(ReplicaSetSeeds, ReportsFailure) {
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  bool refuse = true;
  h.client.reaction = [&refuse](std::string_view verb, const client::ResourceType& type,
                                std::string_view, const api::ConstObject*) {
    if (!refuse || verb != "create" || type.plural != "pods") return Status();
    return forbidden("pods", "rs-x", "exceeded quota: q");
  };
  h.start();
  h.client.put(replicaSet("rs", 3));
  ASSERT_TRUE(h.until(
      [&] { return !h.client.peek<ReplicaSet>("default", "rs")->status.conditions.empty(); }));
  auto condition = h.client.peek<ReplicaSet>("default", "rs")->status.conditions[0];
  EXPECT_EQ(condition.type, "ReplicaFailure");
  EXPECT_EQ(condition.reason, "FailedCreate");
  EXPECT_EQ(condition.message, "pods \"rs-x\" is forbidden: exceeded quota: q");
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("FailedCreate: Error creating: pods \"rs-x\" is forbidden: exceeded quota");
  }));
  refuse = false;
  ASSERT_TRUE(h.until(
      [&] {
        auto set = h.client.peek<ReplicaSet>("default", "rs");
        return set->status.replicas == 3 && set->status.conditions.empty();
      },
      1h));
}

TEST_P(ReplicaSetSeeds, ReplicationControllersToo) {
  using api::core::v1::ReplicationController;
  Harness h(GetParam());
  h.add<ReplicaSetController>();
  h.add<ReplicaSetController>(replicationControllers(), 5);
  h.playKubelet({"n1", "n2"});
  h.client.faults.error = h.client.faults.lostAnswer = 0.05;
  h.client.faults.conflict = 0.2;
  h.start();
  auto set = replicaSet("w", 2);
  ReplicationController controller;
  controller.metadata = set.metadata;
  controller.spec.replicas = 3;
  controller.spec.selector["app"] = "a";
  controller.spec.template_ = set.spec.template_;
  h.client.put(controller);
  h.client.put(set);
  auto status = [&h] { return h.client.peek<ReplicationController>("default", "w")->status; };
  ASSERT_TRUE(h.until([&] {
    return status().availableReplicas == 3 && status().observedGeneration == 1 &&
           h.client.peek<ReplicaSet>("default", "w")->status.availableReplicas == 2;
  }));
  size_t mine = 0;
  for (const auto& pod : h.client.peekAll<Pod>()) {
    const auto* owner = api::controllerOf(pod->metadata);
    ASSERT_NE(owner, nullptr);
    if (owner->kind == "ReplicationController") {
      EXPECT_EQ(owner->apiVersion, "v1");
      ++mine;
    }
  }
  EXPECT_EQ(mine, 3u);
  h.client.change<ReplicationController>("default", "w",
                                         [](ReplicationController& c) { c.spec.replicas = 0; });
  ASSERT_TRUE(h.until([&] { return status().replicas == 0 && status().observedGeneration == 2; }));
  EXPECT_EQ(active(h), 2u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReplicaSetSeeds, ::testing::Values(1, 2, 3, 4, 5));

PodPointer pod(const std::string& name, const std::function<void(Pod&)>& edit) {
  auto made = std::make_shared<Pod>();
  made->metadata.name = made->metadata.uid = name;
  made->metadata.creationTimestamp = api::Time::fromUnix(1000);
  made->spec.nodeName = "n";
  makeReady(*made, api::Time::fromUnix(1100).wall());
  edit(*made);
  return made;
}

TEST(PodsToDelete, Order) {
  const WallTime now = api::Time::fromUnix(100000).wall();
  PodsByNode crowds{{"n", 1}, {"full", 5}};
  std::vector<PodPointer> pods{
      pod("plain", [](Pod&) {}),
      pod("younger", [](Pod& p) { p.metadata.creationTimestamp = api::Time::fromUnix(99999); }),
      pod("crowded", [](Pod& p) { p.spec.nodeName = "full"; }),
      pod("cheap",
          [](Pod& p) {
            p.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = "-5";
          }),
      pod("unready", [](Pod& p) { makeReady(p, WallTime(), false); }),
      pod("pending", [](Pod& p) { p.status.phase = "Pending"; }),
      pod("unassigned", [](Pod& p) { p.spec.nodeName = ""; }),
      pod("restarted",
          [](Pod& p) {
            p.status.containerStatuses.resize(1);
            p.status.containerStatuses[0].restartCount = 3;
          }),
      pod("last", [](Pod& p) {
        p.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = "9";
      })};
  std::vector<std::string> names;
  for (const auto& p : podsToDelete(pods, crowds, 8, now)) names.push_back(p->metadata.name);
  EXPECT_EQ(names, (std::vector<std::string>{"unassigned", "pending", "unready", "cheap", "crowded",
                                             "restarted", "younger", "plain"}));
}

}  // namespace
}  // namespace coxswain::controllers::replicaset
