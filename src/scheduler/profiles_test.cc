#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/run_task.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "scheduler/scheduler.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using testing::NodeBuilder;
using testing::PodBuilder;

/// A plugin of the points around the binding; what it does, the test says.
class Scripted final : public Plugin,
                       public ReservePlugin,
                       public PermitPlugin,
                       public PreBindPlugin,
                       public PostBindPlugin {
 public:
  struct Script {
    Status reserved;
    PermitResult permitted;
    std::function<Status()> preBound;  ///< unset: nothing to do before binding
    Duration preBindTakes{0};
    std::vector<std::string> calls;
  };
  explicit Scripted(Script& script) : script_(script) {}
  [[nodiscard]] std::string_view name() const override { return "Scripted"; }
  [[nodiscard]] EventInterest events() const override { return kAssignedPodDelete; }
  [[nodiscard]] Status reserve(CycleState&, const PodInfo&, const std::string&) override {
    script_.calls.push_back("reserve");
    return script_.reserved;
  }
  void unreserve(CycleState&, const PodInfo&, const std::string&) override {
    script_.calls.push_back("unreserve");
  }
  [[nodiscard]] PermitResult permit(CycleState&, const PodInfo&, const std::string&) override {
    script_.calls.push_back("permit");
    return script_.permitted;
  }
  [[nodiscard]] bool preBindNeeded(const CycleState&, const PodInfo&) const override {
    return static_cast<bool>(script_.preBound);
  }
  Task<Status> preBind(CycleState&, PodInfoPtr, std::string, std::stop_token stop) override {
    script_.calls.push_back("preBind");
    Status slept = co_await sleepFor(script_.preBindTakes, stop);
    if (!slept.ok()) co_return slept;
    co_return script_.preBound();
  }
  void postBind(const CycleState&, const PodInfo&, const std::string& node) override {
    script_.calls.push_back("postBind " + node);
  }

 private:
  Script& script_;
};

class ProfilesTest : public ::testing::Test {
 protected:
  void start() {
    if (options.registrations.empty()) options.registrations = plugins::registry();
    const auto points = static_cast<PointBits>(bitOf(Point::Reserve) | bitOf(Point::Permit) |
                                               bitOf(Point::PreBind) | bitOf(Point::PostBind));
    options.registrations.push_back({"Scripted", points, 0, [this](const PluginContext&) {
                                       return std::make_unique<Scripted>(script);
                                     }});
    const SchedulerContext context{cluster, informers, executor, random};
    scheduler = std::make_unique<Scheduler>(context, options);
    scheduler->start();
    informers.start();
  }
  void TearDown() override {
    sim::runTask(executor, scheduler->stop());
    sim::runTask(executor, informers.stop());
  }
  void add(const PodBuilder& pod) { cluster.put(Pod(pod.pod)); }
  void add(const NodeBuilder& node) { cluster.put(Node(node.node)); }
  std::string nodeOf(const std::string& pod) {
    const auto found = cluster.peek<Pod>("default", pod);
    return found ? found->spec.nodeName : "<gone>";
  }
  bool isBound(const std::string& pod, Duration limit = 1min) {
    return executor.runUntil([&] { return !nodeOf(pod).empty(); }, limit);
  }
  std::string conditionOf(const std::string& name) {
    const auto pod = cluster.peek<Pod>("default", name);
    const auto* condition = api::findPodCondition(pod->status, "PodScheduled");
    return condition ? condition->reason + ": " + condition->message : "";
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  client::Informers informers{cluster, executor};
  SchedulerOptions options;
  Scripted::Script script;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(ProfilesTest, EachPodByItsProfile) {
  ProfileOptions packed;
  packed.schedulerName = "packed";
  packed.args.nodeResourcesFit.strategy = "MostAllocated";
  packed.wiring = plugins::defaultWiring(plugins::registry());
  packed.wiring->at(Point::Score) = {{"NodeResourcesFit", 1}};
  packed.wiring->at(Point::PreScore).clear();
  ProfileOptions spread = packed;
  spread.schedulerName = "spread";
  spread.args.nodeResourcesFit.strategy = "LeastAllocated";
  options.profiles = {packed, spread};
  start();
  add(NodeBuilder("empty"));
  add(NodeBuilder("used"));
  add(PodBuilder("r").cpu("2").on("used"));
  executor.runFor(1s);
  for (const char* name : {"packed", "spread", "foreign"}) {
    auto pod = PodBuilder(name).cpu("1");
    pod.pod.spec.schedulerName = name;
    add(pod);
  }
  ASSERT_TRUE(isBound("packed"));
  ASSERT_TRUE(isBound("spread"));
  EXPECT_EQ(nodeOf("packed"), "used");
  EXPECT_EQ(nodeOf("spread"), "empty");
  executor.runFor(1min);
  EXPECT_EQ(nodeOf("foreign"), "");
  bool byProfile = false;
  for (const auto& event : cluster.peekAll<api::core::v1::Event>())
    byProfile = byProfile ||
                (event->involvedObject.name == "packed" && event->reportingComponent == "packed");
  EXPECT_TRUE(byProfile);
}

TEST_F(ProfilesTest, PluginsAroundTheBinding) {
  script.preBound = [] { return Status(); };
  script.preBindTakes = 5s;
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("3"));
  executor.runFor(2s);
  // It has its room already, and holds up nobody.
  EXPECT_EQ(nodeOf("p"), "");
  EXPECT_TRUE(scheduler->cache().isAssumed("default/p"));
  ASSERT_TRUE(isBound("p"));
  executor.runFor(1s);
  EXPECT_EQ(script.calls, (std::vector<std::string>{"reserve", "permit", "preBind", "postBind n"}));
}

TEST_F(ProfilesTest, FailureBeforeBindingGivesTheRoomBack) {
  int failures = 1;
  script.preBound = [&failures] { return failures-- > 0 ? badRequest("no disk") : Status(); };
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("3"));
  ASSERT_TRUE(executor.runUntil([&] { return !conditionOf("p").empty(); }, 1min));
  EXPECT_EQ(conditionOf("p"), "SchedulerError: running PreBind plugin \"Scripted\": no disk");
  EXPECT_EQ(script.calls.back(), "unreserve");
  ASSERT_TRUE(isBound("p"));
}

