#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "client/event_recorder.h"
#include "controllers/deployment/controller.h"
#include "controllers/deployment/rollout.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/replicaset/controller.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::deployment {
namespace {

using api::core::v1::Pod;
using replicaset::ReplicaSetController;
using testing::Harness;

Deployment deployment(std::string name, int replicas, std::string image = "a:1") {
  Deployment d;
  d.metadata.name = std::move(name);
  d.metadata.namespace_ = "default";
  d.spec.replicas = replicas;
  d.spec.selector.getOrCreate().matchLabels["app"] = "a";
  d.spec.template_.metadata.labels["app"] = "a";
  d.spec.template_.spec.containers.resize(1);
  d.spec.template_.spec.containers[0].name = "c";
  d.spec.template_.spec.containers[0].image = std::move(image);
  d.spec.strategy.type = "RollingUpdate";
  auto& rolling = d.spec.strategy.rollingUpdate.getOrCreate();
  rolling.maxSurge = api::IntOrString("25%");
  rolling.maxUnavailable = api::IntOrString("25%");
  d.spec.revisionHistoryLimit = 2;
  d.spec.progressDeadlineSeconds = 600;
  return d;
}

ReplicaSet sized(std::string name, int replicas, int available) {
  ReplicaSet set;
  set.metadata.name = set.metadata.uid = std::move(name);
  set.spec.replicas = replicas;
  set.status.replicas = set.status.availableReplicas = available;
  return set;
}

bool settled(Harness& h, const std::string& name) {
  auto d = h.client.peek<Deployment>("default", name);
  return isComplete(*d, d->status) && d->status.unavailableReplicas == 0;
}

const DeploymentCondition* condition(const Deployment& d, std::string_view type) {
  return findCondition(d.status, type);
}

void setImage(Harness& h, const std::string& image) {
  h.client.change<Deployment>("default", "web", [&image](Deployment& d) {
    d.spec.template_.spec.containers[0].image = image;
  });
}

class DeploymentSeeds : public ::testing::TestWithParam<uint64_t> {
 protected:
  DeploymentSeeds() : h(GetParam()) {
    h.add<ReplicaSetController>();
    h.add<DeploymentController>();
    h.playKubelet({"n1", "n2"});
    h.start();
  }
  Harness h;
};

TEST_P(DeploymentSeeds, RollsOut) {
  h.client.put(deployment("web", 4));
  ASSERT_TRUE(h.until([&] { return settled(h, "web"); }));
  auto first = h.client.peekAll<ReplicaSet>();
  ASSERT_EQ(first.size(), 1u);
  const auto& meta = first[0]->metadata;
  const std::string hash = *meta.labels.get(kTemplateHash);
  EXPECT_EQ(meta.name, "web-" + hash);
  EXPECT_EQ(first[0]->spec.selector->matchLabels.at(kTemplateHash), hash);
  EXPECT_EQ(meta.annotations.at(kRevision), "1");
  EXPECT_EQ(meta.annotations.at(kDesiredReplicas), "4");
  EXPECT_EQ(meta.annotations.at(kMaxReplicas), "5");
  EXPECT_EQ(h.client.peek<Deployment>("default", "web")->metadata.annotations.at(kRevision), "1");
  h.run(1s);
  auto d = h.client.peek<Deployment>("default", "web");
  ASSERT_NE(condition(*d, "Progressing"), nullptr);
  EXPECT_EQ(condition(*d, "Progressing")->reason, "NewReplicaSetAvailable");
  EXPECT_EQ(condition(*d, "Progressing")->message,
            "ReplicaSet \"" + meta.name + "\" has successfully progressed.");
  EXPECT_EQ(condition(*d, "Available")->reason, "MinimumReplicasAvailable");
  EXPECT_TRUE(h.hasEvent("ScalingReplicaSet: Scaled up replica set " + meta.name + " from 0 to 4"));

  setImage(h, "a:2");
  bool bounded = true;
  ASSERT_TRUE(h.until([&] {
    int ready = 0;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      ready += api::isPodActive(*pod) && api::isPodReady(*pod) ? 1 : 0;
    }
    int size = 0;
    for (const auto& set : h.client.peekAll<ReplicaSet>()) size += replicasOf(*set);
    bounded = bounded && size <= 5 && ready >= 3;
    auto now = h.client.peek<Deployment>("default", "web");
    return settled(h, "web") && now->metadata.annotations.at(kRevision) == "2";
  }));
  EXPECT_TRUE(bounded);
  EXPECT_EQ(h.client.peekAll<ReplicaSet>().size(), 2u);
  // Back again: the old set gets the next revision and remembers its former one.
  setImage(h, "a:1");
  ASSERT_TRUE(h.until([&] {
    auto now = h.client.peek<Deployment>("default", "web");
    return settled(h, "web") && now->metadata.annotations.at(kRevision) == "3";
  }));
  auto back = h.client.peek<ReplicaSet>("default", meta.name);
  EXPECT_EQ(back->metadata.annotations.at(kRevisionHistory), "1");
  EXPECT_EQ(*back->spec.replicas, 4);
}

