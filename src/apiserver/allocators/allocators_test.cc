#include <gtest/gtest.h>

#include <set>

#include "api/gen/core_v1.h"
#include "apiserver/allocators/service_hooks.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Service;

TEST(NumberPool, NeverOneTwiceAndNoneIsLost) {
  SeededRandom random(1);
  NumberPool pool(100, 16, random);
  std::set<uint64_t> seen;
  for (int i = 0; i < 84; ++i) {
    auto number = pool.takeAny("o");
    ASSERT_TRUE(number);
    EXPECT_GE(*number, 16U);
    EXPECT_TRUE(seen.insert(*number).second);
  }
  for (int i = 0; i < 16; ++i) EXPECT_LT(*pool.takeAny("o"), 16U);
  EXPECT_FALSE(pool.takeAny("o"));
  pool.give(50, "else");
  EXPECT_FALSE(pool.takeAny("o"));
  pool.give(50, "o");
  EXPECT_EQ(pool.takeAny("o"), 50U);
  EXPECT_FALSE(pool.take(50, "o"));
}

TEST(AddressRange, Bounds) {
  SeededRandom random(1);
  auto range = AddressRange::create("10.96.0.0/28", random);
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->first(), "10.96.0.1");
  EXPECT_EQ(range->size(), 14U);
  EXPECT_FALSE(range->take("10.96.0.0", "o").ok());
  EXPECT_FALSE(range->take("10.96.0.15", "o").ok());
  EXPECT_FALSE(range->take("10.97.0.1", "o").ok());
  EXPECT_FALSE(range->take("::1", "o").ok());
  EXPECT_FALSE(range->take("nonsense", "o").ok());
  EXPECT_TRUE(range->take("10.96.0.14", "o").ok());
  EXPECT_EQ(range->take("10.96.0.14", "p").message(), "provided IP is already allocated");
  std::set<std::string> seen{"10.96.0.14"};
  while (auto address = range->takeAny("o")) EXPECT_TRUE(seen.insert(*address).second);
  EXPECT_EQ(seen.size(), 14U);

  auto wide = AddressRange::create("fd00:1::/64", random);
  ASSERT_TRUE(wide.ok());
  EXPECT_EQ(wide->first(), "fd00:1::1");
  EXPECT_EQ(wide->family(), "IPv6");
  EXPECT_TRUE(wide->take("fd00:1::ffff", "o").ok());
  EXPECT_FALSE(wide->take("fd00:1::1:0000", "o").ok());
  auto large = AddressRange::create("10.0.0.0/8", random);
  EXPECT_EQ(large->size(), 65535U);
  EXPECT_TRUE(large->take("10.0.255.255", "o").ok());
  EXPECT_FALSE(large->take("10.1.0.0", "o").ok());
  EXPECT_FALSE(AddressRange::create("10.0.0.0/31", random).ok());
  EXPECT_FALSE(AddressRange::create("10.0.0.0", random).ok());
}

TEST(PortRange, Forms) {
  SeededRandom random(1);
  EXPECT_TRUE(PortRange::create("30000-32767", random).ok());
  EXPECT_TRUE(PortRange::create("30000+10", random).ok());
  for (const char* text : {"", "-", "1", "5-4", "0-10", "1-70000", "a-b", "1-2-3"}) {
    EXPECT_FALSE(PortRange::create(text, random).ok()) << text;
  }
  auto range = PortRange::create("30000-32767", random);
  EXPECT_EQ(range->take(80, "o").message(),
            "provided port is not in the valid range. The range of valid ports is 30000-32767");
}

class Hooks : public testing::Test {
 protected:
  void make(std::vector<std::string> ranges = {"10.96.0.0/24"}) {
    std::vector<AddressRange> addresses;
    for (const auto& cidr : ranges) addresses.push_back(*AddressRange::create(cidr, random_));
    hooks_ = std::make_unique<ServiceHooks>(std::move(addresses),
                                            *PortRange::create("30000-30099", random_));
  }
  void SetUp() override { make(); }

  static Service service(std::string type, std::vector<std::string> protocols = {"TCP"}) {
    Service made;
    static int count = 0;
    made.metadata.name = "s";
    made.metadata.uid = "uid-" + std::to_string(++count);
    made.spec.type = std::move(type);
    made.spec.selector["app"] = "x";
    for (auto& protocol : protocols) {
      auto& port = made.spec.ports.emplace_back();
      port.protocol = protocol;
      port.port = 80;
    }
    if (made.spec.type == "LoadBalancer") made.spec.allocateLoadBalancerNodePorts = true;
    return made;
  }

