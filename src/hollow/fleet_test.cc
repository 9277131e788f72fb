#include "hollow/fleet.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/run_task.h"

namespace coxswain::hollow {
namespace {

using api::coordination::v1::Lease;
using api::core::v1::Node;
using api::core::v1::Pod;
using sim::SimExecutor;

FleetOptions someNodes(uint32_t count) {
  FleetOptions options;
  options.count = count;
  EXPECT_TRUE(options.shape.setCapacity("cpu", "8").ok());
  EXPECT_TRUE(options.shape.setCapacity("pods", "110").ok());
  options.shape.zones = {"a", "b"};
  return options;
}

Pod boundPod(const std::string& name, const std::string& node) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  pod.spec.nodeName = node;
  pod.spec.restartPolicy = "Always";
  pod.spec.containers.emplace_back();
  pod.spec.containers[0].name = "main";
  pod.spec.containers[0].image = "app:1";
  pod.status.phase = "Pending";
  return pod;
}

/// A fleet on a fake server under virtual time.
class World {
 public:
  explicit World(FleetOptions options, uint64_t seed = 1, double faults = 0)
      : executor(seed), client(executor, seed) {
    client.faults.error = client.faults.unreachable = client.faults.lostAnswer = faults;
    client.faults.conflict = client.faults.watchEnd = faults;
    auto made = Fleet::create(client, executor, std::move(options));
    EXPECT_TRUE(made.ok());
    fleet = std::move(*made);
    fleet->start();
  }
  ~World() { sim::runTask(executor, fleet->stop()); }
  std::shared_ptr<const Pod> pod(const std::string& name) {
    return client.peek<Pod>("default", name);
  }
  bool phaseIs(const std::string& name, const std::string& phase) {
    auto found = pod(name);
    return found && found->status.phase == phase;
  }
  template <typename F>
  bool until(F condition, Duration limit = 10min) {
    return executor.runUntil(condition, limit);
  }

