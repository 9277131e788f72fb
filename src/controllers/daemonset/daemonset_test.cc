#include <gtest/gtest.h>

#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/daemonset/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::daemonset {
namespace {

using api::apps::v1::ControllerRevision;
using api::apps::v1::DaemonSet;
using api::core::v1::Node;
using api::core::v1::Pod;
using testing::Harness;
using testing::makeReady;

DaemonSet makeSet() {
  DaemonSet set;
  set.metadata.name = "d";
  set.metadata.namespace_ = "default";
  set.metadata.annotations["deprecated.daemonset.template.generation"] = "1";
  set.spec.selector.getOrCreate().matchLabels["app"] = "a";
  set.spec.template_.metadata.labels["app"] = "a";
  set.spec.template_.spec.nodeSelector["role"] = "worker";
  set.spec.template_.spec.containers.resize(1);
  set.spec.template_.spec.containers[0].name = "c";
  set.spec.template_.spec.containers[0].image = "x:1";
  set.spec.updateStrategy.type = "RollingUpdate";
  set.spec.updateStrategy.rollingUpdate.getOrCreate().maxUnavailable = 1;
  set.spec.updateStrategy.rollingUpdate->maxSurge = 0;
  return set;
}

Node makeNode(const std::string& name, bool worker = true) {
  Node node;
  node.metadata.name = name;
  if (worker) node.metadata.labels["role"] = "worker";
  return node;
}

class DaemonSets : public ::testing::TestWithParam<uint64_t> {
 protected:
  DaemonSets() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<DaemonSetController>();
    for (const char* name : {"n1", "n2", "n3"}) h.client.put(makeNode(name));
    h.client.put(makeNode("master", false));
    h.start();
  }
  /// The server counts changes of the template.
  void setImage(const std::string& image, int generation) {
    h.client.change<DaemonSet>("default", "d", [&](DaemonSet& d) {
      d.spec.template_.spec.containers[0].image = image;
      d.metadata.annotations["deprecated.daemonset.template.generation"] =
          std::to_string(generation);
    });
  }
  /// Scheduler and kubelet: pods go where their affinity says, and run.
  void play() {
    client::DeleteOptions now;
    now.gracePeriodSeconds = 0;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      const auto& meta = pod->metadata;
      if (meta.deletionTimestamp) {
        (void)h.client.erase<Pod>(meta.namespace_, meta.name, now);
      } else if (pod->status.phase.empty()) {
        h.client.change<Pod>(meta.namespace_, meta.name, [&](Pod& p) {
          p.spec.nodeName = targetNode(p);
          makeReady(p, h.wallNow());
        });
      }
    }
  }
  bool settles(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000; ++i) {
      play();
      h.run(100ms);
      if (condition()) return true;
    }
    return false;
  }
  std::set<std::string> nodes(const std::string& image = "") {
    std::set<std::string> names;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      if (image.empty() || pod->spec.containers[0].image == image) names.insert(targetNode(*pod));
    }
    return names;
  }
  std::shared_ptr<const DaemonSet> set() { return h.client.peek<DaemonSet>("default", "d"); }
  Harness h;
};

using Names = std::set<std::string>;

TEST_P(DaemonSets, OnePodForEachFittingNode) {
  h.client.put(makeSet());
  ASSERT_TRUE(settles([&] { return set()->status.numberAvailable == 3; }));
  EXPECT_EQ(nodes(), (Names{"n1", "n2", "n3"}));
  EXPECT_EQ(h.client.peekAll<Pod>().size(), 3u);
  EXPECT_EQ(set()->status.desiredNumberScheduled, 3);
  EXPECT_EQ(set()->status.updatedNumberScheduled, 3);
  auto pod = h.client.peekAll<Pod>()[0];
  EXPECT_EQ(pod->metadata.labels.at("pod-template-generation"), "1");
  EXPECT_TRUE(pod->metadata.labels.contains("controller-revision-hash"));
  EXPECT_EQ(pod->spec.tolerations.size(), 6u);
  // Nodes come, change and go.
  h.client.put(makeNode("n4"));
  ASSERT_TRUE(settles([&] { return set()->status.numberAvailable == 4; }));
  h.client.change<Node>("", "n1", [](Node& n) { n.metadata.labels.clear(); });
  ASSERT_TRUE(settles([&] { return nodes() == Names{"n2", "n3", "n4"}; }));
  h.client.change<Node>("", "n2", [](Node& n) {
    n.spec.taints.resize(1);
    n.spec.taints[0].key = "example.com/full";
    n.spec.taints[0].effect = "NoSchedule";
  });
  h.run(1min);
  EXPECT_TRUE(nodes().contains("n2")) << "NoSchedule is for new pods";
  h.client.change<Node>("", "n2", [](Node& n) { n.spec.taints[0].effect = "NoExecute"; });
  ASSERT_TRUE(settles([&] { return nodes() == Names{"n3", "n4"}; }));
  ASSERT_TRUE(settles([&] { return set()->status.desiredNumberScheduled == 2; }));
  EXPECT_EQ(set()->status.numberMisscheduled, 0);
}