  struct Outcome {
    Status status;
    std::unique_ptr<StorageTransaction> transaction;
    Service object;
  };
  Task<void> run(Service next, const Service* current, Outcome* out) {
    api::Object object(std::move(next));
    StorageHooks::Begun begun = co_await call(object, current);
    out->status = begun.status();
    if (begun.ok()) out->transaction = std::move(*begun);
    out->object = *object.as<Service>();
  }
  Task<StorageHooks::Begun> call(api::Object& object, const Service* current) {
    if (!current) co_return co_await hooks_->beginCreate(object, false);
    api::Object old(*current);
    co_return co_await hooks_->beginUpdate(object, old, false);
  }
  Outcome begin(Service next, const Service* current = nullptr) {
    Outcome out;
    spawn(executor_, run(std::move(next), current, &out));
    executor_.runUntilIdle();
    return out;
  }
  Service stored(Service next, const Service* current = nullptr) {
    auto out = begin(std::move(next), current);
    EXPECT_TRUE(out.status.ok()) << out.status.toString();
    if (out.transaction) out.transaction->finish(true);
    return out.object;
  }

  sim::SimExecutor executor_;
  SeededRandom random_{7};
  std::unique_ptr<ServiceHooks> hooks_;
};

TEST_F(Hooks, AddressAndFamilies) {
  auto made = stored(service("ClusterIP"));
  EXPECT_EQ(made.spec.ipFamilies, std::vector<std::string>{"IPv4"});
  EXPECT_EQ(made.spec.ipFamilyPolicy, "SingleStack");
  ASSERT_EQ(made.spec.clusterIPs.size(), 1U);
  EXPECT_EQ(made.spec.clusterIP, made.spec.clusterIPs[0]);
  auto other = service("ClusterIP");
  other.spec.clusterIP = made.spec.clusterIP;
  other.spec.clusterIPs = made.spec.clusterIPs;
  EXPECT_EQ(begin(other).status.message(),
            "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"" + made.spec.clusterIP +
                "\"]: failed to allocate IP " + made.spec.clusterIP +
                ": provided IP is already allocated");
  hooks_->afterDelete(api::Object(made));
  EXPECT_TRUE(begin(other).status.ok());
}

TEST_F(Hooks, WhatIsNotStoredIsGivenBack) {
  {
    auto out = begin(service("NodePort"));
    EXPECT_EQ(hooks_->primary().used(), 1U);
    EXPECT_EQ(hooks_->ports().used(), 1U);
  }
  EXPECT_EQ(hooks_->primary().used(), 0U);
  auto out = begin(service("NodePort"));
  out.transaction->finish(false);
  EXPECT_EQ(hooks_->ports().used(), 0U);
  auto wrong = service("NodePort", {"TCP", "UDP"});
  wrong.spec.ports[1].nodePort = 80;
  auto refused = begin(wrong);
  EXPECT_EQ(refused.status.message(),
            "Service \"s\" is invalid: spec.ports[1].nodePort: Invalid value: 80: provided port is "
            "not in the valid range. The range of valid ports is 30000-30099");
  EXPECT_EQ(hooks_->primary().used(), 0U);
}

TEST_F(Hooks, TwoProtocolsOfAPortShareItsNodePort) {
  auto made = stored(service("NodePort", {"TCP", "UDP"}));
  EXPECT_NE(made.spec.ports[0].nodePort, 0);
  EXPECT_EQ(made.spec.ports[0].nodePort, made.spec.ports[1].nodePort);
  EXPECT_EQ(hooks_->ports().used(), 1U);
}

TEST_F(Hooks, ChangingTheType) {
  auto made = stored(service("ClusterIP"));
  auto next = made;
  next.spec.type = "NodePort";
  auto ported = stored(next, &made);
  EXPECT_EQ(ported.spec.clusterIP, made.spec.clusterIP);
  EXPECT_EQ(hooks_->ports().used(), 1U);
  next = ported;
  next.spec.type = "LoadBalancer";
  next.spec.externalTrafficPolicy = "Local";
  next.spec.allocateLoadBalancerNodePorts = true;
  auto balanced = stored(next, &ported);
  EXPECT_NE(balanced.spec.healthCheckNodePort, 0);
  EXPECT_EQ(hooks_->ports().used(), 2U);
  next = balanced;
  next.spec.type = "ClusterIP";
  next.spec.ports[0].nodePort = 0;
  next.spec.healthCheckNodePort = 0;
  auto plain = stored(next, &balanced);
  EXPECT_EQ(hooks_->ports().used(), 0U);
  next = plain;
  next.spec.type = "ExternalName";
  next.spec.clusterIP.clear();
  next.spec.clusterIPs.clear();
  next.spec.ipFamilies.clear();
  next.spec.ipFamilyPolicy.reset();
  stored(next, &plain);
  EXPECT_EQ(hooks_->primary().used(), 0U);
}

