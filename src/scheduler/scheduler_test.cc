#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include "api/helpers/pods.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "scheduler/testing/builders.h"
#include "scheduler/testing/decoding_client.h"
#include "scheduler/trim.h"

namespace coxswain::scheduler {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using testing::NodeBuilder;
using testing::PodBuilder;

Task<void> stopAll(Scheduler& scheduler, client::Informers& informers, bool& done) {
  co_await scheduler.stop();
  co_await informers.stop();
  done = true;
}

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    scheduler.start();
    informers.start();
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(scheduler, informers, done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  void add(const PodBuilder& pod) { cluster.put(Pod(pod.pod)); }
  void add(const NodeBuilder& node) { cluster.put(Node(node.node)); }
  std::string nodeOf(const std::string& pod) {
    const auto found = cluster.peek<Pod>("default", pod);
    return found ? found->spec.nodeName : "<gone>";
  }
  bool runUntilBound(const std::string& pod, Duration limit = 1min) {
    return executor.runUntil([&] { return !nodeOf(pod).empty(); }, limit);
  }
  std::string eventOf(const std::string& pod, std::string_view reason) {
    for (const auto& event : cluster.peekAll<api::core::v1::Event>())
      if (event->involvedObject.name == pod && event->reason == reason) return event->message;
    return "";
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  // As over HTTP: what nobody reads is not kept.
  testing::DecodingClient decoding{cluster};
  struct Trimmed : client::Informers {
    Trimmed(client::Client& client, Executor& e) : Informers(client, e) { trimForScheduler(*this); }
  } informers{decoding, executor};
  Scheduler scheduler{{decoding, informers, executor, random, true}, {}};
};

TEST_F(SchedulerTest, ClaimsMustBeBound) {
  using api::core::v1::PersistentVolume;
  using api::core::v1::PersistentVolumeClaim;
  for (const char* name : {"n1", "n2"}) {
    NodeBuilder node(name);
    node.node.metadata.labels["kubernetes.io/hostname"] = name;
    add(node);
  }
  PodBuilder pod("p");
  pod.pod.spec.volumes.resize(1);
  pod.pod.spec.volumes[0].volumeSource.persistentVolumeClaim.getOrCreate().claimName = "c";
  add(pod);
  auto said = [this](const std::string& text) {
    return executor.runUntil(
        [&] { return eventOf("p", "FailedScheduling").find(text) != std::string::npos; }, 1min);
  };
  EXPECT_TRUE(said("0/2 nodes are available: persistentvolumeclaim \"c\" not found."));
  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  claim.metadata.namespace_ = "default";
  cluster.put(claim);
  auto condition = [this] {
    const auto found = cluster.peek<Pod>("default", "p");
    const auto* scheduled = api::findPodCondition(found->status, "PodScheduled");
    return scheduled == nullptr ? std::string() : scheduled->message;
  };
  EXPECT_TRUE(executor.runUntil(
      [&] {
        return condition().find("pod has unbound immediate PersistentVolumeClaims") !=
               std::string::npos;
      },
      1min));
  PersistentVolume volume;
  volume.metadata.name = "v";
  auto& terms = volume.spec.nodeAffinity.getOrCreate().required.getOrCreate().nodeSelectorTerms;
  terms.resize(1);
  terms[0].matchExpressions.resize(1);
  terms[0].matchExpressions[0].key = "kubernetes.io/hostname";
  terms[0].matchExpressions[0].operator_ = "In";
  terms[0].matchExpressions[0].values = {"n2"};
  cluster.put(volume);
  cluster.change<PersistentVolumeClaim>("default", "c", [](PersistentVolumeClaim& c) {
    c.spec.volumeName = "v";
    c.metadata.annotations["pv.kubernetes.io/bind-completed"] = "yes";
  });
  ASSERT_TRUE(runUntilBound("p"));
  EXPECT_EQ(nodeOf("p"), "n2");
}

TEST_F(SchedulerTest, Binds) {
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("1"));
  ASSERT_TRUE(runUntilBound("p"));
  executor.runFor(1s);
  EXPECT_EQ(nodeOf("p"), "n");
  EXPECT_EQ(eventOf("p", "Scheduled"), "Successfully assigned default/p to n");
  EXPECT_EQ(scheduler.queue().size(), 0u);
  EXPECT_FALSE(scheduler.cache().isAssumed("default/p"));
}

TEST_F(SchedulerTest, SaysWhyNotAndTriesAgainWhenANodeComes) {
  add(NodeBuilder("small").have("cpu", "1"));
  add(PodBuilder("p").cpu("2"));
  executor.runFor(3s);
  const auto pod = cluster.peek<Pod>("default", "p");
  const auto* condition = api::findPodCondition(pod->status, "PodScheduled");
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->status, "False");
  EXPECT_EQ(condition->reason, "Unschedulable");
  EXPECT_TRUE(condition->message.starts_with("0/1 nodes are available: 1 Insufficient cpu."))
      << condition->message;
  EXPECT_EQ(eventOf("p", "FailedScheduling"), condition->message);
  add(NodeBuilder("big"));
  ASSERT_TRUE(runUntilBound("p"));
  EXPECT_EQ(nodeOf("p"), "big");
}

