#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/codec/protobuf.h"
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
  ServiceAddresses pool({*AddressRange::create("10.96.0.0/28")}, random, nullptr);
  EXPECT_EQ(pool.primary().first(), "10.96.0.1");
  EXPECT_EQ(pool.primary().size(), 14U);
  EXPECT_EQ(pool.take("10.96.0.0", "o").message(),
            "the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is "
            "10.96.0.0/28");
  EXPECT_FALSE(pool.take("10.96.0.15", "o").ok());
  EXPECT_EQ(pool.take("10.97.0.1", "o").message(),
            "the provided network does not match the current range");
  EXPECT_FALSE(pool.take("::1", "o").ok());
  EXPECT_FALSE(pool.take("nonsense", "o").ok());
  EXPECT_TRUE(pool.take("10.96.0.14", "o").ok());
  EXPECT_EQ(pool.take("10.96.0.14", "p").message(), "provided IP is already allocated");
  std::set<std::string> seen{"10.96.0.14"};
  while (auto address = pool.takeAny("IPv4", "o")) EXPECT_TRUE(seen.insert(*address).second);
  EXPECT_EQ(seen.size(), 14U);

  ServiceAddresses wide({*AddressRange::create("fd00:1::/64")}, random, nullptr);
  EXPECT_EQ(wide.primary().first(), "fd00:1::1");
  EXPECT_EQ(wide.primary().family(), "IPv6");
  EXPECT_TRUE(wide.take("fd00:1::1:0000", "o").ok());
  EXPECT_FALSE(wide.take("fd00:1:0:1::", "o").ok());
  EXPECT_TRUE(wide.takeAny("IPv6", "o"));
  EXPECT_FALSE(wide.takeAny("IPv4", "o"));
  auto large = AddressRange::create("10.0.0.0/8");
  EXPECT_EQ(large->size(), (1U << 24) - 2);
  EXPECT_TRUE(large->has(*api::parseIp("10.255.255.254")));
  EXPECT_FALSE(large->has(*api::parseIp("10.255.255.255")));
  EXPECT_FALSE(AddressRange::create("10.0.0.0/31").ok());
  EXPECT_FALSE(AddressRange::create("10.0.0.0").ok());
}

/// A book in memory.
class FakeBook final : public AddressBook {
 public:
  [[nodiscard]] bool has(std::string_view ip) const override {
    return kept.contains(std::string(ip));
  }
  [[nodiscard]] std::vector<Range> ranges() const override { return cidrs; }
  [[nodiscard]] std::vector<Kept> all() const override {
    std::vector<Kept> out;
    for (const auto& [ip, owner] : kept) out.push_back({ip, owner});
    return out;
  }
  Task<Status> add(std::string ip, AddressOwner owner) override {
    ++adds;
    if (has(ip)) co_return alreadyExists("ipaddresses", ip);
    kept[ip] = std::move(owner);
    co_return Status();
  }
  Task<Status> drop(std::string ip, AddressOwner owner) override {
    auto found = kept.find(ip);
    if (found != kept.end() && found->second == owner) kept.erase(found);
    co_return Status();
  }
  void dropWith(const std::string& ip, const AddressOwner& owner,
                storage::WriteRequest& write) const override {
    auto found = kept.find(ip);
    if (found == kept.end() || !(found->second == owner)) return;
    write.operations.push_back(storage::Operation::del("/registry/ipaddresses/" + ip));
  }

  std::map<std::string, AddressOwner> kept;
  std::vector<Range> cidrs;
  int adds = 0;
};