TEST_F(Hooks, AnUpdateThatFailsKeepsWhatIsStored) {
  auto made = stored(service("NodePort"));
  auto next = made;
  next.spec.ports[0].nodePort = made.spec.ports[0].nodePort == 30000 ? 30001 : 30000;
  auto out = begin(next, &made);
  EXPECT_EQ(hooks_->ports().used(), 2U);
  out.transaction->finish(false);
  EXPECT_EQ(hooks_->ports().used(), 1U);
  EXPECT_FALSE(hooks_->ports().isFree(made.spec.ports[0].nodePort));
  auto changed = stored(next, &made);
  EXPECT_EQ(hooks_->ports().used(), 1U);
  EXPECT_TRUE(hooks_->ports().isFree(made.spec.ports[0].nodePort));
}

TEST_F(Hooks, Headless) {
  auto headless = service("ClusterIP");
  headless.spec.clusterIP = "None";
  headless.spec.clusterIPs = {"None"};
  auto selected = stored(headless);
  EXPECT_EQ(selected.spec.ipFamilyPolicy, "SingleStack");
  EXPECT_EQ(hooks_->primary().used(), 0U);
  headless.spec.selector.clear();
  auto free = stored(headless);
  EXPECT_EQ(free.spec.ipFamilyPolicy, "RequireDualStack");
  EXPECT_EQ(free.spec.ipFamilies, (std::vector<std::string>{"IPv4", "IPv6"}));
}

TEST_F(Hooks, OneFamilyInTheCluster) {
  auto both = service("ClusterIP");
  both.spec.ipFamilies = {"IPv4", "IPv6"};
  EXPECT_EQ(
      begin(both).status.message(),
      "Service \"s\" is invalid: spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
      "'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  both.spec.ipFamilyPolicy = "PreferDualStack";
  EXPECT_EQ(begin(both).status.message(),
            "Service \"s\" is invalid: spec.ipFamilies[1]: Invalid value: \"IPv6\": not configured "
            "on this cluster");
  auto prefer = service("ClusterIP");
  prefer.spec.ipFamilyPolicy = "PreferDualStack";
  EXPECT_EQ(stored(prefer).spec.clusterIPs.size(), 1U);
  prefer.spec.ipFamilyPolicy = "RequireDualStack";
  EXPECT_FALSE(begin(prefer).status.ok());
}

TEST_F(Hooks, TwoFamilies) {
  make({"10.96.0.0/24", "fd00:1::/112"});
  auto wanted = service("ClusterIP");
  wanted.spec.ipFamilyPolicy = "RequireDualStack";
  auto made = stored(wanted);
  ASSERT_EQ(made.spec.clusterIPs.size(), 2U);
  EXPECT_EQ(made.spec.ipFamilies, (std::vector<std::string>{"IPv4", "IPv6"}));
  auto next = made;
  next.spec.ipFamilyPolicy = "SingleStack";
  auto single = stored(next, &made);
  EXPECT_EQ(single.spec.clusterIPs.size(), 1U);
  EXPECT_EQ(single.spec.clusterIP, made.spec.clusterIP);
}

TEST_F(Hooks, ARestartKnowsWhatIsStored) {
  auto made = stored(service("NodePort"));
  make();
  hooks_->adopt(made);
  auto other = service("NodePort");
  other.spec.ports[0].nodePort = made.spec.ports[0].nodePort;
  EXPECT_FALSE(begin(other).status.ok());
  std::set<std::string> seen{made.spec.clusterIP};
  for (int i = 0; i < 99; ++i)
    EXPECT_TRUE(seen.insert(stored(service("NodePort")).spec.clusterIP).second);
  EXPECT_FALSE(begin(service("NodePort")).status.ok());
}

}  // namespace
}  // namespace coxswain::apiserver
