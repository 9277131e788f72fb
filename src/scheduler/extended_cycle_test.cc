// Decisions in which extenders take part, as the scheduler makes them.
#include <gtest/gtest.h>

#include <functional>

#include "api/helpers/pods.h"
#include "client/testing/fake_client.h"
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

/// What an extender does, by verb; it takes a second to think.
using Script = std::map<std::string, std::function<Result<std::string>(const std::string&)>>;

class ScriptedTransport final : public ExtenderTransport {
 public:
  ScriptedTransport(Script script, std::vector<std::string>& asked)
      : script_(std::move(script)), asked_(asked) {}
  Task<Result<std::string>> post(std::string verb, std::string body,
                                 std::stop_token stop) override {
    asked_.push_back(verb);
    CO_TRY_STATUS(co_await sleepFor(1s, stop));
    const auto at = script_.find(verb);
    if (at == script_.end()) co_return internalError("no such verb");
    co_return at->second(body);
  }
  Task<void> close() override { co_return; }

 private:
  Script script_;
  std::vector<std::string>& asked_;
};

Task<void> stopAll(Scheduler& scheduler, client::Informers& informers, bool& done) {
  co_await scheduler.stop();
  co_await informers.stop();
  done = true;
}

auto says(std::string answer) {
  return [answer](const std::string&) -> Result<std::string> { return answer; };
}
Result<std::string> down(const std::string&) {
  return unreachable("connection refused");
}

