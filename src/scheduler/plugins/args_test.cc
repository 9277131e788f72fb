#include "scheduler/plugins/args.h"

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "scheduler/framework/picker.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/plugins/registry.h"
#include "scheduler/plugins/resource_score.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

int64_t scoreOf(const NodeResourcesFitArgs& args, const PodBuilder& pod, const PodBuilder& running,
                const NodeBuilder& node) {
  NodeInfo info;
  info.setNode(node.toPtr());
  info.addPod(running.info());
  return plugins::ResourceScorer(args).score(*pod.info(), info);
}

TEST(ResourceScorer, ByStrategy) {
  // Of 4 cpu 1 + 1 are asked for, of 8Gi 2 + 4.
  const auto pod = PodBuilder("p").cpu("1").memory("4Gi").request("example.com/gpu", "1");
  const auto running = PodBuilder("r").cpu("1").memory("2Gi").request("example.com/gpu", "2");
  const auto node = NodeBuilder("n").have("example.com/gpu", "4");
  struct Case {
    std::string name;
    NodeResourcesFitArgs args;
    int64_t score;
  };
  const auto args = [](std::string strategy, std::vector<ResourceWeight> resources,
                       std::vector<ShapePoint> shape = {}) {
    NodeResourcesFitArgs made;
    made.strategy = std::move(strategy);
    made.resources = std::move(resources);
    made.shape = std::move(shape);
    return made;
  };
  const std::vector<ResourceWeight> both = {{"cpu", 1}, {"memory", 1}};
  const std::vector<ShapePoint> rising = {{0, 0}, {100, 10}};
  const std::vector<Case> cases = {
      {"least", args("LeastAllocated", both), (50 + 25) / 2},
      {"least, weighted", args("LeastAllocated", {{"cpu", 3}, {"memory", 1}}), (150 + 25) / 4},
      {"most", args("MostAllocated", both), (50 + 75) / 2},
      {"of an extended resource", args("MostAllocated", {{"example.com/gpu", 1}}), 75},
      {"of one that the node lacks", args("MostAllocated", {{"example.com/nic", 1}}), 0},
      {"ratio", args("RequestedToCapacityRatio", both, rising), 63},
      {"ratio, falling", args("RequestedToCapacityRatio", {{"cpu", 1}}, {{0, 10}, {100, 0}}), 50},
      {"ratio, a step", args("RequestedToCapacityRatio", {{"cpu", 1}}, {{49, 0}, {50, 7}}), 70},
  };
  for (const auto& c : cases) EXPECT_EQ(scoreOf(c.args, pod, running, node), c.score) << c.name;
}

/// What the default profile with these arguments decides.
Decision decide(const PluginArgs& args, const PodBuilder& pod,
                const std::vector<NodeBuilder>& nodes,
                const std::vector<PodBuilder>& running = {}) {
  const auto& registrations = plugins::registry();
  const auto wiring = plugins::defaultWiring(registrations);
  const Framework framework(plugins::makePlugins(registrations, wiring, {args}), wiring);
  SeededRandom random(1);
  Picker picker(framework, random);
  Cache cache;
  for (const auto& node : nodes) cache.setNode(node.toPtr());
  for (const auto& other : running) cache.setPod(other.info(), other.pod.spec.nodeName);
  return picker.pick(pod.info(), cache.snapshot());
}

TEST(NodeResourcesFit, IgnoresWhatItIsTold) {
  PluginArgs args;
  const auto pod = PodBuilder("p").request("example.com/gpu", "1").request("other.com/nic", "1");
  EXPECT_EQ(decide(args, pod, {NodeBuilder("a")}).diagnosis.message(),
            "0/1 nodes are available: 1 Insufficient example.com/gpu, 1 Insufficient "
            "other.com/nic.");
  args.nodeResourcesFit.ignoredResources = {"example.com/gpu"};
  EXPECT_EQ(decide(args, pod, {NodeBuilder("a")}).diagnosis.message(),
            "0/1 nodes are available: 1 Insufficient other.com/nic.");
  args.nodeResourcesFit.ignoredResourceGroups = {"other.com"};
  EXPECT_EQ(decide(args, pod, {NodeBuilder("a")}).node, "a");
}

