#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "controllers/disruption/controller.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/replicaset/controller.h"

namespace coxswain::controllers::disruption {
namespace {

using api::apps::v1::ReplicaSet;
using api::core::v1::Pod;
using api::policy::v1::PodDisruptionBudget;
using testing::Harness;

PodDisruptionBudget makeBudget(const std::string& name) {
  PodDisruptionBudget budget;
  budget.metadata.name = name;
  budget.metadata.namespace_ = "default";
  budget.spec.selector.getOrCreate().matchLabels["app"] = "a";
  return budget;
}

TEST(Disruptions, AllowedByWhatIsHealthy) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<DisruptionController>();
    h.add<replicaset::ReplicaSetController>();
    h.playKubelet({"n"});
    h.start();
    auto half = makeBudget("half");
    half.spec.maxUnavailable = "50%";
    h.client.put(half);
    auto two = makeBudget("two");
    two.spec.minAvailable = 2;
    h.client.put(two);
    auto allowed = [&h](const char* name) {
      return h.client.peek<PodDisruptionBudget>("default", name)->status;
    };
    ASSERT_TRUE(h.until([&] { return h.hasEvent("NoPods: No matching pods found"); }));
    ReplicaSet set;
    set.metadata.name = "rs";
    set.metadata.namespace_ = "default";
    set.spec.replicas = 3;
    set.spec.selector.getOrCreate().matchLabels["app"] = "a";
    set.spec.template_.metadata.labels["app"] = "a";
    set.spec.template_.spec.containers.resize(1);
    h.client.put(set);
    ASSERT_TRUE(h.until([&] { return allowed("half").currentHealthy == 3; }, 1h)) << seed;
    EXPECT_EQ(allowed("half").desiredHealthy, 1);
    EXPECT_EQ(allowed("half").expectedPods, 3);
    EXPECT_EQ(allowed("half").disruptionsAllowed, 2);
    ASSERT_TRUE(h.until([&] { return allowed("two").disruptionsAllowed == 1; })) << seed;
    EXPECT_EQ(allowed("two").conditions.at(0).reason, "SufficientPods");
    // The set shrinks: what it wants counts at once.
    h.client.change<ReplicaSet>("default", "rs", [](ReplicaSet& s) { s.spec.replicas = 1; });
    ASSERT_TRUE(h.until(
        [&] {
          return allowed("two").disruptionsAllowed == 0 && allowed("half").expectedPods == 1 &&
                 allowed("half").currentHealthy == 1;
        },
        1h))
        << seed;
    EXPECT_EQ(allowed("two").conditions.at(0).reason, "InsufficientPods");
  }
}

TEST(Disruptions, EvictionsCountUntilTheyHappen) {
  Harness h(9);
  h.add<DisruptionController>();
  h.start();
  for (const char* name : {"p", "q"}) {
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    pod.metadata.labels["app"] = "a";
    testing::makeReady(pod, h.wallNow());
    h.client.put(pod);
  }
  auto budget = makeBudget("b");
  budget.spec.minAvailable = 1;
  h.client.put(budget);
  auto status = [&h] { return h.client.peek<PodDisruptionBudget>("default", "b")->status; };
  ASSERT_TRUE(h.until([&] { return status().disruptionsAllowed == 1; }));
  // As the eviction does it.
  h.client.change<PodDisruptionBudget>("default", "b", [&](PodDisruptionBudget& b) {
    b.status.disruptionsAllowed = 0;
    b.status.disruptedPods["p"] = api::Time(h.wallNow());
  });
  ASSERT_TRUE(h.until([&] { return status().currentHealthy == 1; }));
  EXPECT_EQ(status().disruptionsAllowed, 0);
  h.client.change<Pod>("default", "p", [&](Pod& p) {
    api::core::v1::PodCondition condition;
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = "EvictionByEvictionAPI";
    condition.lastTransitionTime = api::Time(h.wallNow());
    p.status.conditions.push_back(condition);
    p.status.hostIPs.emplace_back().ip = "10.0.0.1";
  });
  h.run(100s);
  EXPECT_EQ(status().disruptionsAllowed, 0);
  // It did not happen.
  ASSERT_TRUE(h.until([&] { return status().disruptionsAllowed == 1; }));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("NotDeleted: Pod was expected by PDB default/b to be deleted but it wasn't");
  }));
  ASSERT_TRUE(h.until([&] {
    auto pod = h.client.peek<Pod>("default", "p");
    return api::findPodCondition(pod->status, "DisruptionTarget")->status == "False";
  }));
  EXPECT_EQ(h.client.peek<Pod>("default", "p")->status.hostIPs.size(), 1u);
}