class ExtendedCycle : public ::testing::Test {
 protected:
  void TearDown() override {
    if (!scheduler) return;
    bool done = false;
    spawn(executor, stopAll(*scheduler, informers, done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  config::v1::Extender& extender(Script script) {
    auto& config = configs.emplace_back();
    config.urlPrefix = "http://extender" + std::to_string(configs.size());
    config.nodeCacheCapable = true;
    config.weight = 1;
    const auto verb = [&](const char* name) { return script.contains(name) ? name : ""; };
    config.filterVerb = verb("filter");
    config.prioritizeVerb = verb("prioritize");
    config.bindVerb = verb("bind");
    config.preemptVerb = verb("preempt");
    scripts.push_back(std::move(script));
    return config;
  }
  void start() {
    Scheduler::Extenders extenders;
    for (size_t i = 0; i < configs.size(); ++i)
      extenders.push_back(std::make_unique<Extender>(
          configs[i], std::make_unique<ScriptedTransport>(scripts[i], asked)));
    scheduler = std::make_unique<Scheduler>(SchedulerContext{cluster, informers, executor, random},
                                            SchedulerOptions(), std::move(extenders));
    scheduler->start();
    informers.start();
  }
  void add(const PodBuilder& pod) { cluster.put(Pod(pod.pod)); }
  void add(const NodeBuilder& node) { cluster.put(Node(node.node)); }
  std::string nodeOf(const std::string& pod) {
    const auto found = cluster.peek<Pod>("default", pod);
    return found ? found->spec.nodeName : "<gone>";
  }
  bool runUntilBound(const std::string& pod) {
    return executor.runUntil([&] { return !nodeOf(pod).empty(); }, 1min);
  }
  bool isLeaving(const std::string& pod) {
    const auto found = cluster.peek<Pod>("default", pod);
    return !found || found->metadata.deletionTimestamp;
  }
  std::string conditionOf(const std::string& pod) {
    const auto found = cluster.peek<Pod>("default", pod);
    const auto* condition = found ? api::findPodCondition(found->status, "PodScheduled") : nullptr;
    return condition ? condition->reason + ": " + condition->message : "";
  }
  bool runUntilSaid(const std::string& pod, const std::string& text) {
    return executor.runUntil([&] { return conditionOf(pod) == text; }, 1min);
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  client::Informers informers{cluster, executor};
  std::vector<config::v1::Extender> configs;
  std::vector<Script> scripts;
  std::vector<std::string> asked;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(ExtendedCycle, FiltersAndPrioritizes) {
  extender({{"filter", says(R"({"NodeNames":["b","c"],"FailedNodes":{"a":"no licence"}})")},
            {"prioritize", says(R"([{"Host":"b","Score":1},{"Host":"c","Score":10}])")}});
  for (const char* name : {"a", "b", "c"}) add(NodeBuilder(name));
  start();
  add(PodBuilder("p").cpu("1"));
  ASSERT_TRUE(runUntilBound("p"));
  EXPECT_EQ(nodeOf("p"), "c");
  EXPECT_EQ(asked, (std::vector<std::string>{"filter", "prioritize"}));
}

TEST_F(ExtendedCycle, SaysWhyNoNodeIsLeft) {
  extender({{"filter", says(R"({"NodeNames":[],"FailedNodes":{"a":"no licence"},)"
                            R"("FailedAndUnresolvableNodes":{"b":"no room"}})")}});
  for (const char* name : {"a", "b"}) add(NodeBuilder(name));
  start();
  add(PodBuilder("p").cpu("1"));
  EXPECT_TRUE(runUntilSaid("p",
                           "Unschedulable: 0/2 nodes are available: 1 no licence, 1 no room. "
                           "preemption: 0/2 nodes are available: 1 No preemption victims found "
                           "for incoming pod, 1 Preemption is not helpful for scheduling."))
      << conditionOf("p");
}

TEST_F(ExtendedCycle, AFailureEndsTheAttemptUnlessIgnorable) {
  auto& config = extender({{"filter", down}, {"prioritize", down}});
  add(NodeBuilder("a"));
  add(NodeBuilder("b"));
  start();
  add(PodBuilder("p").cpu("1"));
  EXPECT_TRUE(runUntilSaid("p", "SchedulerError: connection refused")) << conditionOf("p");
  TearDown();
  scheduler.reset();
  EXPECT_EQ(nodeOf("p"), "");
  config.ignorable = true;
  client::Informers others{cluster, executor};
  Scheduler::Extenders extenders;
  extenders.push_back(
      std::make_unique<Extender>(config, std::make_unique<ScriptedTransport>(scripts[0], asked)));
  Scheduler second({cluster, others, executor, random}, {}, std::move(extenders));
  second.start();
  others.start();
  EXPECT_TRUE(runUntilBound("p"));
  bool done = false;
  spawn(executor, stopAll(second, others, done));
  EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
}

TEST_F(ExtendedCycle, OnlyPodsWithItsResources) {
  auto& config = extender({{"filter", says(R"({"NodeNames":[]})")}});
  config.managedResources.emplace_back();
  config.managedResources.back().name = "example.com/gpu";
  add(NodeBuilder("a").have("example.com/gpu", "2"));
  start();
  add(PodBuilder("plain").cpu("1"));
  ASSERT_TRUE(runUntilBound("plain"));
  EXPECT_TRUE(asked.empty());
  add(PodBuilder("gpu").request("example.com/gpu", "1"));
  EXPECT_TRUE(executor.runUntil([&] { return !conditionOf("gpu").empty(); }, 1min));
  EXPECT_EQ(nodeOf("gpu"), "");
  EXPECT_FALSE(asked.empty());
}

TEST_F(ExtendedCycle, ANodeThatGoesMeanwhileIsNotTaken) {
  extender({{"filter",
             [this](const std::string&) -> Result<std::string> {
               EXPECT_TRUE(cluster.erase<Node>("", "a").ok());
               return std::string(R"({"NodeNames":["a","b"]})");
             }},
            {"prioritize", says(R"([{"Host":"a","Score":10}])")}});
  for (const char* name : {"a", "b"}) add(NodeBuilder(name));
  start();
  add(PodBuilder("p").cpu("1"));
  ASSERT_TRUE(runUntilBound("p"));
  executor.runFor(1min);
  EXPECT_EQ(nodeOf("p"), "b");
}

TEST_F(ExtendedCycle, APodThatGoesMeanwhileIsForgotten) {
  extender({{"filter", [this](const std::string&) -> Result<std::string> {
               EXPECT_TRUE(cluster.erase<Pod>("default", "p").ok());
               return std::string(R"({"NodeNames":["a"]})");
             }}});
  add(NodeBuilder("a"));
  start();
  add(PodBuilder("p").cpu("1"));
  executor.runFor(1min);
  EXPECT_EQ(scheduler->queue().size(), 0U);
  EXPECT_EQ(scheduler->cache().podCount(), 0U);
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(ExtendedCycle, APodThatIsLeavingByThenIsDoneWith) {
  extender({{"filter", says(R"({"NodeNames":["a"]})")}});
  add(NodeBuilder("a"));
  start();
  PodBuilder builder("p");
  builder.pod.metadata.finalizers = {"example.com/wait"};
  add(builder.cpu("1"));
  ASSERT_TRUE(executor.runUntil([&] { return asked.size() == 1; }, 1min));
  EXPECT_TRUE(cluster.erase<Pod>("default", "p").ok());
  executor.runFor(1min);
  EXPECT_TRUE(isLeaving("p"));
  EXPECT_EQ(nodeOf("p"), "");
  EXPECT_EQ(scheduler->queue().size(), 0U);
}

TEST_F(ExtendedCycle, BindsThePods) {
  extender({{"bind", [this](const std::string& body) -> Result<std::string> {
               EXPECT_EQ(body,
                         R"({"PodName":"p","PodNamespace":"default","PodUID":"uid-p","Node":"a"})");
               cluster.change<Pod>("default", "p", [](Pod& pod) { pod.spec.nodeName = "a"; });
               return std::string(R"({"Error":""})");
             }}});
  add(NodeBuilder("a"));
  start();
  add(PodBuilder("p").cpu("1"));
  ASSERT_TRUE(runUntilBound("p"));
  executor.runFor(1min);
  EXPECT_EQ(asked, std::vector<std::string>{"bind"});
  EXPECT_EQ(scheduler->queue().size(), 0U);
}

TEST_F(ExtendedCycle, ChoosesVictims) {
  extender({{"preempt", [](const std::string& body) -> Result<std::string> {
               EXPECT_NE(body.find(R"("a":{"Pods":[{"UID":"uid-low-a"}],"NumPDBViolations":0})"),
                         std::string::npos)
                   << body;
               return std::string(
                   R"({"NodeNameToMetaVictims":{"b":{"Pods":[{"UID":"uid-low-b"}]}}})");
             }}});
  for (const char* name : {"a", "b"}) {
    add(NodeBuilder(name));
    PodBuilder low(std::string("low-") + name);
    // Plugins alone would take the one on a.
    add(low.cpu("3").priority(name[0] == 'a' ? 0 : 1).on(name));
  }
  start();
  add(PodBuilder("high").cpu("3").priority(10));
  ASSERT_TRUE(executor.runUntil([&] { return isLeaving("low-b"); }, 1min));
  client::DeleteOptions atOnce;
  atOnce.gracePeriodSeconds = 0;
  EXPECT_TRUE(cluster.erase<Pod>("default", "low-b", atOnce).ok());
  ASSERT_TRUE(runUntilBound("high"));
  EXPECT_EQ(nodeOf("high"), "b");
  EXPECT_FALSE(isLeaving("low-a"));
}

TEST_F(ExtendedCycle, VictimsThatThereAreNotAreNotTaken) {
  extender({{"preempt", says(R"({"NodeNameToMetaVictims":{"a":{"Pods":[{"UID":"who"}]}}})")}})
      .ignorable = false;
  add(NodeBuilder("a"));
  add(PodBuilder("low").cpu("3").on("a"));
  start();
  add(PodBuilder("high").cpu("3").priority(10));
  EXPECT_TRUE(runUntilSaid("high", "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."))
      << conditionOf("high");
  executor.runFor(10s);
  EXPECT_FALSE(isLeaving("low"));
}

}  // namespace
}  // namespace coxswain::scheduler