TEST_F(ProfilesTest, FailedReserve) {
  script.reserved = badRequest("taken");
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p"));
  ASSERT_TRUE(executor.runUntil([&] { return !conditionOf("p").empty(); }, 1min));
  EXPECT_EQ(conditionOf("p"), "SchedulerError: running Reserve plugin \"Scripted\": taken");
  script.reserved = Status();
  ASSERT_TRUE(isBound("p"));
}

TEST_F(ProfilesTest, PermitWaitsUntilAllowed) {
  script.permitted.wait = 10min;
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p"));
  executor.runFor(1min);
  EXPECT_EQ(nodeOf("p"), "");
  auto* waiting = scheduler->waitingPods("default-scheduler");
  EXPECT_EQ(waiting->keys(), std::vector<std::string>{"default/p"});
  waiting->allow("default/p", "Scripted");
  ASSERT_TRUE(isBound("p"));
  EXPECT_TRUE(waiting->keys().empty());
}

TEST_F(ProfilesTest, PermitTimesOut) {
  script.permitted.wait = 5s;
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p"));
  ASSERT_TRUE(executor.runUntil([&] { return !conditionOf("p").empty(); }, 1min));
  EXPECT_EQ(conditionOf("p"),
            "Unschedulable: 0/1 nodes are available: 1 rejected due to timeout after waiting 5s at "
            "plugin Scripted.");
  EXPECT_EQ(scheduler->queue().size(QueuedPod::Place::Unschedulable), 1u);
}

TEST_F(ProfilesTest, PermitRejects) {
  script.permitted.code = Code::Unschedulable;
  script.permitted.message = "not all are here";
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("4"));
  ASSERT_TRUE(executor.runUntil([&] { return !conditionOf("p").empty(); }, 1min));
  EXPECT_EQ(conditionOf("p"), "Unschedulable: 0/1 nodes are available: 1 not all are here.");
  script.permitted = {};
  // An event that the plugin asks for: another pod goes.
  add(PodBuilder("r").on("n"));
  executor.runFor(1s);
  ASSERT_TRUE(cluster.erase<Pod>("default", "r", {.gracePeriodSeconds = 0}).ok());
  ASSERT_TRUE(isBound("p"));
}

TEST_F(ProfilesTest, APodThatGoesEndsItsWait) {
  script.permitted.wait = 10min;
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p").cpu("4"));
  executor.runFor(1s);
  ASSERT_TRUE(cluster.erase<Pod>("default", "p", {.gracePeriodSeconds = 0}).ok());
  executor.runFor(1s);
  EXPECT_TRUE(scheduler->waitingPods("default-scheduler")->keys().empty());
  EXPECT_EQ(script.calls.back(), "unreserve");
  script.permitted = {};
  add(PodBuilder("q").cpu("4"));
  ASSERT_TRUE(isBound("q"));
}

TEST_F(ProfilesTest, WithoutPreemption) {
  options.profiles.front().wiring = plugins::defaultWiring(plugins::registry());
  options.profiles.front().wiring->at(Point::PostFilter).clear();
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("low").cpu("3").on("n"));
  executor.runFor(1s);
  add(PodBuilder("high").priority(9).cpu("3"));
  executor.runFor(10s);
  EXPECT_EQ(conditionOf("high"), "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.");
  EXPECT_EQ(nodeOf("low"), "n");
}

/// A pod of ReplicaSet "web", which selects app=web.
PodBuilder replica(const std::string& name) {
  auto pod = PodBuilder(name).label("app", "web");
  auto& owner = pod.pod.metadata.ownerReferences.emplace_back();
  owner.apiVersion = "apps/v1";
  owner.kind = "ReplicaSet";
  owner.name = "web";
  owner.controller = true;
  return pod;
}

