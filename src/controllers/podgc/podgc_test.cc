#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/podgc/controller.h"

namespace coxswain::controllers::podgc {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using testing::Harness;

Pod makePod(const std::string& name, const std::string& node, const std::string& phase) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  pod.spec.nodeName = node;
  pod.status.phase = phase;
  return pod;
}

TEST(PodGc, RemovesWhatNobodyElseDoes) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    PodGarbageCollector::Options options;
    options.terminatedPodThreshold = 2;
    h.add<PodGarbageCollector>(options);
    h.start();
    Node node;
    node.metadata.name = "n";
    h.client.put(node);
    h.client.put(makePod("runs", "n", "Running"));
    for (const char* name : {"e1", "e2", "e3", "e4"}) {
      h.client.put(makePod(name, "n", "Succeeded"));
      h.run(1s);
    }
    auto lost = makePod("lost", "gone", "Running");
    lost.metadata.finalizers = {"example.com/look"};
    h.client.put(lost);
    auto pending = makePod("pending", "", "Pending");
    pending.metadata.finalizers = {"example.com/look"};
    h.client.put(pending);
    (void)h.client.erase<Pod>("default", "pending");
    h.run(35s);
    EXPECT_TRUE(h.client.peek<Pod>("default", "lost")->status.conditions.empty())
        << "in quarantine";
    ASSERT_TRUE(h.until([&] {
      auto pod = h.client.peek<Pod>("default", "lost");
      return pod->metadata.deletionTimestamp.has_value();
    })) << seed;
    auto pod = h.client.peek<Pod>("default", "lost");
    EXPECT_EQ(pod->status.phase, "Failed");
    const auto* condition = api::findPodCondition(pod->status, "DisruptionTarget");
    ASSERT_NE(condition, nullptr);
    EXPECT_EQ(condition->reason, "DeletionByPodGC");
    EXPECT_EQ(condition->message, "PodGC: node no longer exists");
    ASSERT_TRUE(h.until([&] { return !h.client.peek<Pod>("default", "e2"); })) << seed;
    h.run(2min);
    EXPECT_FALSE(h.client.peek<Pod>("default", "e1"));
    EXPECT_TRUE(h.client.peek<Pod>("default", "e4"));
    EXPECT_TRUE(h.client.peek<Pod>("default", "runs"));
    EXPECT_EQ(h.client.peek<Pod>("default", "pending")->status.phase, "Failed");
    EXPECT_TRUE(h.client.peek<Pod>("default", "pending")->status.conditions.empty());
  }
}

TEST(PodGc, NodesOutOfService) {
  Harness h(1);
  h.add<PodGarbageCollector>();
  h.start();
  Node node;
  node.metadata.name = "n";
  node.spec.taints.resize(1);
  node.spec.taints[0].key = "node.kubernetes.io/out-of-service";
  node.spec.taints[0].effect = "NoExecute";
  node.status.conditions.resize(1);
  node.status.conditions[0].type = "Ready";
  node.status.conditions[0].status = "True";
  h.client.put(node);
  auto pod = makePod("p", "n", "Running");
  pod.metadata.finalizers = {"example.com/look"};
  h.client.put(pod);
  h.client.put(makePod("stays", "n", "Running"));
  client::DeleteOptions options;
  options.gracePeriodSeconds = 3600;
  (void)h.client.erase<Pod>("default", "p", options);
  h.run(1min);
  EXPECT_EQ(h.client.peek<Pod>("default", "p")->status.phase, "Running") << "the node is ready";
  h.client.change<Node>("", "n", [](Node& n) { n.status.conditions[0].status = "Unknown"; });
  ASSERT_TRUE(
      h.until([&] { return h.client.peek<Pod>("default", "p")->status.phase == "Failed"; }));
  // Upstream gives this one no reason.
  EXPECT_TRUE(h.client.peek<Pod>("default", "p")->status.conditions.empty());
  EXPECT_EQ(h.client.peek<Pod>("default", "stays")->status.phase, "Running");
}

}  // namespace
}  // namespace coxswain::controllers::podgc
