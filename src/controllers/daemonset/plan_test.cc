// One look at a set, without a cluster.

#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "controllers/daemonset/decide.h"
#include "controllers/framework/history.h"

namespace coxswain::controllers::daemonset {
namespace {

using api::apps::v1::DaemonSet;
using api::core::v1::Node;
using api::core::v1::Pod;

const WallTime kNow = WallTime(std::chrono::seconds(1'000'000));

DaemonSet makeSet(int maxUnavailable, int maxSurge) {
  DaemonSet set;
  set.metadata.name = "d";
  set.spec.updateStrategy.type = "RollingUpdate";
  auto& rolling = set.spec.updateStrategy.rollingUpdate.getOrCreate();
  rolling.maxUnavailable = maxUnavailable;
  rolling.maxSurge = maxSurge;
  return set;
}

Nodes makeNodes(int count, Placement placement = {true, true}) {
  Nodes nodes;
  for (int i = 0; i < count; ++i) {
    auto node = std::make_shared<Node>();
    node->metadata.name = "n" + std::to_string(i);
    nodes.push_back({std::move(node), placement});
  }
  return nodes;
}

PodPointer pod(const std::string& name, const std::string& hash, bool ready = true,
               WallTime created = kNow - 1h) {
  auto made = std::make_shared<Pod>();
  made->metadata.name = made->metadata.uid = name;
  made->metadata.labels[kRevisionLabel] = hash;
  made->metadata.creationTimestamp = api::Time(created);
  made->spec.nodeName = "n";
  made->status.phase = "Running";
  auto& condition = made->status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  condition.lastTransitionTime = api::Time(kNow - 1h);
  return made;
}

std::string text(const Plan& plan) {
  std::vector<std::string> parts;
  for (const auto& node : plan.create) parts.push_back("+" + node);
  for (const auto& gone : plan.remove) parts.push_back("-" + gone->metadata.name);
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : " ") + part;
  return out;
}

TEST(DaemonSetPlan, UpdateWithinWhatMayBeUnavailable) {
  const auto set = makeSet(2, 0);
  const auto nodes = makeNodes(4);
  PodsByNode pods{{"n0", {pod("a", "old")}},
                  {"n1", {pod("b", "old")}},
                  {"n2", {pod("c", "old")}},
                  {"n3", {pod("d", "old")}}};
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "-a -b");
  pods["n0"] = {pod("a2", "new", false)};
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "-b");
  pods["n3"] = {pod("d", "old", false)};
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "-d") << "it serves nobody";
  pods.erase("n0");
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "-d") << "a missing one counts, too";
}

TEST(DaemonSetPlan, UpdateWithSurge) {
  const auto set = makeSet(0, 1);
  auto nodes = makeNodes(3);
  PodsByNode pods{
      {"n0", {pod("a", "old")}}, {"n1", {pod("b", "old")}}, {"n2", {pod("c", "old", false)}}};
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "+n0 +n2");
  pods["n0"].push_back(pod("a2", "new", false));
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "+n2");
  EXPECT_EQ(text(planNodes(set, nodes, pods, "new", kNow)), "");
  pods["n0"][1] = pod("a2", "new");
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "+n1 +n2 -a");
  // Where no new pod may come the old one goes when it is of no use, or may be missing.
  nodes[1].placement = nodes[2].placement = {false, true};
  pods["n0"] = {pod("a2", "new")};
  EXPECT_EQ(text(planUpdate(set, nodes, pods, "new", kNow)), "-c");
  const auto more = makeSet(1, 1);
  EXPECT_EQ(text(planUpdate(more, nodes, pods, "new", kNow)), "-b -c");
}

TEST(DaemonSetPlan, SurplusWithAndWithoutSurge) {
  const auto nodes = makeNodes(1);
  PodsByNode pods{{"n0", {pod("young", "old", true, kNow), pod("aged", "old")}}};
  EXPECT_EQ(text(planNodes(makeSet(1, 0), nodes, pods, "new", kNow)), "-young");
  pods["n0"] = {pod("a", "old"), pod("b", "new", false)};
  EXPECT_EQ(text(planNodes(makeSet(0, 1), nodes, pods, "new", kNow)), "");
  pods["n0"] = {pod("a", "old", false), pod("b", "new", false)};
  EXPECT_EQ(text(planNodes(makeSet(0, 1), nodes, pods, "new", kNow)), "-a") << "neither is ready";
  pods["n0"] = {pod("a", "old"), pod("b", "new")};
  EXPECT_EQ(text(planNodes(makeSet(0, 1), nodes, pods, "new", kNow)), "-a");
  auto leaving = std::make_shared<Pod>(*pod("a", "old"));
  leaving->metadata.deletionTimestamp = api::Time(kNow);
  pods["n0"] = {leaving};
  EXPECT_EQ(text(planNodes(makeSet(0, 1), nodes, pods, "new", kNow)), "+n0");
  EXPECT_EQ(text(planNodes(makeSet(1, 0), nodes, pods, "new", kNow)), "");
}

TEST(DaemonSetPlan, WhichPodsAreUpdated) {
  auto set = makeSet(1, 0);
  auto other = std::make_shared<Pod>(*pod("a", "hash of another cluster"));
  EXPECT_FALSE(isUpdated(set, *other, "new"));
  set.metadata.annotations["deprecated.daemonset.template.generation"] = "3";
  other->metadata.labels["pod-template-generation"] = "2";
  EXPECT_FALSE(isUpdated(set, *other, "new"));
  other->metadata.labels["pod-template-generation"] = "3";
  EXPECT_TRUE(isUpdated(set, *other, "new"));
  EXPECT_TRUE(isUpdated(set, *pod("a", "new"), "new"));
}

TEST(DaemonSetPlan, Status) {
  auto set = makeSet(1, 0);
  auto nodes = makeNodes(3);
  nodes[2].placement = {false, true};
  auto meant = std::make_shared<Pod>(*pod("a0", "old", false));
  meant->spec.nodeName.clear();
  PodsByNode pods{{"n0", {meant, pod("a", "new", true, kNow)}}, {"n2", {pod("c", "new")}}};
  const auto status = computeStatus(set, nodes, pods, "new", kNow);
  EXPECT_EQ(status.desiredNumberScheduled, 2);
  EXPECT_EQ(status.currentNumberScheduled, 1);
  EXPECT_EQ(status.numberMisscheduled, 1);
  EXPECT_EQ(status.updatedNumberScheduled, 1) << "the pod on the node counts, not the older one";
  EXPECT_EQ(status.numberReady, 1);
  EXPECT_EQ(status.numberUnavailable, 1);
}

}  // namespace
}  // namespace coxswain::controllers::daemonset
