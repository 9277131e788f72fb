// Two kube-controller-managers and two kube-schedulers with leases. The one that leads dies, is cut
// off, or gets nothing but errors: the other takes over within the lease, the first stops acting in
// time, and what was asked for happens. leaders_sim_test --seed=N repeats one run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/coordination_v1.h"
#include "base/log.h"
#include "kubelets.h"
#include "replica.h"
#include "runtime/spawn.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {
namespace {

using api::apps::v1::Deployment;
using api::coordination::v1::Lease;
using api::core::v1::Namespace;
using api::core::v1::Pod;

/// The lease's 15 seconds, and two looks at it.
constexpr Duration kTakeover = 21s;

struct Election {
  explicit Election(uint64_t seed)
      : executor(seed), server(executor, seed), kubelets(executor, server, seed), random(seed + 7) {
    server.faults.latencyMax = {};
    server.observer = [this](const client::ResourceType&, const api::ConstObject&,
                             const api::ConstObject& after) { kubelets.wrote(after); };
    for (const char* name : {"default", "kube-system", "kube-node-lease"}) {
      Namespace space;
      space.metadata.name = name;
      server.put(std::move(space));
    }
    kubelets.beats = true;
    for (const char* name : {"n1", "n2"}) kubelets.addNode(name);
    for (const char* component : {"kube-controller-manager", "kube-scheduler"}) {
      for (const char* suffix : {"-a", "-b"}) {
        replicas.push_back(std::make_unique<Replica>(executor, server, component,
                                                     std::string(component) + suffix,
                                                     seed * 10 + replicas.size()));
        replicas.back()->start();
      }
    }
  }
  ~Election() {
    kubelets.stop();
    bool done = false;
    spawn(executor, stopAll(*this, done));
    EXPECT_TRUE(executor.runUntil([&done] { return done; }, 1h)) << "they do not stop";
    executor.runFor(Duration());
    EXPECT_EQ(executor.timers(), 0u);
    EXPECT_EQ(executor.ready(), 0u);
  }
  static Task<void> stopAll(Election& self, bool& done) {
    for (auto& replica : self.replicas) co_await replica->stop();
    done = true;
  }

  std::string holder(size_t component) {
    auto lease = server.peek<Lease>("kube-system",
                                    component == 0 ? "kube-controller-manager" : "kube-scheduler");
    return lease ? lease->spec.holderIdentity.value_or("") : "";
  }
  Replica* leader(size_t component) {
    for (size_t i = 0; i < 2; ++i) {
      auto& replica = *replicas[component * 2 + i];
      if (replica.identity() == holder(component) && replica.working()) return &replica;
    }
    return nullptr;
  }
  [[nodiscard]] size_t ready() const {
    size_t count = 0;
    for (const auto& pod : server.peekAll<Pod>()) {
      count += pod->status.phase == "Running" && !pod->metadata.deletionTimestamp ? 1 : 0;
    }
    return count;
  }

  sim::SimExecutor executor;
  client::testing::FakeClient server;
  Kubelets kubelets;
  SeededRandom random;
  std::vector<std::unique_ptr<Replica>> replicas;
};

void runSeed(uint64_t seed) {
  SCOPED_TRACE("repeat with: leaders_sim_test --seed=" + std::to_string(seed));
  Election world(seed);
  ASSERT_TRUE(world.executor.runUntil([&] { return world.leader(0) && world.leader(1); }, 30s));
  world.server.put(makeDeployment("web", 2));
  ASSERT_TRUE(world.executor.runUntil([&] { return world.ready() == 2; }, 1min));
  int32_t replicas = 2;
  for (int round = 0; round < 4; ++round) {
    const size_t component = world.random.below(2);
    Replica& victim = *world.leader(component);
    const int lost = victim.lost();
    const std::string identity = victim.identity();
    const auto how = world.random.below(3);
    world.executor.runFor(std::chrono::milliseconds(world.random.below(3000)));
    if (how == 0) victim.crash();
    if (how == 1) victim.setPartitioned(true);
    if (how == 2) victim.setFailing(true);
    const auto since = world.executor.now();
    replicas = 2 + static_cast<int32_t>(world.random.below(5));
    world.server.change<Deployment>("default", "web",
                                    [&](Deployment& d) { d.spec.replicas = replicas; });
    auto other = [&] {
      auto* now = world.leader(component);
      return now != nullptr && now->identity() != identity;
    };
    ASSERT_TRUE(world.executor.runUntil(other, 2 * kTakeover)) << "nobody takes over";
    EXPECT_LE(world.executor.now() - since, kTakeover);
    if (how != 0) EXPECT_EQ(victim.lost(), lost + 1) << "it still thinks that it leads";
    EXPECT_TRUE(world.executor.runUntil(
        [&] { return world.ready() == static_cast<size_t>(replicas); }, 2min))
        << world.ready() << " of " << replicas;
    victim.setPartitioned(false);
    victim.setFailing(false);
    // It comes back, and waits.
    const auto now = world.holder(component);
    world.executor.runFor(1min);
    EXPECT_EQ(world.holder(component), now);
    for (const auto& replica : world.replicas) EXPECT_EQ(replica->crime(), "");
  }
}

uint64_t gSeed = 0;
uint64_t gSeeds = 10;

TEST(Leaders, OneActsAndTheOtherTakesOver) {
  if (gSeed != 0) return runSeed(gSeed);
  for (uint64_t seed = 1; seed <= gSeeds && !HasFailure(); ++seed) runSeed(seed);
}

}  // namespace
}  // namespace coxswain::simulation

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--seed=")) {
      coxswain::simulation::gSeed = std::strtoull(argument.c_str() + 7, nullptr, 10);
    }
    if (argument.starts_with("--seeds=")) {
      coxswain::simulation::gSeeds = std::strtoull(argument.c_str() + 8, nullptr, 10);
    }
  }
  coxswain::setLogLevel(coxswain::simulation::gSeed ? coxswain::LogLevel::Debug
                                                    : coxswain::LogLevel::Off);
  return RUN_ALL_TESTS();
}
