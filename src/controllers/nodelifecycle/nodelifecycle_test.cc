#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/nodelifecycle/controller.h"
#include "controllers/tainteviction/controller.h"

namespace coxswain::controllers::nodelifecycle {
namespace {

using api::coordination::v1::Lease;
using api::core::v1::Node;
using api::core::v1::NodeCondition;
using api::core::v1::Pod;
using testing::Harness;
using testing::makeReady;

void setCondition(Node& node, const std::string& type, const std::string& status) {
  for (auto& condition : node.status.conditions) {
    if (condition.type != type) continue;
    condition.status = status;
    return;
  }
  NodeCondition condition;
  condition.type = type;
  condition.status = status;
  node.status.conditions.push_back(condition);
}

Node readyNode(const std::string& name, const std::string& zone = "") {
  Node node;
  node.metadata.name = name;
  if (!zone.empty()) node.metadata.labels["topology.kubernetes.io/zone"] = zone;
  setCondition(node, "Ready", "True");
  return node;
}

std::string taintsOf(const Node& node) {
  std::vector<std::string> texts;
  for (const auto& taint : node.spec.taints) {
    texts.push_back(taint.key.substr(taint.key.find('/') + 1) + ":" + taint.effect);
  }
  std::sort(texts.begin(), texts.end());
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

Pod podOn(const std::string& name, const std::string& node, std::optional<int64_t> seconds = {}) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  pod.spec.nodeName = node;
  if (seconds) {
    pod.spec.tolerations.resize(1);
    pod.spec.tolerations[0].key = std::string(kUnreachable);
    pod.spec.tolerations[0].operator_ = "Exists";
    pod.spec.tolerations[0].effect = "NoExecute";
    pod.spec.tolerations[0].tolerationSeconds = *seconds;
  }
  makeReady(pod, WallTime(), true);
  return pod;
}

class NodeLifecycle : public ::testing::Test {
 protected:
  NodeLifecycle() : h(7) {
    h.add<NodeLifecycleController>();
    h.add<tainteviction::TaintEvictionController>();
    h.start();
  }
  std::string taints(const std::string& node) { return taintsOf(*h.client.peek<Node>("", node)); }
  std::string ready(const std::string& node) {
    return api::findNodeCondition(*h.client.peek<Node>("", node), "Ready")->status;
  }
  /// Renews leases for `time`, each 10 s.
  void live(const std::vector<std::string>& nodes, Duration time) {
    for (Duration passed(0); passed < time; passed += 10s) {
      for (const auto& node : nodes) renew(node);
      h.run(10s);
    }
  }
  void renew(const std::string& node) {
    if (!h.client.peek<Lease>("kube-node-lease", node)) {
      Lease lease;
      lease.metadata.name = node;
      lease.metadata.namespace_ = "kube-node-lease";
      h.client.put(lease);
    }
    h.client.change<Lease>("kube-node-lease", node,
                           [&](Lease& l) { l.spec.renewTime = api::MicroTime(h.wallNow()); });
  }
  Harness h;
};

TEST_F(NodeLifecycle, TaintsByCondition) {
  h.client.put(readyNode("a"));
  h.client.change<Node>("", "a", [](Node& n) {
    n.metadata.labels["kubernetes.io/os"] = "linux";
    setCondition(n, "DiskPressure", "True");
    setCondition(n, "MemoryPressure", "False");
    n.spec.unschedulable = true;
    n.spec.taints.resize(1);
    n.spec.taints[0].key = "example.com/mine";
    n.spec.taints[0].effect = "NoSchedule";
  });
  ASSERT_TRUE(h.until([&] {
    return taints("a") == "disk-pressure:NoSchedule mine:NoSchedule unschedulable:NoSchedule";
  }));
  EXPECT_EQ(h.client.peek<Node>("", "a")->metadata.labels.at("beta.kubernetes.io/os"), "linux");
  h.client.change<Node>("", "a", [](Node& n) {
    setCondition(n, "DiskPressure", "False");
    n.spec.unschedulable = false;
  });
  ASSERT_TRUE(h.until([&] { return taints("a") == "mine:NoSchedule"; }));
  EXPECT_TRUE(h.until(
      [&] { return h.hasEvent("RegisteredNode: Node a event: Registered Node a in Controller"); }));
}

TEST_F(NodeLifecycle, SilentNodeIsTaintedAndEvicted) {
  for (const char* name : {"a", "b", "c"}) h.client.put(readyNode(name));
  h.client.change<Node>("", "a", [](Node& n) {
    n.status.images.emplace_back().sizeBytes = 5;
    n.status.nodeInfo.kernelVersion = "6.1";
  });
  h.client.put(podOn("goes", "a"));
  auto later = podOn("later", "a", 120);
  later.status.containerStatuses.resize(1);
  later.status.containerStatuses[0].name = "c";
  later.status.containerStatuses[0].state.running.getOrCreate();
  h.client.put(later);
  h.client.put(podOn("elsewhere", "b"));
  live({"a", "b", "c"}, 2min);
  EXPECT_EQ(ready("a"), "True");
  live({"b", "c"}, 40s);
  EXPECT_EQ(ready("a"), "True") << "within the grace period";
  live({"b", "c"}, 30s);
  EXPECT_EQ(ready("a"), "Unknown");
  EXPECT_EQ(taints("a"), "unreachable:NoExecute unreachable:NoSchedule");
  EXPECT_EQ(ready("b"), "True");
  EXPECT_EQ(h.client.peek<Node>("", "a")->status.conditions[0].reason, "NodeStatusUnknown");
  // What the controller's cache does not have is there still.
  EXPECT_EQ(h.client.peek<Node>("", "a")->status.images.size(), 1u);
  EXPECT_EQ(h.client.peek<Node>("", "a")->status.nodeInfo.kernelVersion, "6.1");
  auto goes = h.client.peek<Pod>("default", "goes");
  ASSERT_TRUE(goes->metadata.deletionTimestamp);
  EXPECT_FALSE(api::isPodReady(*goes));
  EXPECT_EQ(api::findPodCondition(goes->status, "DisruptionTarget")->reason,
            "DeletionByTaintManager");
  EXPECT_FALSE(h.client.peek<Pod>("default", "later")->metadata.deletionTimestamp);
  EXPECT_FALSE(api::isPodReady(*h.client.peek<Pod>("default", "later")));
  EXPECT_EQ(h.client.peek<Pod>("default", "later")->status.containerStatuses,
            later.status.containerStatuses);
  EXPECT_TRUE(api::isPodReady(*h.client.peek<Pod>("default", "elsewhere")));
  EXPECT_TRUE(h.hasEvent("NodeNotReady: Node a status is now: NodeNotReady"));
  EXPECT_TRUE(h.hasEvent("TaintManagerEviction: Marking for deletion Pod default/goes"));
  // The node returns: what had time left stays.
  h.client.change<Node>("", "a", [](Node& n) { setCondition(n, "Ready", "True"); });
  live({"a", "b", "c"}, 3min);
  EXPECT_EQ(taints("a"), "");
  EXPECT_FALSE(h.client.peek<Pod>("default", "later")->metadata.deletionTimestamp);
  EXPECT_TRUE(h.hasEvent("TaintManagerEviction: Cancelling deletion of Pod default/later"));
  // Lost for longer than it tolerates.
  live({"b", "c"}, 4min);
  EXPECT_TRUE(h.client.peek<Pod>("default", "later")->metadata.deletionTimestamp);
}

TEST_F(NodeLifecycle, NobodyIsEvictedWhenAllAreLost) {
  for (const char* name : {"a", "b", "c"}) {
    h.client.put(readyNode(name));
    h.client.put(podOn(std::string("on-") + name, name));
  }
  live({"a", "b", "c"}, 1min);
  h.run(30min);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(ready(name), "Unknown");
    EXPECT_EQ(taints(name), "unreachable:NoSchedule");
    EXPECT_FALSE(
        h.client.peek<Pod>("default", std::string("on-") + name)->metadata.deletionTimestamp);
  }
  // One returns: the others have their grace period again, and then go one after the other.
  h.client.change<Node>("", "a", [](Node& n) { setCondition(n, "Ready", "True"); });
  live({"a"}, 10min);
  EXPECT_EQ(taints("a"), "");
  EXPECT_EQ(taints("b"), "unreachable:NoExecute unreachable:NoSchedule");
}

TEST_F(NodeLifecycle, NeverHeardOf) {
  h.client.put(readyNode("other"));
  Node node;
  node.metadata.name = "a";
  node.spec.taints.resize(1);
  node.spec.taints[0].key = std::string(kNotReady);
  node.spec.taints[0].effect = "NoSchedule";
  h.client.put(node);
  live({"other"}, 50s);
  EXPECT_TRUE(h.client.peek<Node>("", "a")->status.conditions.empty());
  EXPECT_EQ(taints("a"), "not-ready:NoSchedule") << "admission's taint stays";
  live({"other"}, 40s);
  auto status = h.client.peek<Node>("", "a")->status;
  ASSERT_EQ(status.conditions.size(), 4u);
  EXPECT_EQ(status.conditions[0].reason, "NodeStatusNeverUpdated");
  EXPECT_EQ(status.conditions[0].message, "Kubelet never posted node status.");
}

TEST(ZonesTest, RatesAndDisruption) {
  ZoneLimits limits;
  Zones zones(limits);
  MonotonicTime now{};
  zones.update({{"x", {10, 0}}, {"y", {2, 3}}, {"z", {0, 2}}}, now);
  EXPECT_EQ(zones.state("x"), ZoneState::Normal);
  EXPECT_EQ(zones.state("y"), ZoneState::PartialDisruption);
  EXPECT_EQ(zones.state("z"), ZoneState::FullDisruption);
  for (const char* zone : {"x", "y", "z"}) {
    for (const char* node : {"1", "2", "1"}) zones.add(zone, std::string(zone) + node);
  }
  EXPECT_EQ(zones.take(now), (std::vector<std::string>{"x1", "z1"})) << "y is small: nobody goes";
  EXPECT_TRUE(zones.take(now + 5s).empty());
  EXPECT_EQ(zones.take(now + 11s), (std::vector<std::string>{"x2", "z2"}));
  EXPECT_TRUE(zones.take(now + 100s).empty());
  EXPECT_EQ(zones.update({{"x", {0, 10}}, {"y", {0, 5}}, {"z", {0, 2}}}, now),
            Zones::Shift::AllLost);
  EXPECT_EQ(zones.update({{"x", {0, 10}}, {"y", {0, 5}}, {"z", {0, 2}}}, now), Zones::Shift::None);
  zones.add("x", "x3");
  EXPECT_TRUE(zones.take(now + 200s).empty());
  EXPECT_EQ(zones.update({{"x", {1, 9}}, {"y", {0, 5}}, {"z", {0, 2}}}, now),
            Zones::Shift::AllNoLonger);
}

}  // namespace
}  // namespace coxswain::controllers::nodelifecycle
