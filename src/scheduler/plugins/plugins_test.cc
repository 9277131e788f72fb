#include "scheduler/plugins/plugins.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/gen/meta_v1.h"
#include "scheduler/framework/picker.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

struct Case {
  std::string name;
  PodBuilder pod;
  std::vector<NodeBuilder> nodes;
  std::vector<PodBuilder> running;
  std::set<std::string> nodesAllowed;  ///< empty: none fits, and `message` says why
  std::string message;
};

Decision decide(const Case& c) {
  Framework framework(plugins::defaultPlugins(nullptr));
  SeededRandom random(1);
  Picker picker(framework, random);
  Cache cache;
  for (const auto& node : c.nodes) cache.setNode(node.toPtr());
  for (const auto& pod : c.running) cache.setPod(pod.info(), pod.pod.spec.nodeName);
  const auto whole = c.pod.toPtr();
  const auto pod = std::make_shared<PodInfo>(whole);
  pod->pod = whole;  // also where it names its node, which no pod in the queue does
  return picker.pick(pod, cache.snapshot());
}

PodBuilder withAffinity(std::string op, std::vector<std::string> zones, int32_t preferred = 0) {
  PodBuilder pod("p");
  auto& affinity = pod.pod.spec.affinity.getOrCreate().nodeAffinity.getOrCreate();
  api::core::v1::NodeSelectorRequirement requirement;
  requirement.key = "topology.kubernetes.io/zone";
  requirement.operator_ = std::move(op);
  requirement.values = std::move(zones);
  api::core::v1::NodeSelectorTerm term;
  term.matchExpressions.push_back(requirement);
  if (preferred) {
    auto& list = affinity.preferredDuringSchedulingIgnoredDuringExecution;
    list.emplace_back();
    list.back().weight = preferred;
    list.back().preference = term;
  } else {
    affinity.requiredDuringSchedulingIgnoredDuringExecution.getOrCreate()
        .nodeSelectorTerms.push_back(term);
  }
  return pod;
}

PodBuilder onNamed(std::string name) {
  PodBuilder pod("p");
  api::core::v1::NodeSelectorTerm term;
  term.matchFields.emplace_back();
  term.matchFields.back().key = "metadata.name";
  term.matchFields.back().operator_ = "In";
  term.matchFields.back().values = {std::move(name)};
  pod.pod.spec.affinity.getOrCreate()
      .nodeAffinity.getOrCreate()
      .requiredDuringSchedulingIgnoredDuringExecution.getOrCreate()
      .nodeSelectorTerms.push_back(term);
  return pod;
}

api::core::v1::PodAffinityTerm term(std::string app, std::string key) {
  api::core::v1::PodAffinityTerm out;
  out.labelSelector.getOrCreate().matchLabels["app"] = std::move(app);
  out.topologyKey = std::move(key);
  return out;
}
constexpr const char* kZone = "topology.kubernetes.io/zone";

PodBuilder nearTo(std::string name, std::string app, int32_t preferred = 0) {
  PodBuilder pod(std::move(name));
  auto& affinity = pod.pod.spec.affinity.getOrCreate().podAffinity.getOrCreate();
  if (!preferred) {
    affinity.requiredDuringSchedulingIgnoredDuringExecution.push_back(term(app, kZone));
  } else {
    auto& list = affinity.preferredDuringSchedulingIgnoredDuringExecution;
    list.emplace_back();
    list.back().weight = preferred;
    list.back().podAffinityTerm = term(app, kZone);
  }
  return pod;
}

PodBuilder awayFrom(std::string name, std::string app) {
  PodBuilder pod(std::move(name));
  pod.pod.spec.affinity.getOrCreate()
      .podAntiAffinity.getOrCreate()
      .requiredDuringSchedulingIgnoredDuringExecution.push_back(term(app, kZone));
  return pod;
}