  SimExecutor executor;
  client::testing::FakeClient client;
  std::unique_ptr<Fleet> fleet;
};

TEST(Fleet, RegistersAndBeats) {
  World w(someNodes(50));
  ASSERT_TRUE(w.until([&] { return w.fleet->registered() == 50; }));
  std::set<std::string> addresses;
  for (const auto& node : w.client.peekAll<Node>()) {
    EXPECT_TRUE(api::isNodeReady(*node));
    addresses.insert(std::string(api::nodeAddress(*node, "InternalIP")));
  }
  EXPECT_EQ(addresses.size(), 50U);
  auto second = w.client.peek<Node>("", "hollow-1");
  EXPECT_EQ(second->metadata.labels.at("topology.kubernetes.io/zone"), "b");
  EXPECT_EQ(second->status.allocatable.at("cpu").str(), "8");
  const auto before = w.client.writes();
  w.executor.runFor(100s);
  // Ten rounds of leases, no status.
  EXPECT_NEAR(static_cast<double>(w.client.writes() - before), 500, 2);
  const auto now = w.executor.wallNow();
  for (const auto& lease : w.client.peekAll<Lease>()) {
    EXPECT_LE(now - lease->spec.renewTime->wall(), 11s) << lease->metadata.name;
    EXPECT_EQ(lease->metadata.ownerReferences.at(0).kind, "Node");
  }
}

TEST(Fleet, ReportsStatusEachPeriod) {
  auto options = someNodes(1);
  options.statusPeriod = 60s;
  World w(std::move(options));
  ASSERT_TRUE(w.until([&] { return w.fleet->registered() == 1; }));
  const auto heartbeat = [&] {
    return w.client.peek<Node>("", "hollow-0")->status.conditions[0].lastHeartbeatTime;
  };
  const auto first = heartbeat();
  ASSERT_TRUE(w.until([&] { return heartbeat() != first; }, 80s));
  EXPECT_GE(heartbeat().unix() - first.unix(), 59);
}

TEST(Fleet, TakesOverWhatIsThereAndLeavesDeletedNodesAlone) {
  auto world = std::make_unique<World>(someNodes(2));
  ASSERT_TRUE(world->until([&] { return world->fleet->registered() == 2; }));
  EXPECT_TRUE(sim::runTask(world->executor,
                           [](World& w) -> Task<Status> {
                             co_await w.fleet->stop();
                             co_return Status();
                           }(*world))
                  .ok());
  world->client.change<Node>("", "hollow-0",
                             [](Node& n) { n.status.conditions[3].status = "Unknown"; });
  auto again = Fleet::create(world->client, world->executor, someNodes(2));
  ASSERT_TRUE(again.ok());
  world->fleet = std::move(*again);
  world->fleet->start();
  ASSERT_TRUE(world->until([&] { return world->fleet->registered() == 2; }));
  EXPECT_TRUE(api::isNodeReady(*world->client.peek<Node>("", "hollow-0")));
  ASSERT_TRUE(world->client.erase<Node>("", "hollow-0").ok());
  ASSERT_TRUE(world->client.erase<Lease>("kube-node-lease", "hollow-0").ok());
  world->executor.runFor(1h);
  EXPECT_FALSE(world->client.peek<Node>("", "hollow-0"));
  EXPECT_FALSE(world->client.peek<Lease>("kube-node-lease", "hollow-0"));
  EXPECT_TRUE(world->client.peek<Node>("", "hollow-1"));
}

class FleetPods : public ::testing::TestWithParam<uint64_t> {};

TEST_P(FleetPods, RunAndGoInSpiteOfFaults) {
  World w(someNodes(3), GetParam(), 0.05);
  for (int i = 0; i < 30; ++i) {
    w.client.put(boundPod("p" + std::to_string(i), "hollow-" + std::to_string(i % 4)));
  }
  const auto running = [&] {
    size_t count = 0;
    for (const auto& pod : w.client.peekAll<Pod>()) count += api::isPodReady(*pod) ? 1U : 0U;
    return count;
  };
  // Of four nodes, three are ours.
  ASSERT_TRUE(w.until([&] { return running() == 22; })) << running();
  std::set<std::string> addresses;
  for (const auto& pod : w.client.peekAll<Pod>()) addresses.insert(pod->status.podIP);
  EXPECT_EQ(addresses.size(), 23U) << "each its own, and the foreign ones none";
  w.executor.runFor(1min);
  EXPECT_EQ(w.fleet->pods().pending(), 0U) << "who only runs costs nothing";
  client::DeleteOptions options;
  options.gracePeriodSeconds = 30;
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(w.client.erase<Pod>("default", "p" + std::to_string(i), options).ok());
  }
  ASSERT_TRUE(w.until([&] { return running() == 0 && w.fleet->pods().pending() == 0; }));
  ASSERT_TRUE(w.until([&] { return w.client.peekAll<Pod>().size() == 7; }))
      << w.client.peekAll<Pod>().size();
  EXPECT_TRUE(w.until([&] { return w.fleet->pods().addresses() == 0; }));
}
INSTANTIATE_TEST_SUITE_P(Seeds, FleetPods, ::testing::Values(1, 2, 3, 4, 5, 6));

TEST(Fleet, PodsThatEndDoSo) {
  World w(someNodes(1));
  auto job = boundPod("job", "hollow-0");
  job.spec.restartPolicy = "Never";
  job.metadata.annotations[kRunFor] = "20s";
  auto bad = job;
  bad.metadata.name = "bad";
  bad.metadata.annotations[kExitCode] = "3";
  w.client.put(job);
  w.client.put(bad);
  ASSERT_TRUE(w.until([&] { return w.phaseIs("job", "Running"); }, 3s));
  w.executor.runFor(10s);
  EXPECT_TRUE(w.phaseIs("job", "Running"));
  ASSERT_TRUE(w.until([&] { return w.phaseIs("job", "Succeeded"); }, 12s));
  ASSERT_TRUE(w.until([&] { return w.phaseIs("bad", "Failed"); }, 1s));
  EXPECT_EQ(w.pod("bad")->status.containerStatuses[0].state.terminated->exitCode, 3);
}

TEST(Fleet, CrashingPodsComeBackAfterABackOff) {
  auto options = someNodes(1);
  options.pods.behaviour.crashShare = 1;
  World w(std::move(options));
  w.client.put(boundPod("p", "hollow-0"));
  const auto waits = [&] {
    return w.pod("p")->status.containerStatuses.size() == 1 &&
           w.pod("p")->status.containerStatuses[0].state.waiting;
  };
  ASSERT_TRUE(w.until(waits, 40s));
  EXPECT_FALSE(api::isPodReady(*w.pod("p")));
  EXPECT_EQ(w.pod("p")->status.phase, "Running");
  ASSERT_TRUE(w.until([&] { return api::isPodReady(*w.pod("p")); }, 11s));
  EXPECT_EQ(api::podRestarts(*w.pod("p")), 1);
  ASSERT_TRUE(w.until([&] { return api::podRestarts(*w.pod("p")) == 3; }, 5min));
}

