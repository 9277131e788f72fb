// Claims that wait for their first pod: the scheduler and the volume binder together, each knowing
// the other by annotations and spec.claimRef only, under virtual time.
#include <gtest/gtest.h>

#include "client/testing/fake_client.h"
#include "controllers/persistentvolume/controller.h"
#include "runtime/sim/run_task.h"
#include "runtime/sim/sim_executor.h"
#include "scheduler/scheduler.h"
#include "scheduler/testing/storage_builders.h"

namespace coxswain {
namespace {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using namespace scheduler::testing;

constexpr const char* kSelected = "volume.kubernetes.io/selected-node";

class VolumeSchedulingTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    options.profiles.front().args.volumeBinding.bindTimeoutSeconds = 60;
    const scheduler::SchedulerContext schedulerContext{cluster, informers, executor, random};
    const controllers::Context context{cluster, informers, executor, random};
    scheduler = std::make_unique<scheduler::Scheduler>(schedulerContext, options);
    binder = std::make_unique<controllers::persistentvolume::PersistentVolumeBinder>(context);
    scheduler->start();
    binder->start();
    informers.start();
    for (const char* name : {"n1", "n2"}) cluster.put(Node(NodeBuilder(name).node));
  }
  void TearDown() override {
    sim::runTask(executor, scheduler->stop());
    sim::runTask(executor, binder->stop());
    sim::runTask(executor, informers.stop());
  }
  void add(const PodBuilder& pod) { cluster.put(Pod(pod.pod)); }
  std::string nodeOf(const std::string& pod) {
    return cluster.peek<Pod>("default", pod)->spec.nodeName;
  }
  std::shared_ptr<const PersistentVolumeClaim> claim(const std::string& name) {
    return cluster.peek<PersistentVolumeClaim>("default", name);
  }
  std::string selectedNode(const std::string& name) {
    const auto* node = claim(name)->metadata.annotations.get(kSelected);
    return node ? *node : "";
  }
  bool isBound(const std::string& pod, Duration limit = 2min) {
    return executor.runUntil([&] { return !nodeOf(pod).empty(); }, limit);
  }
  /// What a provisioner does for a claim with a node.
  void provision(const std::string& name) {
    const auto wanted = claim(name);
    auto made = VolumeBuilder("made-" + name).ofClass("made").onNode(selectedNode(name));
    made.claimedBy(name);
    made.volume.spec.claimRef->uid = wanted->metadata.uid;
    cluster.put(made.volume);
  }

  sim::SimExecutor executor{GetParam()};
  client::testing::FakeClient cluster{executor, GetParam()};
  SeededRandom random{GetParam()};
  client::Informers informers{cluster, executor};
  scheduler::SchedulerOptions options;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  std::unique_ptr<controllers::persistentvolume::PersistentVolumeBinder> binder;
};

TEST_P(VolumeSchedulingTest, AVolumeThatExists) {
  cluster.put(waitingClass());
  cluster.put(VolumeBuilder("v").onNode("n2").volume);
  cluster.put(ClaimBuilder("c").claim);
  executor.runFor(5s);
  EXPECT_EQ(claim("c")->status.phase, "Pending");
  add(podWith("p", {"c"}));
  ASSERT_TRUE(isBound("p"));
  EXPECT_EQ(nodeOf("p"), "n2");
  // Bound before the pod was.
  EXPECT_EQ(claim("c")->spec.volumeName, "v");
  EXPECT_EQ(claim("c")->metadata.annotations.at("pv.kubernetes.io/bind-completed"), "yes");
  const auto volume = cluster.peek<PersistentVolume>("", "v");
  EXPECT_EQ(volume->spec.claimRef->uid, claim("c")->metadata.uid);
  EXPECT_EQ(volume->metadata.annotations.at("pv.kubernetes.io/bound-by-controller"), "yes");
}

TEST_P(VolumeSchedulingTest, TwoPodsRaceForOneVolume) {
  cluster.put(waitingClass());
  for (const char* name : {"c", "d"}) cluster.put(ClaimBuilder(name).claim);
  executor.runFor(1s);
  cluster.put(VolumeBuilder("v").volume);
  add(podWith("p", {"c"}));
  add(podWith("q", {"d"}));
  ASSERT_TRUE(
      executor.runUntil([&] { return !nodeOf("p").empty() || !nodeOf("q").empty(); }, 2min));
  executor.runFor(1min);
  EXPECT_NE(nodeOf("p").empty(), nodeOf("q").empty());
  cluster.put(VolumeBuilder("w").volume);
  ASSERT_TRUE(isBound("p"));
  ASSERT_TRUE(isBound("q"));
  EXPECT_NE(claim("c")->spec.volumeName, claim("d")->spec.volumeName);
}