TEST_P(DeploymentSeeds, ConvergesThroughFaultsAndKeepsHistoryShort) {
  h.client.faults.error = 0.05;
  h.client.faults.unreachable = 0.05;
  h.client.faults.lostAnswer = 0.05;
  h.client.faults.conflict = 0.1;
  h.client.faults.watchEnd = 0.01;
  h.client.put(deployment("web", 6, "a:0"));
  for (int i = 1; i <= 5; ++i) {
    setImage(h, "a:" + std::to_string(i));
    h.client.change<Deployment>("default", "web", [i](Deployment& d) { d.spec.replicas = 2 + i; });
    if (i % 2 == 0) h.run(2s);
  }
  auto done = [this] {
    int live = 0;
    for (const auto& set : h.client.peekAll<ReplicaSet>()) live += set->status.replicas;
    return settled(h, "web") && live == 7 && h.client.peekAll<ReplicaSet>().size() <= 3;
  };
  ASSERT_TRUE(h.until(done, 6h)) << "seed " << GetParam();
  for (const auto& pod : h.client.peekAll<Pod>()) {
    EXPECT_EQ(pod->spec.containers[0].image, "a:5");
  }
}

TEST_P(DeploymentSeeds, RecreateHasNoOverlap) {
  auto d = deployment("web", 3);
  d.spec.strategy.type = "Recreate";
  d.spec.strategy.rollingUpdate.reset();
  h.client.put(d);
  ASSERT_TRUE(h.until([&] { return settled(h, "web"); }));
  setImage(h, "a:2");
  bool mixed = false;
  ASSERT_TRUE(h.until([&] {
    std::set<std::string> images;
    for (const auto& pod : h.client.peekAll<Pod>()) images.insert(pod->spec.containers[0].image);
    mixed = mixed || images.size() > 1;
    return settled(h, "web") && images.contains("a:2");
  }));
  EXPECT_FALSE(mixed);
}

Task<void> lookOnce(Harness& h, Sets known, std::optional<Result<Duration>>& out) {
  client::EventRecorder events(h.client, h.executor, "deployment-controller");
  Rollout::World world{h.client, events, h.executor};
  Rollout rollout(world, h.client.peek<Deployment>("default", "web"), std::move(known), {});
  auto next = co_await rollout.run({});
  co_await events.stop();
  out = std::move(next);
}

TEST(Recreate, WaitsForOldOnesThatItsCachesDoNotShow) {
  Harness h(1);
  auto d = deployment("web", 2);
  d.spec.strategy.type = "Recreate";
  d.spec.strategy.rollingUpdate.reset();
  const auto stored = h.client.put(d);
  auto old = newSet(*stored);
  old.spec.replicas = 2;
  h.client.put(old);
  setImage(h, "a:2");
  std::optional<Result<Duration>> out;
  spawn(h.executor, lookOnce(h, {}, out));
  ASSERT_TRUE(h.until([&] { return out.has_value(); }));
  ASSERT_TRUE(out->ok()) << out->status().message();
  EXPECT_GT(**out, Duration(0)) << "looks again though no event may come";
  EXPECT_EQ(h.client.peekAll<ReplicaSet>().size(), 1u);
  // The set has none left, but a pod of it runs.
  h.client.change<ReplicaSet>("default", old.metadata.name,
                              [](ReplicaSet& set) { set.spec.replicas = 0; });
  Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.name = "p";
  pod.metadata.labels = old.spec.template_.metadata.labels;
  pod.metadata.ownerReferences.push_back(api::newControllerRef(
      h.client.peek<ReplicaSet>("default", old.metadata.name)->metadata, "apps/v1", "ReplicaSet"));
  h.client.put(pod);
  out.reset();
  spawn(h.executor, lookOnce(h, {}, out));
  ASSERT_TRUE(h.until([&] { return out.has_value(); }));
  EXPECT_EQ(h.client.peekAll<ReplicaSet>().size(), 1u);
  h.client.change<Pod>("default", "p", [](Pod& p) { p.status.phase = "Failed"; });
  out.reset();
  spawn(h.executor, lookOnce(h, {}, out));
  ASSERT_TRUE(h.until([&] { return out.has_value(); }));
  ASSERT_TRUE(out->ok()) << out->status().message();
  EXPECT_EQ(h.client.peekAll<ReplicaSet>().size(), 2u);
}