TEST(Fleet, FinalizersHoldAPodThatHasEnded) {
  World w(someNodes(1));
  auto pod = boundPod("p", "hollow-0");
  pod.metadata.finalizers = {"example.com/hold"};
  w.client.put(pod);
  ASSERT_TRUE(w.until([&] { return w.phaseIs("p", "Running"); }));
  client::DeleteOptions options;
  options.gracePeriodSeconds = 5;
  ASSERT_TRUE(w.client.erase<Pod>("default", "p", options).ok());
  ASSERT_TRUE(w.until([&] { return w.pod("p")->metadata.deletionGracePeriodSeconds == 0; }));
  EXPECT_TRUE(w.phaseIs("p", "Succeeded")) << "told before the object goes";
  w.executor.runFor(1min);
  const auto before = w.client.writes();
  w.executor.runFor(9s);
  EXPECT_LE(w.client.writes() - before, 1U) << "a lease at most";
  w.client.change<Pod>("default", "p", [](Pod& p) { p.metadata.finalizers.clear(); });
}

TEST(Fleet, ReadinessGates) {
  World w(someNodes(1));
  auto pod = boundPod("p", "hollow-0");
  pod.spec.readinessGates.emplace_back();
  pod.spec.readinessGates[0].conditionType = "example.com/open";
  w.client.put(pod);
  ASSERT_TRUE(w.until([&] { return w.phaseIs("p", "Running"); }));
  w.executor.runFor(10s);
  EXPECT_FALSE(api::isPodReady(*w.pod("p")));
  w.client.change<Pod>("default", "p", [](Pod& p) {
    auto& gate = p.status.conditions.emplace_back();
    gate.type = "example.com/open";
    gate.status = "True";
  });
  EXPECT_TRUE(w.until([&] { return api::isPodReady(*w.pod("p")); }, 5s));
}

TEST(PodLife, SharesPickAboutThatManyAndTheSameAgain) {
  PodBehaviour behaviour;
  behaviour.failShare = 0.3;
  int failed = 0;
  for (int i = 0; i < 1000; ++i) {
    auto pod = boundPod("p", "n");
    pod.metadata.uid = "uid-" + std::to_string(i);
    pod.spec.restartPolicy = "Never";
    for (int twice = 0; twice < 2; ++twice) {
      auto next = pod;
      carryOut(Step::Start, next, behaviour, {"10.0.0.1", "10.1.0.1"}, WallTime(1s));
      ASSERT_EQ(planFor(next, behaviour).step, Step::Finish);
      carryOut(Step::Finish, next, behaviour, {}, WallTime(2s));
      failed += next.status.phase == "Failed" ? 1 : 0;
    }
  }
  EXPECT_EQ(failed % 2, 0);
  EXPECT_NEAR(failed / 2, 300, 50);
}

TEST(AddressPool, TakesAllAndFreesThem) {
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/7", "10.0.0.0/31", "x/24", "::1/64"}) {
    EXPECT_FALSE(AddressPool::create(bad).ok()) << bad;
  }
  auto pool = *AddressPool::create("10.9.8.7/29");
  std::set<std::string> all;
  for (int i = 0; i < 6; ++i) all.insert(*pool.take());
  EXPECT_EQ(all.size(), 6U);
  EXPECT_EQ(*all.begin(), "10.9.8.1");
  EXPECT_FALSE(pool.take().ok());
  pool.release("10.9.8.3");
  pool.release("10.9.8.3");
  pool.release("10.9.7.3");
  EXPECT_EQ(pool.taken(), 5U);
  EXPECT_EQ(*pool.take(), "10.9.8.3");
  EXPECT_EQ(pool.at(0), "10.9.8.1");
  EXPECT_EQ(pool.at(6), "10.9.8.1");
}

TEST(NodeNames, RoundTrip) {
  NodeShape shape;
  EXPECT_EQ(nodeNumber(shape, nodeName(shape, 17)), 17U);
  for (const char* other : {"hollow-", "hollow-x", "hollow-01", "hollow-1x", "node-1", ""}) {
    EXPECT_FALSE(nodeNumber(shape, other)) << other;
  }
}

}  // namespace
}  // namespace coxswain::hollow