api::core::v1::NodeSelectorTerm labelled(std::string key, std::string value) {
  api::core::v1::NodeSelectorTerm term;
  auto& one = term.matchExpressions.emplace_back();
  one.key = std::move(key);
  one.operator_ = "In";
  one.values = {std::move(value)};
  return term;
}

TEST(NodeAffinity, AddedByTheProfile) {
  PluginArgs args;
  args.nodeAffinity.addedAffinity.emplace();
  auto& added = *args.nodeAffinity.addedAffinity;
  added.requiredDuringSchedulingIgnoredDuringExecution.getOrCreate().nodeSelectorTerms = {
      labelled("pool", "batch")};
  const auto a = NodeBuilder("a").label("pool", "web");
  const auto b = NodeBuilder("b").label("pool", "batch");
  EXPECT_EQ(decide(args, PodBuilder("p"), {a, b}).node, "b");
  // The pod's own counts as well.
  const auto decision = decide(args, PodBuilder("p").selector("disk", "ssd"), {a, b});
  EXPECT_EQ(decision.diagnosis.message(),
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 "
            "node(s) didn't match scheduler-enforced node affinity.");
  // Preferred: of two that may be.
  auto& preferred = added.preferredDuringSchedulingIgnoredDuringExecution.emplace_back();
  preferred.weight = 10;
  preferred.preference = labelled("disk", "ssd");
  const auto c = NodeBuilder("c").label("pool", "batch").label("disk", "ssd");
  EXPECT_EQ(decide(args, PodBuilder("p"), {a, b, c}).node, "c");
}

TEST(InterPodAffinity, WeighsWhatRunningPodsRequire) {
  auto friendly = PodBuilder("r").on("a");
  api::core::v1::PodAffinityTerm term;
  term.labelSelector.getOrCreate().matchLabels["app"] = "web";
  term.topologyKey = "kubernetes.io/hostname";
  friendly.pod.spec.affinity.getOrCreate()
      .podAffinity.getOrCreate()
      .requiredDuringSchedulingIgnoredDuringExecution.push_back(term);
  // Fuller, so that only affinity speaks for it.
  const auto full = PodBuilder("s").cpu("2").memory("4Gi").on("a");
  const auto pod = PodBuilder("p").label("app", "web").cpu("1").memory("2Gi");
  const std::vector<NodeBuilder> nodes = {NodeBuilder("a"), NodeBuilder("b")};
  PluginArgs args;
  EXPECT_EQ(decide(args, pod, nodes, {friendly, full}).node, "a");
  args.interPodAffinity.hardPodAffinityWeight = 0;
  EXPECT_EQ(decide(args, pod, nodes, {friendly, full}).node, "b");
}

TEST(NodeResourcesBalancedAllocation, OfConfiguredResources) {
  PluginArgs args;
  args.balancedAllocation.resources = {{"cpu", 1}, {"ephemeral-storage", 1}};
  const auto balanced = plugins::nodeResourcesBalancedAllocation(args.balancedAllocation);
  const auto* scorer = dynamic_cast<const ScorePlugin*>(balanced.get());
  NodeInfo node;
  node.setNode(NodeBuilder("n").have("ephemeral-storage", "100Gi").toPtr());
  const auto even = PodBuilder("p").cpu("1").request("ephemeral-storage", "25Gi").info();
  const auto uneven = PodBuilder("q").cpu("4").info();
  EXPECT_EQ(scorer->score({}, *even, node, {}), 100);
  EXPECT_EQ(scorer->score({}, *uneven, node, {}), 50);
}

}  // namespace
}  // namespace coxswain::scheduler