TEST_P(DeploymentSeeds, PausesResumesAndScales) {
  h.client.put(deployment("web", 2));
  ASSERT_TRUE(h.until([&] { return settled(h, "web"); }));
  h.client.change<Deployment>("default", "web", [](Deployment& d) {
    d.spec.paused = true;
    d.spec.replicas = 5;
    d.spec.template_.spec.containers[0].image = "a:2";
  });
  ASSERT_TRUE(h.until([&] {
    auto d = h.client.peek<Deployment>("default", "web");
    return d->status.availableReplicas == 5;
  }));
  h.run(1min);
  auto d = h.client.peek<Deployment>("default", "web");
  EXPECT_EQ(h.client.peekAll<ReplicaSet>().size(), 1u);
  EXPECT_EQ(condition(*d, "Progressing")->reason, "DeploymentPaused");
  EXPECT_EQ(condition(*d, "Progressing")->message, "Deployment is paused");
  h.client.change<Deployment>("default", "web", [](Deployment& x) { x.spec.paused = false; });
  ASSERT_TRUE(
      h.until([&] { return settled(h, "web") && h.client.peekAll<ReplicaSet>().size() == 2; }));
}

TEST_P(DeploymentSeeds, TimesOut) {
  Harness other(GetParam());
  other.add<ReplicaSetController>();
  other.add<DeploymentController>();
  other.playKubelet({"n1"}, false);
  other.start();
  auto d = deployment("web", 2);
  d.spec.progressDeadlineSeconds = 30;
  other.client.put(d);
  ASSERT_TRUE(other.until(
      [&] {
        auto now = other.client.peek<Deployment>("default", "web");
        const auto* c = condition(*now, "Progressing");
        return c != nullptr && c->reason == "ProgressDeadlineExceeded" && c->status == "False";
      },
      2min));
  EXPECT_GE(other.executor.now().time_since_epoch(), 30s);
}

TEST_P(DeploymentSeeds, RollsBackByAnnotation) {
  h.client.put(deployment("web", 1));
  ASSERT_TRUE(h.until([&] { return settled(h, "web"); }));
  setImage(h, "a:2");
  ASSERT_TRUE(
      h.until([&] { return settled(h, "web") && h.client.peekAll<ReplicaSet>().size() == 2; }));
  h.client.change<Deployment>("default", "web",
                              [](Deployment& d) { d.metadata.annotations[kRollbackTo] = "1"; });
  ASSERT_TRUE(h.until([&] {
    auto d = h.client.peek<Deployment>("default", "web");
    return d->spec.template_.spec.containers[0].image == "a:1" &&
           !d->metadata.annotations.contains(kRollbackTo);
  }));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("DeploymentRollback: Rolled back deployment \"web\" to revision 1");
  }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeploymentSeeds, ::testing::Values(1, 2, 3, 4));

TEST(Decide, Bounds) {
  auto d = deployment("d", 10);
  EXPECT_EQ(maxSurge(d), 3);
  EXPECT_EQ(maxUnavailable(d), 2);
  d.spec.strategy.rollingUpdate->maxSurge = api::IntOrString(0);
  d.spec.strategy.rollingUpdate->maxUnavailable = api::IntOrString("1%");
  EXPECT_EQ(maxUnavailable(d), 1);
  d.spec.replicas = 0;
  EXPECT_EQ(maxUnavailable(d), 0);
  d.spec.strategy.type = "Recreate";
  EXPECT_EQ(maxSurge(d), 0);
}

TEST(Decide, ShrinkOld) {
  struct Row {
    const char* name;
    int fresh, freshAvailable, old, oldAvailable;
    int expected;  ///< size of the old set after, -1: unchanged
  };
  auto d = deployment("d", 10);
  d.spec.strategy.rollingUpdate->maxUnavailable = api::IntOrString(2);
  const Row rows[] = {
      {"healthy old shrinks by what may be missing", 3, 0, 10, 10, 8},
      {"nothing to spare", 3, 0, 8, 8, -1},
      {"as new ones come", 3, 3, 8, 8, 5},
      {"unhealthy first", 0, 0, 10, 8, 8},
  };
  for (const auto& row : rows) {
    auto fresh = std::make_shared<ReplicaSet>(sized("new", row.fresh, row.freshAvailable));
    auto old = std::make_shared<ReplicaSet>(sized("old", row.old, row.oldAvailable));
    auto result = shrinkOld(d, fresh, {old});
    if (row.expected < 0) {
      EXPECT_TRUE(result.empty()) << row.name;
    } else {
      ASSERT_EQ(result.size(), 1u) << row.name;
      EXPECT_EQ(result[0].replicas, row.expected) << row.name;
    }
  }
}