TEST(PortRange, Bitmap) {
  SeededRandom random(1);
  auto range = PortRange::create("30000-30011", random);
  EXPECT_EQ(range->bitmap({}), "");
  ASSERT_TRUE(range->take(30000, "o").ok());
  ASSERT_TRUE(range->take(30009, "o").ok());
  EXPECT_EQ(range->bitmap({}), std::string("\x02\x01", 2));
  EXPECT_EQ(range->bitmap({30009}), std::string("\x01", 1));
  EXPECT_EQ(range->bitmap({30000}), std::string("\x02\x00", 2));
  EXPECT_EQ(range->str(), "30000-30011");
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
    for (const auto& cidr : ranges) addresses.push_back(*AddressRange::create(cidr));
    hooks_ =
        std::make_unique<ServiceHooks>(executor_, std::move(addresses),
                                       *PortRange::create("30000-30099", random_), random_, &book_);
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
    if (out.transaction) {
      EXPECT_TRUE(prepare(out).ok());
      storage::WriteRequest write;
      out.transaction->contribute(write);
      commit(write);
      out.transaction->finish(true);
    }
    return out.object;
  }
  Status prepare(Outcome& out) {
    Status status;
    spawn(executor_, prepareInto(&out, &status));
    executor_.runUntilIdle();
    return status;
  }
  static Task<void> prepareInto(Outcome* out, Status* status) {
    *status = co_await out->transaction->prepare();
  }
  void commit(const storage::WriteRequest& write) {
    for (const auto& operation : write.operations) {
      book_.kept.erase(operation.key.substr(operation.key.rfind('/') + 1));
    }
  }
  void erase(const Service& service) {
    storage::WriteRequest write;
    hooks_->contributeDelete(api::Object(service), write);
    commit(write);
    hooks_->afterDelete(api::Object(service));
  }
  Status repair(std::vector<Service> services) {
    std::vector<api::ConstObject> objects;
    for (auto& each : services) objects.emplace_back(api::Object(std::move(each)));
    Status status;
    spawn(executor_, repairInto(hooks_.get(), std::move(objects), &status));
    executor_.runUntilIdle();
    return status;
  }
  static Task<void> repairInto(ServiceHooks* hooks, std::vector<api::ConstObject> objects,
                               Status* status) {
    *status = co_await hooks->repair(std::move(objects));
  }

  sim::SimExecutor executor_;
  SeededRandom random_{7};
  FakeBook book_;
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
  erase(made);
  EXPECT_TRUE(begin(other).status.ok());
}