PodBuilder spread(std::string when, std::string key = kZone) {
  PodBuilder pod("p");
  pod.label("app", "web");
  auto& list = pod.pod.spec.topologySpreadConstraints;
  list.emplace_back();
  list.back().maxSkew = 1;
  list.back().topologyKey = std::move(key);
  list.back().whenUnsatisfiable = std::move(when);
  list.back().labelSelector.getOrCreate().matchLabels["app"] = "web";
  return pod;
}

TEST(DefaultProfile, Decides) {
  const std::vector<Case> cases = {
      {"no nodes", PodBuilder("p"), {}, {}, {}, "no nodes available to schedule pods"},
      {"cpu",
       PodBuilder("p").cpu("3"),
       {NodeBuilder("a"), NodeBuilder("b")},
       {PodBuilder("r").cpu("2").on("a")},
       {"b"},
       ""},
      {"all reasons counted and sorted",
       PodBuilder("p").cpu("3").selector("disk", "ssd"),
       {NodeBuilder("a").label("disk", "ssd"), NodeBuilder("b"), NodeBuilder("c")},
       {PodBuilder("r").cpu("2").on("a")},
       {},
       "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node "
       "affinity/selector."},
      {"two reasons of one node",
       PodBuilder("p").cpu("9").memory("90Gi"),
       {NodeBuilder("a")},
       {},
       {},
       "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."},
      {"too many pods",
       PodBuilder("p"),
       {NodeBuilder("a").have("pods", "1")},
       {PodBuilder("r").on("a")},
       {},
       "0/1 nodes are available: 1 Too many pods."},
      {"extended resource",
       PodBuilder("p").request("nvidia.com/gpu", "1"),
       {NodeBuilder("a")},
       {},
       {},
       "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."},
      {"extended resource fits",
       PodBuilder("p").request("nvidia.com/gpu", "1"),
       {NodeBuilder("a"), NodeBuilder("b").have("nvidia.com/gpu", "1")},
       {},
       {"b"},
       ""},
      {"cordoned",
       PodBuilder("p"),
       {NodeBuilder("a").cordon()},
       {},
       {},
       "0/1 nodes are available: 1 node(s) were unschedulable."},
      {"cordoned, tolerated",
       PodBuilder("p").tolerate("node.kubernetes.io/unschedulable", "NoSchedule"),
       {NodeBuilder("a").cordon()},
       {},
       {"a"},
       ""},
      {"node name", PodBuilder("p").on("b"), {NodeBuilder("a"), NodeBuilder("b")}, {}, {"b"}, ""},
      {"node name of none",
       PodBuilder("p").on("x"),
       {NodeBuilder("a")},
       {},
       {},
       "0/1 nodes are available: 1 node(s) didn't match the requested node name."},
      {"taint",
       PodBuilder("p"),
       {NodeBuilder("a").taint("k", "NoSchedule")},
       {},
       {},
       "0/1 nodes are available: 1 node(s) had untolerated taint(s)."},
      {"taint tolerated",
       PodBuilder("p").tolerate("k"),
       {NodeBuilder("a").taint("k", "NoExecute")},
       {},
       {"a"},
       ""},
      {"soft taint avoided",
       PodBuilder("p"),
       {NodeBuilder("a").taint("k", "PreferNoSchedule"), NodeBuilder("b")},
       {},
       {"b"},
       ""},
      {"affinity",
       withAffinity("In", {"z2"}),
       {NodeBuilder("a").zone("z1"), NodeBuilder("b").zone("z2")},
       {},
       {"b"},
       ""},
      {"affinity not in",
       withAffinity("NotIn", {"z1"}),
       {NodeBuilder("a").zone("z1"), NodeBuilder("b")},
       {},
       {"b"},
       ""},
      {"preferred affinity",
       withAffinity("In", {"z2"}, 10),
       {NodeBuilder("a").zone("z1"), NodeBuilder("b").zone("z2")},
       {},
       {"b"},
       ""},
      {"field names the node", onNamed("b"), {NodeBuilder("a"), NodeBuilder("b")}, {}, {"b"}, ""},
      {"field names a full node",
       onNamed("b"),
       {NodeBuilder("a"), NodeBuilder("b").have("pods", "0")},
       {},
       {},
       "0/2 nodes are available: 1 Too many pods, 1 node(s) didn't satisfy plugin(s) "
       "[NodeAffinity]."},
      {"port taken",
       PodBuilder("p").hostPort(80),
       {NodeBuilder("a")},
       {PodBuilder("r").hostPort(80).on("a")},
       {},
       "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."},
      {"port on another address",
       PodBuilder("p").hostPort(80, "10.0.0.1"),
       {NodeBuilder("a")},
       {PodBuilder("r").hostPort(80, "10.0.0.2").on("a")},
       {"a"},
       ""},
      {"port of another protocol",
       PodBuilder("p").hostPort(80, "", "UDP"),
       {NodeBuilder("a")},
       {PodBuilder("r").hostPort(80).on("a")},
       {"a"},
       ""},
      {"port on all addresses",
       PodBuilder("p").hostPort(80),
       {NodeBuilder("a"), NodeBuilder("b")},
       {PodBuilder("r").hostPort(80, "10.0.0.2").on("a")},
       {"b"},
       ""},
      {"least allocated",
       PodBuilder("p").cpu("100m").memory("100Mi"),
       {NodeBuilder("a"), NodeBuilder("b")},
       {PodBuilder("r").cpu("2").memory("4Gi").on("a")},
       {"b"},
       ""},
      {"least allocated counts pods without requests",
       PodBuilder("p"),
       {NodeBuilder("a"), NodeBuilder("b")},
       {PodBuilder("r").on("a")},
       {"b"},
       ""},
      {"near",
       nearTo("p", "db"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2")},
       {PodBuilder("r").label("app", "db").on("b")},
       {"b"},
       ""},
      {"near nobody",
       nearTo("p", "db"),
       {NodeBuilder("a").zone("1")},
       {},
       {},
       "0/1 nodes are available: 1 node(s) didn't match pod affinity rules."},
      {"first of its group",
       nearTo("p", "web").label("app", "web"),
       {NodeBuilder("a").zone("1")},
       {},
       {"a"},
       ""},
      {"near, other namespace",
       nearTo("p", "db"),
       {NodeBuilder("a").zone("1")},
       {PodBuilder("r", "other").label("app", "db").on("a")},
       {},
       "0/1 nodes are available: 1 node(s) didn't match pod affinity rules."},
      {"away",
       awayFrom("p", "db"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("1")},
       {PodBuilder("r").label("app", "db").on("a")},
       {},
       "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."},
      {"others want to be away",
       PodBuilder("p").label("app", "x"),
       {NodeBuilder("a").zone("1")},
       {awayFrom("r", "x").on("a")},
       {},
       "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules."},
      {"rather near",
       nearTo("p", "db", 100),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2")},
       {PodBuilder("r").label("app", "db").on("b")},
       {"b"},
       ""},
      {"wanted by one that runs",
       PodBuilder("p").label("app", "x").cpu("1m").memory("1"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2")},
       {nearTo("r", "x").cpu("1m").memory("1").on("b")},
       {"b"},
       ""},
      {"spread",
       spread("DoNotSchedule"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2")},
       {PodBuilder("r").label("app", "web").on("a")},
       {"b"},
       ""},
      {"spread, no room",
       spread("DoNotSchedule"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2").have("pods", "0"), NodeBuilder("c")},
       {PodBuilder("r").label("app", "web").on("a")},
       {},
       "0/3 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread "
       "constraints, 1 node(s) didn't match pod topology spread constraints (missing required "
       "label)."},
      {"rather spread",
       spread("ScheduleAnyway"),
       {NodeBuilder("a").zone("1"), NodeBuilder("b").zone("2")},
       {PodBuilder("r").label("app", "web").on("a")},
       {"b"},
       ""},
      {"image",
       PodBuilder("p").image("big"),
       {NodeBuilder("a"), NodeBuilder("b").image("big:latest", 900LL << 20)},
       {},
       {"b"},
       ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Decision decision = decide(c);
    EXPECT_TRUE(decision.error.ok()) << decision.error.message();
    if (c.nodesAllowed.empty()) {
      EXPECT_EQ(decision.node, "");
      EXPECT_EQ(decision.diagnosis.message(), c.message);
    } else {
      EXPECT_TRUE(c.nodesAllowed.contains(decision.node))
          << "'" << decision.node << "' " << decision.diagnosis.message();
    }
  }
}

TEST(DefaultProfile, TiesAreRandom) {
  Framework framework(plugins::defaultPlugins(nullptr));
  SeededRandom random(7);
  Picker picker(framework, random);
  Cache cache;
  for (const char* name : {"a", "b", "c"}) cache.setNode(NodeBuilder(name).toPtr());
  std::map<std::string, int> hits;
  const auto pod = PodBuilder("p").info();
  for (int i = 0; i < 300; ++i) ++hits[picker.pick(pod, cache.snapshot()).node];
  EXPECT_EQ(hits.size(), 3u);
  for (const auto& [name, count] : hits) EXPECT_GT(count, 60) << name;
}

TEST(DefaultProfile, LooksAtEnoughNodes) {
  EXPECT_EQ(feasibleNodesWanted(10, 0), 10u);
  EXPECT_EQ(feasibleNodesWanted(100, 0), 100u);
  EXPECT_EQ(feasibleNodesWanted(1000, 0), 420u);
  EXPECT_EQ(feasibleNodesWanted(5000, 0), 500u);
  EXPECT_EQ(feasibleNodesWanted(6000, 0), 300u);
  EXPECT_EQ(feasibleNodesWanted(6000, 100), 6000u);
  EXPECT_EQ(feasibleNodesWanted(200, 10), 100u);
}

TEST(Cache, AssumedPodsCount) {
  Cache cache;
  cache.setNode(NodeBuilder("a").toPtr());
  const auto pod = PodBuilder("p").cpu("1").hostPort(80).info();
  cache.assume(pod, "a");
  const NodeInfo* node = cache.snapshot().find("a");
  EXPECT_EQ(node->requested.milliCpu, 1000);
  EXPECT_EQ(node->usedPorts.size(), 1u);
  EXPECT_TRUE(cache.isAssumed(pod->key));
  cache.forget(pod->key);
  EXPECT_EQ(node->requested.milliCpu, 0);
  EXPECT_TRUE(node->usedPorts.empty());
  cache.assume(pod, "a");
  cache.setPod(PodBuilder("p").cpu("1").on("a").info(), "a");
  cache.forget(pod->key);  // confirmed meanwhile: stays
  EXPECT_EQ(node->requested.milliCpu, 1000);
  EXPECT_EQ(node->pods.size(), 1u);
  cache.removePod(pod->key);
  EXPECT_EQ(node->requested.milliCpu, 0);
}

TEST(Cache, PodsBeforeAndAfterTheirNode) {
  Cache cache;
  cache.setPod(PodBuilder("p").cpu("1").on("a").info(), "a");
  EXPECT_TRUE(cache.snapshot().nodes.empty());
  cache.setNode(NodeBuilder("a").toPtr());
  ASSERT_EQ(cache.snapshot().nodes.size(), 1u);
  EXPECT_EQ(cache.snapshot().nodes[0]->requested.milliCpu, 1000);
  cache.removeNode("a");
  EXPECT_TRUE(cache.snapshot().nodes.empty());
  cache.removePod("default/p");
  EXPECT_EQ(cache.podCount(), 0u);
}

TEST(Cache, ZonesTakeTurns) {
  Cache cache;
  for (const char* name : {"a1", "a2", "a3"}) cache.setNode(NodeBuilder(name).zone("a").toPtr());
  cache.setNode(NodeBuilder("b1").zone("b").toPtr());
  std::vector<std::string> order;
  for (const auto* node : cache.snapshot().nodes) order.push_back(node->name);
  EXPECT_EQ(order, (std::vector<std::string>{"a1", "b1", "a2", "a3"}));
}

}  // namespace
}  // namespace coxswain::scheduler