TEST(Decide, AnnotationsOfARollback) {
  auto d = deployment("d", 1);
  d.metadata.annotations["mine"] = "new";
  d.metadata.annotations[kRevision] = "7";
  d.metadata.annotations[kRollbackTo] = "x";
  EXPECT_FALSE(rollbackRevision(d)) << "no number: no rollback";
  d.metadata.annotations[kRollbackTo] = "3";
  EXPECT_EQ(rollbackRevision(d), 3);
  auto set = sized("s", 1, 1);
  set.metadata.annotations["theirs"] = "old";
  set.metadata.annotations[kRevision] = "3";
  set.metadata.annotations[kDesiredReplicas] = "1";
  restoreAnnotations(set, d);
  EXPECT_EQ(d.metadata.annotations.at("theirs"), "old");
  EXPECT_EQ(d.metadata.annotations.at(kRevision), "7");
  EXPECT_FALSE(d.metadata.annotations.contains("mine"));
  EXPECT_FALSE(d.metadata.annotations.contains(kDesiredReplicas));
}

TEST(Decide, WhetherTheNewSetIsBehind) {
  auto d = deployment("d", 1);
  d.metadata.annotations["a"] = "1";
  auto set = sized("s", 1, 1);
  EXPECT_TRUE(newSetIsBehind(d, set, 1)) << "no revision";
  EXPECT_TRUE(setNewSetAnnotations(d, set, 1, true));
  EXPECT_FALSE(newSetIsBehind(d, set, 1));
  EXPECT_FALSE(setNewSetAnnotations(d, set, 1, true));
  EXPECT_TRUE(newSetIsBehind(d, set, 2));
  d.spec.minReadySeconds = 5;
  EXPECT_TRUE(newSetIsBehind(d, set, 1));
  d.spec.minReadySeconds = 0;
  d.metadata.annotations["a"] = "2";
  EXPECT_TRUE(newSetIsBehind(d, set, 1));
  set.metadata.annotations[kRevision] = "not a number";
  EXPECT_FALSE(newSetIsBehind(d, set, 1));
}

TEST(Decide, TemplatesAreTheSameButForTheHash) {
  auto a = deployment("d", 1).spec.template_;
  auto b = a;
  b.metadata.labels[kTemplateHash] = "x";
  EXPECT_TRUE(sameTemplate(a, b));
  b.metadata.labels["other"] = "x";
  EXPECT_FALSE(sameTemplate(a, b));
  b = a;
  b.spec.containers[0].image = "b";
  EXPECT_FALSE(sameTemplate(a, b));
}

TEST(Decide, NobodyWaitsForWhatStandsStill) {
  const WallTime now(std::chrono::seconds(1000));
  auto d = deployment("d", 1);
  DeploymentStatus status;
  setCondition(status, makeCondition("Progressing", "True", "ReplicaSetUpdated", "", now));
  EXPECT_EQ(untilTimeout(d, status, now), 601s);
  d.spec.paused = true;
  EXPECT_EQ(untilTimeout(d, status, now), 0s);
  d.spec.paused = false;
  d.spec.progressDeadlineSeconds = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(untilTimeout(d, status, now), 0s);
}

TEST(Decide, LeftoversOfAScalingGoToTheLargest) {
  auto d = deployment("d", 15);
  d.spec.strategy.rollingUpdate->maxSurge = api::IntOrString(3);
  auto fresh = std::make_shared<ReplicaSet>(sized("fresh", 5, 5));
  auto old = std::make_shared<ReplicaSet>(sized("old", 8, 8));
  setReplicasAnnotations(*fresh, 10, 13);
  setReplicasAnnotations(*old, 10, 13);
  auto result = proportionalScale(d, fresh, {old});
  ASSERT_EQ(result.size(), 2u);
  EXPECT_EQ(result[0].set->metadata.name, "old");
  EXPECT_EQ(result[0].replicas, 11);
  EXPECT_EQ(result[1].replicas, 7);
  // The new one is through: it takes all, the others go.
  *d.spec.replicas = 5;
  setReplicasAnnotations(*fresh, 5, 8);
  result = proportionalScale(d, fresh, {old});
  ASSERT_EQ(result.size(), 1u);
  EXPECT_EQ(result[0].replicas, 0);
}

TEST(Decide, ProportionalScale) {
  auto d = deployment("d", 20);
  d.spec.strategy.rollingUpdate->maxSurge = api::IntOrString(0);
  auto a = std::make_shared<ReplicaSet>(sized("a", 5, 5));
  auto b = std::make_shared<ReplicaSet>(sized("b", 5, 3));
  setReplicasAnnotations(*a, 10, 10);
  setReplicasAnnotations(*b, 10, 10);
  EXPECT_TRUE(isScalingEvent(d, {a, b}));
  auto result = proportionalScale(d, a, {b});
  ASSERT_EQ(result.size(), 2u);
  EXPECT_EQ(result[0].replicas, 10);
  EXPECT_EQ(result[1].replicas, 10);
}

}  // namespace
}  // namespace coxswain::controllers::deployment
