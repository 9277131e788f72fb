#include "scheduler/preemption/preemption.h"

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

PodBuilder running(std::string name, std::string node, std::string cpu, int32_t priority = 0,
                   int64_t startedAt = 1000) {
  PodBuilder pod(std::move(name));
  pod.cpu(cpu).priority(priority).on(std::move(node));
  pod.pod.status.startTime = api::Time::fromUnix(startedAt);
  return pod;
}

api::policy::v1::PodDisruptionBudget budget(std::string name, std::string app, int32_t allowed) {
  api::policy::v1::PodDisruptionBudget out;
  out.metadata.name = std::move(name);
  out.metadata.namespace_ = "default";
  out.spec.selector.getOrCreate().matchLabels["app"] = std::move(app);
  out.status.disruptionsAllowed = allowed;
  return out;
}

class PreemptionTest : public ::testing::Test {
 protected:
  void node(std::string name) { cache.setNode(NodeBuilder(std::move(name)).toPtr()); }
  void add(const PodBuilder& pod) { cache.setPod(pod.info(), pod.pod.spec.nodeName); }

  /// "node: victim victim", or the message.
  std::string plan(const PodBuilder& builder, PreemptionOptions options = {}) {
    const auto pod = builder.info();
    const Snapshot& snapshot = cache.snapshot();
    std::map<std::string, std::pair<int64_t, size_t>> before;
    for (const auto* n : snapshot.nodes) before[n->name] = {n->requested.milliCpu, n->pods.size()};
    Decision decision = picker.pick(pod, snapshot);
    EXPECT_EQ(decision.node, "");
    const auto made = planPreemption(framework, options, *pod, snapshot, decision, budgets, offset);
    for (const auto* n : snapshot.nodes)
      EXPECT_EQ((std::pair{n->requested.milliCpu, n->pods.size()}), before[n->name]) << n->name;
    if (made.node.empty()) return made.message;
    std::string out = made.node + ":";
    for (const auto& victim : made.victims) out += " " + victim->meta->name;
    return out;
  }

  Framework framework{plugins::defaultPlugins(nullptr)};
  SeededRandom random{1};
  Picker picker{framework, random};
  Cache cache;
  Budgets budgets;
  uint64_t offset = 0;
};

TEST_F(PreemptionTest, TakesAsFewAndAsUnimportantAsPossible) {
  node("a");
  add(running("big", "a", "2", 0, 100));
  add(running("small", "a", "1", 0, 200));
  add(running("precious", "a", "1", 5));
  EXPECT_EQ(plan(PodBuilder("p").cpu("1").priority(9)), "a: small");
  EXPECT_EQ(plan(PodBuilder("p").cpu("2").priority(9)), "a: big");
  EXPECT_EQ(plan(PodBuilder("p").cpu("3").priority(9)), "a: big small");
}

TEST_F(PreemptionTest, OrderOfNodes) {
  struct Row {
    const char* name;
    std::vector<PodBuilder> pods;
    const char* expected;
  };
  const std::vector<Row> rows = {
      {"lowest top priority", {running("x", "a", "4", 3), running("y", "b", "4", 2)}, "b: y"},
      {"lowest sum",
       {running("x1", "a", "2", 2), running("x2", "a", "2", 2), running("y1", "b", "2", 2),
        running("y2", "b", "2", 1)},
       "b: y1 y2"},
      {"fewest",
       {running("x1", "a", "2"), running("x2", "a", "2"), running("y", "b", "4")},
       "b: y"},
      {"latest start", {running("x", "a", "4", 0, 100), running("y", "b", "4", 0, 200)}, "b: y"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    for (const char* name : {"a", "b"}) node(name);
    for (const auto& pod : row.pods) add(pod);
    for (offset = 0; offset < 2; ++offset)
      EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), row.expected);
    for (const auto& pod : row.pods) cache.removePod(pod.info()->key);
  }
}

TEST_F(PreemptionTest, BudgetsDecideFirst) {
  node("a");
  node("b");
  add(running("guarded", "a", "4", 0).label("app", "db"));
  add(running("free", "b", "4", 8));
  budgets.set(budget("db", "db", 0));
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), "b: free");
  budgets.set(budget("db", "db", 1));
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), "a: guarded");
  budgets.set(budget("db", "db", 0));
  budgets.remove("default", "db");
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), "a: guarded");
}