TEST_P(VolumeSchedulingTest, AVolumeThatIsMade) {
  cluster.put(waitingClass("made", "csi.example.com"));
  cluster.put(ClaimBuilder("c").ofClass("made").claim);
  add(podWith("p", {"c"}));
  ASSERT_TRUE(executor.runUntil([&] { return !selectedNode("c").empty(); }, 1min));
  executor.runFor(30s);
  EXPECT_EQ(nodeOf("p"), "");
  const auto where = selectedNode("c");
  provision("c");
  ASSERT_TRUE(isBound("p"));
  EXPECT_EQ(nodeOf("p"), where);
  EXPECT_EQ(claim("c")->spec.volumeName, "made-c");
}

TEST_P(VolumeSchedulingTest, AProvisionerThatGivesUp) {
  cluster.put(waitingClass("made", "csi.example.com"));
  cluster.put(ClaimBuilder("c").ofClass("made").claim);
  add(podWith("p", {"c"}).cpu("4"));
  ASSERT_TRUE(executor.runUntil([&] { return !selectedNode("c").empty(); }, 1min));
  const auto first = selectedNode("c");
  executor.runFor(1s);
  // No room there any more, says the provisioner by taking the annotation away; nor for the pod.
  cluster.put(Pod(PodBuilder("r").cpu("4").priority(9).on(first).pod));
  cluster.change<PersistentVolumeClaim>(
      "default", "c", [](PersistentVolumeClaim& c) { c.metadata.annotations.erase(kSelected); });
  ASSERT_TRUE(executor.runUntil(
      [&] { return !selectedNode("c").empty() && selectedNode("c") != first; }, 2min));
  provision("c");
  ASSERT_TRUE(isBound("p"));
  EXPECT_NE(nodeOf("p"), first);
}

TEST_P(VolumeSchedulingTest, AProvisionerThatNeverAnswers) {
  cluster.put(waitingClass("made", "csi.example.com"));
  cluster.put(ClaimBuilder("c").ofClass("made").claim);
  add(podWith("p", {"c"}).cpu("3"));
  const auto failed = [&] {
    for (const auto& event : cluster.peekAll<api::core::v1::Event>())
      if (event->reason == "FailedScheduling" &&
          event->message ==
              "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline "
              "exceeded")
        return true;
    return false;
  };
  executor.runFor(50s);
  EXPECT_FALSE(failed());
  ASSERT_TRUE(executor.runUntil(failed, 30s));
  // It goes on trying, and may succeed later.
  provision("c");
  ASSERT_TRUE(isBound("p"));
}

TEST_P(VolumeSchedulingTest, APodThatGoesLeavesTheVolumeToOthers) {
  cluster.put(waitingClass("made", "csi.example.com"));
  cluster.put(ClaimBuilder("c").ofClass("made").claim);
  add(podWith("p", {"c"}).cpu("4"));
  ASSERT_TRUE(executor.runUntil([&] { return !selectedNode("c").empty(); }, 1min));
  ASSERT_TRUE(cluster.erase<Pod>("default", "p", {.gracePeriodSeconds = 0}).ok());
  executor.runFor(1s);
  provision("c");
  add(podWith("q", {"c"}).cpu("4"));
  ASSERT_TRUE(isBound("q"));
  EXPECT_EQ(nodeOf("q"), selectedNode("c"));
}

TEST_P(VolumeSchedulingTest, ManyWithFaults) {
  cluster.faults.error = 0.05;
  cluster.faults.lostAnswer = 0.05;
  cluster.faults.conflict = 0.1;
  cluster.faults.watchEnd = 0.02;
  cluster.put(waitingClass());
  for (int i = 0; i < 8; ++i) {
    const auto number = std::to_string(i);
    cluster.put(VolumeBuilder("v" + number).onNode(i % 2 ? "n1" : "n2").volume);
    cluster.put(ClaimBuilder("c" + number).claim);
    add(podWith("p" + number, {"c" + number}).cpu("500m"));
  }
  ASSERT_TRUE(executor.runUntil(
      [&] {
        for (const auto& pod : cluster.peekAll<Pod>())
          if (pod->spec.nodeName.empty()) return false;
        return true;
      },
      1h));
  std::set<std::string> used;
  for (int i = 0; i < 8; ++i) {
    const auto bound = claim("c" + std::to_string(i));
    EXPECT_TRUE(used.insert(bound->spec.volumeName).second) << bound->spec.volumeName;
    const auto volume = cluster.peek<PersistentVolume>("", bound->spec.volumeName);
    ASSERT_NE(volume, nullptr);
    const auto& term = volume->spec.nodeAffinity->required->nodeSelectorTerms.front();
    EXPECT_EQ(term.matchExpressions.front().values.front(), nodeOf("p" + std::to_string(i)));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, VolumeSchedulingTest, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace coxswain