TEST_P(DaemonSets, RollsOneAfterTheOther) {
  h.client.put(makeSet());
  ASSERT_TRUE(settles([&] { return set()->status.numberAvailable == 3; }));
  setImage("x:2", 2);
  int worst = 3;
  ASSERT_TRUE(settles([&] {
    int ready = 0;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      ready += pod->status.phase == "Running" && !pod->metadata.deletionTimestamp ? 1 : 0;
    }
    worst = std::min(worst, ready);
    return nodes("x:2").size() == 3 && set()->status.updatedNumberScheduled == 3 &&
           set()->status.numberAvailable == 3;
  }));
  EXPECT_GE(worst, 2);
  EXPECT_EQ(nodes("x:2").size(), 3u);
  EXPECT_EQ(h.client.peekAll<ControllerRevision>().size(), 2u);
  // Back to the first template: its revision becomes the newest.
  setImage("x:1", 3);
  ASSERT_TRUE(settles([&] { return nodes("x:1").size() == 3; }));
  auto revisions = h.client.peekAll<ControllerRevision>();
  ASSERT_EQ(revisions.size(), 2u);
  for (const auto& revision : revisions) {
    auto podTemplate = templateOf(*revision);
    ASSERT_TRUE(podTemplate.ok());
    EXPECT_EQ(podTemplate->spec.containers[0].image, revision->revision == 3 ? "x:1" : "x:2");
  }
}

TEST_P(DaemonSets, SurgeStartsTheNewOneFirst) {
  auto made = makeSet();
  made.spec.updateStrategy.rollingUpdate->maxUnavailable = 0;
  made.spec.updateStrategy.rollingUpdate->maxSurge = 1;
  h.client.put(made);
  ASSERT_TRUE(settles([&] { return set()->status.numberAvailable == 3; }));
  setImage("x:2", 2);
  size_t most = 0;
  size_t least = 3;
  ASSERT_TRUE(settles([&] {
    Names ready;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      if (pod->status.phase == "Running") ready.insert(targetNode(*pod));
    }
    least = std::min(least, ready.size());
    size_t count = 0;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      count += pod->metadata.deletionTimestamp ? 0 : 1;
    }
    most = std::max(most, count);
    return nodes("x:2").size() == 3 && nodes("x:1").empty();
  }));
  EXPECT_EQ(least, 3u);
  EXPECT_EQ(most, 4u);
}

TEST_P(DaemonSets, FailedPodsAreReplacedWithBackoff) {
  h.client.put(makeSet());
  ASSERT_TRUE(settles([&] { return set()->status.numberAvailable == 3; }));
  std::set<std::string> uids;
  auto fail = [&] {
    for (const auto& pod : h.client.peekAll<Pod>()) {
      if (targetNode(*pod) != "n1" || pod->metadata.deletionTimestamp) continue;
      uids.insert(pod->metadata.uid);
      h.client.change<Pod>("default", pod->metadata.name,
                           [](Pod& p) { p.status.phase = "Failed"; });
    }
  };
  fail();
  const size_t before = uids.size();
  ASSERT_TRUE(settles([&] {
    fail();
    return uids.size() >= before + 6;
  }));
  EXPECT_TRUE(
      h.until([&] { return h.hasEvent("FailedDaemonPod: Found failed daemon pod default/"); }));
  // By now the wait is 8 s and more, though answers that were lost have made some pods twice.
  const size_t after = uids.size();
  for (int i = 0; i < 30; ++i) {
    fail();
    play();
    h.run(100ms);
  }
  EXPECT_LE(uids.size(), after + 1);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DaemonSets, ::testing::Values(1, 2, 3));

TEST(Placement, Table) {
  auto set = makeSet();
  auto node = makeNode("n");
  auto taint = [&node](const char* key, const char* effect) {
    node.spec.taints.resize(1);
    node.spec.taints[0].key = key;
    node.spec.taints[0].effect = effect;
  };
  auto check = [&](bool run, bool stay) {
    auto placement = Placer(set).on(node);
    EXPECT_EQ(placement.run, run) << node.spec.taints[0].key;
    EXPECT_EQ(placement.stay, stay) << node.spec.taints[0].key;
  };
  taint("node.kubernetes.io/unschedulable", "NoSchedule");
  check(true, true);
  taint("node.kubernetes.io/not-ready", "NoExecute");
  check(true, true);
  taint("node.kubernetes.io/not-ready", "NoSchedule");
  check(false, true);
  taint("node.kubernetes.io/network-unavailable", "NoSchedule");
  check(false, true);
  set.spec.template_.spec.hostNetwork = true;
  check(true, true);
  taint("x", "NoExecute");
  check(false, false);
  taint("x", "PreferNoSchedule");
  check(true, true);
}

}  // namespace
}  // namespace coxswain::controllers::daemonset