TEST_F(PreemptionTest, GuardedVictimsLeaveLast) {
  node("a");
  add(running("guarded", "a", "2", 0).label("app", "db"));
  add(running("important", "a", "2", 5));
  budgets.set(budget("db", "db", 0));
  // Without the budget the less important one would go.
  EXPECT_EQ(plan(PodBuilder("p").cpu("2").priority(9)), "a: important");
  // Best effort: it goes if there is no other way.
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), "a: important guarded");
}

TEST(Budgets, EachVictimTakesOne) {
  Budgets budgets;
  budgets.set(budget("one", "db", 1));
  std::vector<PodInfoPtr> pods;
  for (const char* name : {"x", "y", "z"})
    pods.push_back(PodBuilder(name).label("app", "db").info());
  std::vector<bool> violates;
  budgets.violations(pods, violates);
  EXPECT_EQ(violates, (std::vector<bool>{false, true, true}));
  auto evicting = budget("one", "db", 1);
  evicting.status.disruptedPods["x"] = api::Time();
  budgets.set(evicting);
  budgets.violations(pods, violates);
  EXPECT_EQ(violates, (std::vector<bool>{false, false, true}));
  // An empty selector protects nothing.
  auto all = budget("one", "db", 0);
  all.spec.selector.getOrCreate() = {};
  budgets.set(all);
  EXPECT_TRUE(budgets.empty());
}

TEST_F(PreemptionTest, RoomMadeForOthersIsTheirs) {
  node("a");
  add(running("low", "a", "4"));
  cache.nominate(PodBuilder("rival").cpu("3").priority(9).info(), "a");
  EXPECT_EQ(plan(PodBuilder("p").cpu("2").priority(9)),
            "preemption: 0/1 nodes are available: 1 Insufficient cpu.");
  // A more important one does not mind.
  EXPECT_EQ(plan(PodBuilder("p").cpu("2").priority(10)), "a: low");
}

TEST_F(PreemptionTest, WaitsForVictimsThatAreLeaving) {
  node("a");
  auto leaving = running("low", "a", "4");
  leaving.pod.metadata.deletionTimestamp = api::Time::fromUnix(5);
  api::core::v1::PodCondition condition;
  condition.type = "DisruptionTarget";
  condition.status = "True";
  condition.reason = "PreemptionByScheduler";
  leaving.pod.status.conditions.push_back(condition);
  add(leaving);
  auto pod = PodBuilder("p").cpu("2").priority(9);
  pod.pod.status.nominatedNodeName = "a";
  EXPECT_EQ(plan(pod), "preemption: not eligible due to a terminating pod on the nominated node.");
  // One that leaves for another reason does not hold it up.
  leaving.pod.status.conditions.clear();
  add(leaving);
  EXPECT_EQ(plan(pod), "a: low");
}

TEST_F(PreemptionTest, NeverMeansNever) {
  node("a");
  add(running("low", "a", "4"));
  auto pod = PodBuilder("p").cpu("2").priority(9);
  pod.pod.spec.preemptionPolicy = "Never";
  EXPECT_EQ(plan(pod), "preemption: not eligible due to preemptionPolicy=Never.");
}

TEST_F(PreemptionTest, LooksAtAsManyNodesAsItIsTold) {
  for (int i = 0; i < 10; ++i) {
    const std::string name = "n" + std::to_string(i);
    node(name);
    add(running("on-" + name, name, "4", 8 - i));
  }
  PreemptionOptions few;
  few.minCandidateNodesPercentage = 10;
  few.minCandidateNodesAbsolute = 2;
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9), few), "n1: on-n1");
  EXPECT_EQ(plan(PodBuilder("p").cpu("4").priority(9)), "n9: on-n9");
}

TEST_F(PreemptionTest, AntiAffinityToAVictimIsNoObstacle) {
  node("a");
  add(running("low", "a", "1").label("app", "web"));
  auto pod = PodBuilder("p").priority(9);
  auto& terms = pod.pod.spec.affinity.getOrCreate()
                    .podAntiAffinity.getOrCreate()
                    .requiredDuringSchedulingIgnoredDuringExecution;
  terms.emplace_back();
  terms.back().topologyKey = "kubernetes.io/hostname";
  terms.back().labelSelector.getOrCreate().matchLabels["app"] = "web";
  EXPECT_EQ(plan(pod), "a: low");
}

}  // namespace
}  // namespace coxswain::scheduler