TEST_F(ProfilesTest, ReplicasSpreadOverNodesAndZones) {
  auto& profile = options.profiles.front();
  profile.wiring = plugins::defaultWiring(plugins::registry());
  profile.wiring->at(Point::Score) = {{"PodTopologySpread", 1}};
  start();
  api::apps::v1::ReplicaSet set;
  set.metadata.name = "web";
  set.metadata.namespace_ = "default";
  set.spec.selector.getOrCreate().matchLabels["app"] = "web";
  cluster.put(set);
  for (const char* name : {"a1", "a2", "b1", "b2"})
    add(NodeBuilder(name).zone(std::string("z") + name[0]));
  add(NodeBuilder("unlabelled"));
  cluster.change<Node>("", "unlabelled", [](Node& node) {
    node.metadata.labels.clear();
    node.spec.unschedulable = true;
  });
  executor.runFor(1s);
  std::map<std::string, int> perNode;
  std::map<char, int> perZone;
  for (int i = 0; i < 8; ++i) {
    const auto name = "p" + std::to_string(i);
    add(replica(name));
    ASSERT_TRUE(isBound(name));
    executor.runFor(1s);
    ++perNode[nodeOf(name)];
    ++perZone[nodeOf(name)[0]];
    EXPECT_LE(std::abs(perZone['a'] - perZone['b']), 1) << i;
  }
  for (const auto& [node, count] : perNode) EXPECT_EQ(count, 2) << node;
}

TEST_F(ProfilesTest, DefaultConstraintsOfAList) {
  auto& spread = options.profiles.front().args.podTopologySpread;
  spread.defaultingType = "List";
  spread.defaultConstraints.resize(1);
  spread.defaultConstraints[0].maxSkew = 1;
  spread.defaultConstraints[0].topologyKey = "kubernetes.io/hostname";
  spread.defaultConstraints[0].whenUnsatisfiable = "DoNotSchedule";
  start();
  api::core::v1::Service service;
  service.metadata.name = "web";
  service.metadata.namespace_ = "default";
  service.spec.selector["app"] = "web";
  cluster.put(service);
  add(NodeBuilder("a"));
  add(NodeBuilder("b"));
  cluster.change<Node>("", "b", [](Node& node) {
    node.status.allocatable.insert_or_assign("pods", *api::Quantity::parse("1"));
  });
  executor.runFor(1s);
  for (const char* name : {"p0", "p1", "p2", "p3"}) {
    add(PodBuilder(name).label("app", "web"));
    executor.runFor(2s);
  }
  // One on b, so two on a at most.
  EXPECT_EQ(conditionOf("p3"),
            "Unschedulable: 0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match pod "
            "topology spread constraints. preemption: 0/2 nodes are available: 2 No preemption "
            "victims found for incoming pod.");
  add(PodBuilder("alone").label("app", "db"));
  EXPECT_TRUE(isBound("alone"));
}

TEST_F(ProfilesTest, GatesGoOneByOne) {
  start();
  add(NodeBuilder("n"));
  add(PodBuilder("p").gate("a").gate("b"));
  executor.runFor(1s);
  EXPECT_EQ(scheduler->queue().size(QueuedPod::Place::Gated), 1u);
  cluster.change<Pod>("default", "p", [](Pod& pod) { pod.spec.schedulingGates.pop_back(); });
  executor.runFor(6min);
  EXPECT_EQ(nodeOf("p"), "");
  cluster.change<Pod>("default", "p", [](Pod& pod) {
    pod.spec.schedulingGates.clear();
    pod.spec.nodeSelector["disk"] = "ssd";  // gated pods may still be narrowed
  });
  executor.runFor(1s);
  EXPECT_EQ(conditionOf("p").substr(0, 14), "Unschedulable:");
  cluster.change<Node>("", "n", [](Node& node) { node.metadata.labels["disk"] = "ssd"; });
  EXPECT_TRUE(isBound("p"));
}

Task<void> awaitVerdict(WaitingPods& pods, std::stop_token stop, std::string& verdict) {
  const auto got = co_await pods.wait("ns/p", std::move(stop));
  verdict = got.allowed() ? "allowed" : got.message;
}

TEST(WaitingPodsTest, APodOfTheSameNameWaitsByItself) {
  sim::SimExecutor executor(1);
  WaitingPods pods;
  std::stop_source gone;
  std::string first;
  std::string second;
  pods.add("ns/p", {{"Gate", 1h}});
  spawn(executor, awaitVerdict(pods, gone.get_token(), first));
  executor.runFor(1s);
  pods.add("ns/p", {{"Gate", 1h}});
  spawn(executor, awaitVerdict(pods, {}, second));
  executor.runFor(1s);
  gone.request_stop();
  executor.runFor(1s);
  EXPECT_EQ(first, "stopped");
  EXPECT_EQ(second, "");
  EXPECT_TRUE(pods.waits("ns/p"));
  pods.allow("ns/p", "Gate");
  executor.runFor(1s);
  EXPECT_EQ(second, "allowed");
  EXPECT_FALSE(pods.waits("ns/p"));
}

}  // namespace
}  // namespace coxswain::scheduler