TEST_F(Hooks, WhatIsNotStoredIsGivenBack) {
  {
    auto out = begin(service("NodePort"));
    EXPECT_EQ(hooks_->addresses().used(), 1U);
    EXPECT_EQ(hooks_->ports().used(), 1U);
  }
  EXPECT_EQ(hooks_->addresses().used(), 0U);
  auto out = begin(service("NodePort"));
  out.transaction->finish(false);
  EXPECT_EQ(hooks_->ports().used(), 0U);
  auto wrong = service("NodePort", {"TCP", "UDP"});
  wrong.spec.ports[1].nodePort = 80;
  auto refused = begin(wrong);
  EXPECT_EQ(refused.status.message(),
            "Service \"s\" is invalid: spec.ports[1].nodePort: Invalid value: 80: provided port is "
            "not in the valid range. The range of valid ports is 30000-30099");
  EXPECT_EQ(hooks_->addresses().used(), 0U);
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
  EXPECT_EQ(hooks_->addresses().used(), 0U);
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

TEST_F(Hooks, TheBookHasEachAddressAsLongAsItsService) {
  auto wanted = service("ClusterIP");
  wanted.metadata.namespace_ = "ns";
  auto made = stored(wanted);
  ASSERT_EQ(book_.kept.size(), 1U);
  EXPECT_EQ(book_.kept.at(made.spec.clusterIP), (AddressOwner{"ns", "s"}));
  erase(made);
  EXPECT_TRUE(book_.kept.empty());

  // A write that fails after all.
  auto out = begin(wanted);
  ASSERT_TRUE(prepare(out).ok());
  EXPECT_EQ(book_.kept.size(), 1U);
  out.transaction->finish(false);
  executor_.runUntilIdle();
  EXPECT_TRUE(book_.kept.empty());
  EXPECT_EQ(hooks_->addresses().used(), 0U);

  // An update that gives its address away.
  made = stored(wanted);
  auto next = made;
  next.spec.type = "ExternalName";
  next.spec.clusterIP.clear();
  next.spec.clusterIPs.clear();
  stored(next, &made);
  EXPECT_TRUE(book_.kept.empty());
}

TEST_F(Hooks, NodePortsAreWrittenAsTheRangeOfUpstream) {
  auto out = begin(service("NodePort"));
  storage::WriteRequest write;
  out.transaction->contribute(write);
  ASSERT_EQ(write.operations.size(), 1U);
  EXPECT_EQ(write.operations[0].key, "/registry/ranges/servicenodeports");
  auto envelope = api::openEnvelope(*write.operations[0].value);
  ASSERT_TRUE(envelope.ok());
  api::core::v1::RangeAllocation allocation;
  ASSERT_TRUE(api::decodeProtobuf(allocation.info(), envelope->raw, &allocation).ok());
  EXPECT_EQ(allocation.range, "30000-30099");
  EXPECT_FALSE(allocation.data.empty());
  out.transaction->finish(true);
  storage::WriteRequest gone;
  hooks_->contributeDelete(api::Object(out.object), gone);
  envelope = api::openEnvelope(*gone.operations.at(0).value);
  ASSERT_TRUE(envelope.ok());
  api::core::v1::RangeAllocation after;
  ASSERT_TRUE(api::decodeProtobuf(after.info(), envelope->raw, &after).ok());
  EXPECT_EQ(after.range, "30000-30099");
  EXPECT_TRUE(after.data.empty());
  // A service without them does not touch it.
  auto plain = begin(service("ClusterIP"));
  storage::WriteRequest none;
  plain.transaction->contribute(none);
  EXPECT_TRUE(none.operations.empty());
}

TEST_F(Hooks, WhatOthersTookIsNotHandedOut) {
  make({"10.96.0.0/30"});
  book_.kept["10.96.0.1"] = {"", "a gateway"};
  EXPECT_EQ(stored(service("ClusterIP")).spec.clusterIP, "10.96.0.2");
  EXPECT_EQ(begin(service("ClusterIP")).status.message(),
            "Internal error occurred: failed to allocate a serviceIP: range is full");
  auto asks = service("ClusterIP");
  asks.spec.clusterIP = "10.96.0.1";
  asks.spec.clusterIPs = {"10.96.0.1"};
  EXPECT_FALSE(begin(asks).status.ok());
}

TEST_F(Hooks, RangesComeAndGo) {
  make({"10.96.0.0/30"});
  stored(service("ClusterIP"));
  stored(service("ClusterIP"));
  EXPECT_FALSE(begin(service("ClusterIP")).status.ok());
  book_.cidrs = {{"10.96.0.0/30", true}, {"10.100.0.0/24", true}, {"not a range", true}};
  EXPECT_TRUE(stored(service("ClusterIP")).spec.clusterIP.starts_with("10.100.0."));
  auto asks = service("ClusterIP");
  asks.spec.clusterIP = "10.100.0.7";
  asks.spec.clusterIPs = {"10.100.0.7"};
  auto made = stored(asks);
  book_.cidrs[1].ready = false;
  EXPECT_FALSE(begin(service("ClusterIP")).status.ok());
  erase(made);
  EXPECT_EQ(begin(asks).status.message(),
            "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"10.100.0.7\"]: failed "
            "to allocate IP 10.100.0.7: the provided network does not match the current range");
}

TEST_F(Hooks, RepairAfterACrash) {
  auto made = stored(service("ClusterIP"));
  // Written before a service that never came; and one that somebody deleted.
  book_.kept["10.96.0.77"] = {"ns", "never"};
  book_.kept.erase(made.spec.clusterIP);
  make();
  ASSERT_TRUE(repair({made}).ok());
  ASSERT_EQ(book_.kept.size(), 1U);
  EXPECT_EQ(book_.kept.begin()->first, made.spec.clusterIP);
  const int adds = book_.adds;
  make();
  ASSERT_TRUE(repair({made}).ok());
  EXPECT_EQ(book_.adds, adds);
}

TEST_F(Hooks, Headless) {
  auto headless = service("ClusterIP");
  headless.spec.clusterIP = "None";
  headless.spec.clusterIPs = {"None"};
  auto selected = stored(headless);
  EXPECT_EQ(selected.spec.ipFamilyPolicy, "SingleStack");
  EXPECT_EQ(hooks_->addresses().used(), 0U);
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
  ASSERT_TRUE(repair({made}).ok());
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
