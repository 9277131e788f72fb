// Kinds that are more than their row: addresses of services, autoscalers in two versions.
#include <gtest/gtest.h>

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "apiserver/assembly/assembly.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Service;
using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;

template <typename T>
Task<void> into(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
Task<void> markDone(Task<void> task, bool& done) {
  co_await std::move(task);
  done = true;
}

class Kinds : public testing::Test {
 protected:
  void SetUp() override {
    key_ = *net::createKeyPem();
    begin();
  }
  void TearDown() override { end(); }
  void begin() {
    AssemblyOptions options;
    options.tokens.signingKeyPem = key_;
    auto made = Assembly::create(executor_, *store_, random_, std::move(options));
    ASSERT_TRUE(made.ok()) << made.status().toString();
    assembly_ = std::move(*made);
    Status started = run(assembly_->start());
    ASSERT_TRUE(started.ok()) << started.toString();
    admin_ = assembly_->client("admin", {"system:masters"});
  }
  void end() {
    bool done = false;
    spawn(executor_, markDone(assembly_->stop(), done));
    EXPECT_TRUE(executor_.runUntil([&done] { return done; }, 1h));
    executor_.runUntilIdle();
    admin_.reset();
    assembly_.reset();
  }
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    spawn(executor_, into(std::move(task), out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 1h));
    return std::move(*out);
  }
  template <typename T>
  Result<std::shared_ptr<const T>> create(T object) {
    return run(client::create(*admin_, std::move(object)));
  }
  template <typename T>
  Result<std::shared_ptr<const T>> get(std::string ns, std::string name) {
    return run(client::get<T>(*admin_, std::move(ns), std::move(name)));
  }
  template <typename T>
  Status remove(std::string ns, std::string name) {
    return run(admin_->remove(client::resourceOf<T>(), std::move(ns), std::move(name), {}, {}));
  }
  size_t countAddresses() {
    return run(admin_->list(client::resourceOf<IPAddress>(), "", {}, {}))->items.size();
  }
  static Service service(std::string name, std::string ip = "") {
    Service made;
    made.metadata.name = std::move(name);
    made.metadata.namespace_ = "default";
    if (!ip.empty()) {
      made.spec.clusterIP = ip;
      made.spec.clusterIPs = {ip};
    }
    made.spec.ports.emplace_back().port = 80;
    return made;
  }

  sim::SimExecutor executor_;
  SeededRandom random_{11};
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::string key_;
  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<client::Client> admin_;
};

TEST_F(Kinds, TheRangeOfTheFlagsIsAnObject) {
  auto range = get<ServiceCIDR>("", "kubernetes");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ((*range)->spec.cidrs, std::vector<std::string>{"10.96.0.0/16"});
  ASSERT_EQ((*range)->status.conditions.size(), 1U);
  EXPECT_EQ((*range)->status.conditions[0].status, "True");
  EXPECT_EQ((*range)->status.conditions[0].message, "Kubernetes default Service CIDR is ready");
  // Somebody deletes it: it comes back.
  ASSERT_TRUE(remove<ServiceCIDR>("", "kubernetes").ok());
  bool back = false;
  for (int i = 0; i < 100 && !back; ++i) back = get<ServiceCIDR>("", "kubernetes").ok();
  EXPECT_TRUE(back);
}

TEST_F(Kinds, EachAddressIsAnObjectAsLongAsItsService) {
  auto own = get<IPAddress>("", "10.96.0.1");
  ASSERT_TRUE(own.ok());
  EXPECT_EQ((*own)->spec.parentRef->name, "kubernetes");
  auto made = create(service("s"));
  ASSERT_TRUE(made.ok());
  const auto ip = (*made)->spec.clusterIP;
  auto address = get<IPAddress>("", ip);
  ASSERT_TRUE(address.ok());
  EXPECT_EQ((*address)->metadata.labels.at("ipaddress.kubernetes.io/ip-family"), "IPv4");
  EXPECT_EQ((*address)->spec.parentRef->resource, "services");
  EXPECT_EQ((*address)->spec.parentRef->namespace_, "default");
  EXPECT_EQ(countAddresses(), 2U);
  // A name that is there already takes nothing.
  EXPECT_FALSE(create(service("s")).ok());
  EXPECT_EQ(countAddresses(), 2U);
  ASSERT_TRUE(remove<Service>("default", "s").ok());
  EXPECT_EQ(countAddresses(), 1U);
  EXPECT_TRUE(create(service("t", ip)).ok());
}

TEST_F(Kinds, AddedRangesAreUsed) {
  EXPECT_EQ(create(service("s", "10.111.0.5")).status().message(),
            "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"10.111.0.5\"]: failed to "
            "allocate IP 10.111.0.5: the provided network does not match the current range");
  ServiceCIDR more;
  more.metadata.name = "more";
  more.spec.cidrs = {"10.111.0.0/24"};
  ASSERT_TRUE(create(more).ok());
  EXPECT_TRUE(create(service("s", "10.111.0.5")).ok());
}

TEST_F(Kinds, ARestartMendsWhatACrashLeft) {
  auto made = create(service("s"));
  ASSERT_TRUE(made.ok());
  IPAddress orphan = **get<IPAddress>("", (*made)->spec.clusterIP);
  ASSERT_TRUE(remove<IPAddress>("", orphan.metadata.name).ok());
  orphan.metadata = {};
  orphan.metadata.name = "10.96.3.3";
  orphan.metadata.labels["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  orphan.spec.parentRef->name = "never";
  ASSERT_TRUE(create(orphan).ok());
  orphan.metadata.name = "10.96.3.4";
  orphan.metadata.labels.clear();
  ASSERT_TRUE(create(orphan).ok());
  end();
  begin();
  EXPECT_TRUE(get<IPAddress>("", (*made)->spec.clusterIP).ok());
  EXPECT_TRUE(isNotFound(get<IPAddress>("", "10.96.3.3").status()));
  EXPECT_TRUE(get<IPAddress>("", "10.96.3.4").ok());
}

TEST_F(Kinds, AutoscalersAreSeenInBothVersions) {
  using V1 = api::autoscaling::v1::HorizontalPodAutoscaler;
  using V2 = api::autoscaling::v2::HorizontalPodAutoscaler;
  V2 object;
  object.metadata.name = "h";
  object.metadata.namespace_ = "default";
  object.spec.maxReplicas = 5;
  object.spec.scaleTargetRef.kind = "Deployment";
  object.spec.scaleTargetRef.name = "d";
  object.spec.scaleTargetRef.apiVersion = "apps/v1";
  object.spec.behavior.emplace();
  ASSERT_TRUE(create(object).ok());
  auto old = get<V1>("default", "h");
  ASSERT_TRUE(old.ok());
  EXPECT_EQ((*old)->spec.targetCPUUtilizationPercentage, 80);
  auto patched =
      run(admin_->patch(client::resourceOf<V1>(), "default", "h", "", client::PatchType::Merge,
                        R"({"spec":{"targetCPUUtilizationPercentage":30}})", {}));
  ASSERT_TRUE(patched.ok()) << patched.status().toString();
  auto now = get<V2>("default", "h");
  ASSERT_TRUE(now.ok());
  EXPECT_EQ((*now)->spec.metrics[0].resource->target.averageUtilization, 30);
  EXPECT_TRUE((*now)->spec.behavior);
  EXPECT_TRUE((*now)->metadata.annotations.empty());
}

}  // namespace
}  // namespace coxswain::apiserver