TEST(Disruptions, OwnersWithoutSize) {
  Harness h(3);
  h.add<DisruptionController>();
  h.start();
  auto budget = makeBudget("b");
  budget.spec.maxUnavailable = 1;
  h.client.put(budget);
  auto own = [&h](const char* apiVersion, const char* kind) {
    Pod pod;
    pod.metadata.name = "p";
    pod.metadata.namespace_ = "default";
    pod.metadata.labels["app"] = "a";
    auto& owner = pod.metadata.ownerReferences.emplace_back();
    owner.apiVersion = apiVersion;
    owner.kind = kind;
    owner.name = "o";
    owner.uid = "1";
    owner.controller = true;
    h.client.put(pod);
  };
  auto failsWith = [&h](const std::string& why) {
    const bool told = h.until([&] {
      auto status = h.client.peek<PodDisruptionBudget>("default", "b")->status;
      if (status.conditions.empty()) return false;
      const auto& condition = status.conditions[0];
      return condition.reason == "SyncFailed" && condition.message == why &&
             h.hasEvent(
                 "CalculateExpectedPodCountFailed: Failed to calculate the number of expected "
                 "pods: " +
                 why);
    });
    (void)h.client.erase<Pod>("default", "p");
    return told;
  };
  own("apps/v1", "DaemonSet");
  EXPECT_TRUE(failsWith("daemonsets.apps does not implement the scale subresource"));
  own("example.com/v1", "Widget");
  EXPECT_TRUE(failsWith("no matches for kind \"Widget\" in version \"example.com/v1\""));
  own("apps/v1", "ReplicaSet");
  EXPECT_TRUE(failsWith("found no controllers for pod \"p\""));
}

TEST(Disruptions, PodsOfSeveralBudgets) {
  Harness h(4);
  h.add<DisruptionController>();
  h.start();
  for (const char* name : {"x", "y"}) {
    auto budget = makeBudget(name);
    budget.spec.minAvailable = 1;
    h.client.put(budget);
  }
  auto other = makeBudget("z");
  other.spec.selector->matchLabels["app"] = "b";
  other.spec.minAvailable = 1;
  h.client.put(other);
  h.run(1s);
  Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "default";
  pod.metadata.labels["app"] = "a";
  testing::makeReady(pod, h.wallNow());
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "MultiplePodDisruptionBudgets: Pod \"default\"/\"p\" matches multiple "
        "PodDisruptionBudgets.  Chose \"x\" arbitrarily.");
  }));
  auto healthy = [&h](const char* name) {
    return h.client.peek<PodDisruptionBudget>("default", name)->status.currentHealthy;
  };
  ASSERT_TRUE(h.until([&] { return healthy("x") == 1 && healthy("y") == 1; }));
  EXPECT_EQ(healthy("z"), 0);
  // A pod that changes sides is taken from one and given to the other.
  h.client.change<Pod>("default", "p", [](Pod& p) { p.metadata.labels["app"] = "b"; });
  ASSERT_TRUE(h.until([&] { return healthy("x") == 0 && healthy("y") == 0 && healthy("z") == 1; }));
}

}  // namespace
}  // namespace coxswain::controllers::disruption