TEST_F(SchedulerTest, RoomIsTakenAtOnceAndGivenBack) {
  add(NodeBuilder("n"));
  for (int i = 0; i < 10; ++i) add(PodBuilder("p" + std::to_string(i)).cpu("1"));
  executor.runFor(30s);
  size_t bound = 0;
  std::string first;
  for (const auto& pod : cluster.peekAll<Pod>())
    if (!pod->spec.nodeName.empty()) {
      ++bound;
      first = pod->metadata.name;
    }
  EXPECT_EQ(bound, 4u);
  ASSERT_TRUE(cluster.erase<Pod>("default", first, {.gracePeriodSeconds = 0}).ok());
  executor.runFor(30s);
  bound = 0;
  for (const auto& pod : cluster.peekAll<Pod>()) bound += !pod->spec.nodeName.empty();
  EXPECT_EQ(bound, 4u);
}

TEST_F(SchedulerTest, FailedBindingIsTriedAgain) {
  int failures = 2;
  cluster.reaction = [&](std::string_view, const client::ResourceType&, std::string_view sub,
                         const api::ConstObject*) {
    return sub == "binding" && failures-- > 0 ? internalError("disk full") : Status();
  };
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("3"));
  ASSERT_TRUE(runUntilBound("p"));
  EXPECT_GE(executor.now().time_since_epoch(), 3s);  // backoff of 1 s and 2 s
}

TEST_F(SchedulerTest, LeavesOthersAlone) {
  add(NodeBuilder("n"));
  auto foreign = PodBuilder("foreign");
  foreign.pod.spec.schedulerName = "other";
  add(foreign);
  add(PodBuilder("gated").gate("g"));
  executor.runFor(1min);
  EXPECT_EQ(nodeOf("foreign"), "");
  EXPECT_EQ(nodeOf("gated"), "");
  cluster.change<Pod>("default", "gated", [](Pod& pod) { pod.spec.schedulingGates.clear(); });
  EXPECT_TRUE(runUntilBound("gated"));
}

TEST_F(SchedulerTest, PreemptsLowerPriority) {
  add(NodeBuilder("n"));
  add(PodBuilder("low").cpu("3").on("n"));
  add(PodBuilder("middle").priority(5).cpu("1").on("n"));
  executor.runFor(1s);
  add(PodBuilder("high").priority(10).cpu("2"));
  executor.runFor(2s);
  EXPECT_EQ(
      eventOf("low", "Preempted"),
      "Preempted by pod " + cluster.peek<Pod>("default", "high")->metadata.uid + " on node n");
  // The fake has no kubelet to end the victim.
  if (nodeOf("low") != "<gone>")
    ASSERT_TRUE(cluster.erase<Pod>("default", "low", {.gracePeriodSeconds = 0}).ok());
  ASSERT_TRUE(runUntilBound("high"));
  EXPECT_EQ(nodeOf("middle"), "n");
}

TEST_F(SchedulerTest, PreemptorIsNominatedAndVictimsSayWhy) {
  add(NodeBuilder("n"));
  add(PodBuilder("low").cpu("3").on("n"));
  executor.runFor(1s);
  add(PodBuilder("high").priority(10).cpu("2"));
  const auto nominated = [&] {
    return cluster.peek<Pod>("default", "high")->status.nominatedNodeName == "n";
  };
  ASSERT_TRUE(executor.runUntil(nominated, 1min));
  const auto told = [&] { return !eventOf("low", "Preempted").empty(); };
  ASSERT_TRUE(executor.runUntil(told, 1min));
  EXPECT_EQ(eventOf("high", "FailedScheduling"), "0/1 nodes are available: 1 Insufficient cpu.");
  const auto victim = cluster.peek<Pod>("default", "low");
  if (!victim) return;  // gone at once
  const auto* condition = api::findPodCondition(victim->status, "DisruptionTarget");
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->reason, "PreemptionByScheduler");
  EXPECT_EQ(condition->message,
            "default-scheduler: preempting to accommodate a higher priority pod");
  EXPECT_TRUE(victim->metadata.deletionTimestamp);
}

