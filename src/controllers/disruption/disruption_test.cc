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
}

}  // namespace
}  // namespace coxswain::controllers::disruption