TEST_F(SchedulerTest, NominationOfLowerPriorityGives) {
  add(NodeBuilder("n"));
  auto low = PodBuilder("low").cpu("4").on("n");
  low.pod.metadata.finalizers = {"test/holds"};
  add(low);
  executor.runFor(1s);
  const auto nominated = [&](const std::string& pod) {
    return cluster.peek<Pod>("default", pod)->status.nominatedNodeName;
  };
  add(PodBuilder("middle").priority(5).cpu("4"));
  ASSERT_TRUE(executor.runUntil([&] { return nominated("middle") == "n"; }, 1min));
  add(PodBuilder("high").priority(10).cpu("4"));
  ASSERT_TRUE(executor.runUntil([&] { return nominated("high") == "n"; }, 1min));
  ASSERT_TRUE(executor.runUntil([&] { return nominated("middle").empty(); }, 1min));
  cluster.change<Pod>("default", "low", [](Pod& pod) { pod.metadata.finalizers.clear(); });
  if (cluster.peek<Pod>("default", "low"))
    ASSERT_TRUE(cluster.erase<Pod>("default", "low", {.gracePeriodSeconds = 0}).ok());
  ASSERT_TRUE(runUntilBound("high", 10min));
  EXPECT_EQ(nodeOf("middle"), "");
}

TEST_F(SchedulerTest, FailedEvictionIsTriedAgain) {
  int failures = 2;
  cluster.reaction = [&](std::string_view verb, const client::ResourceType&, std::string_view,
                         const api::ConstObject*) {
    return verb == "delete" && failures-- > 0 ? internalError("disk full") : Status();
  };
  add(NodeBuilder("n"));
  add(PodBuilder("low").cpu("3").on("n"));
  executor.runFor(1s);
  add(PodBuilder("high").priority(10).cpu("2"));
  const auto leaving = [&] {
    const auto pod = cluster.peek<Pod>("default", "low");
    return !pod || pod->metadata.deletionTimestamp;
  };
  ASSERT_TRUE(executor.runUntil(leaving, 10min));
  EXPECT_LT(failures, 0);
}

TEST_F(SchedulerTest, EventsWakeOnlyPodsThatTheyHelp) {
  add(NodeBuilder("n"));
  for (const char* name : {"r1", "r2", "r3", "r4"}) add(PodBuilder(name).cpu("1").on("n"));
  executor.runFor(1s);
  add(PodBuilder("p").cpu("2"));
  executor.runFor(20s);
  const auto attempts = [&] { return scheduler.queue().find("default/p")->attempts; };
  ASSERT_EQ(attempts(), 1);
  // One cpu is not enough: nothing happens.
  ASSERT_TRUE(cluster.erase<Pod>("default", "r1", {.gracePeriodSeconds = 0}).ok());
  executor.runFor(20s);
  EXPECT_EQ(attempts(), 1);
  ASSERT_TRUE(cluster.erase<Pod>("default", "r2", {.gracePeriodSeconds = 0}).ok());
  EXPECT_TRUE(runUntilBound("p"));
}

TEST_F(SchedulerTest, SaysWhyPreemptionDoesNotHelp) {
  add(NodeBuilder("a"));
  add(NodeBuilder("b").cordon());
  add(PodBuilder("r").cpu("3").on("a"));
  executor.runFor(1s);
  add(PodBuilder("p").cpu("2"));
  executor.runFor(1s);
  EXPECT_EQ(eventOf("p", "FailedScheduling"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. "
            "preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, "
            "1 Preemption is not helpful for scheduling.");
  auto never = PodBuilder("never").priority(9).cpu("2");
  never.pod.spec.preemptionPolicy = "Never";
  add(never);
  executor.runFor(1s);
  EXPECT_TRUE(eventOf("never", "FailedScheduling")
                  .ends_with(" preemption: not eligible due to preemptionPolicy=Never."));
}

TEST_F(SchedulerTest, SurvivesFaults) {
  cluster.faults.error = 0.1;
  cluster.faults.unreachable = 0.1;
  cluster.faults.lostAnswer = 0.1;
  cluster.faults.watchEnd = 0.05;
  for (int i = 0; i < 10; ++i) add(NodeBuilder("n" + std::to_string(i)));
  for (int i = 0; i < 40; ++i) add(PodBuilder("p" + std::to_string(i)).cpu("1"));
  const auto allBound = [&] {
    for (const auto& pod : cluster.peekAll<Pod>())
      if (pod->spec.nodeName.empty()) return false;
    return true;
  };
  EXPECT_TRUE(executor.runUntil(allBound, 30min));
  std::map<std::string, int> perNode;
  for (const auto& pod : cluster.peekAll<Pod>()) ++perNode[pod->spec.nodeName];
  for (const auto& [node, count] : perNode) EXPECT_EQ(count, 4) << node;
}

}  // namespace
}  // namespace coxswain::scheduler
