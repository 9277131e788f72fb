// Kinds that are more than their row: addresses of services, autoscalers in two versions.

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Service;
using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;

class Kinds : public AssemblyTestBase {
 protected:
  void SetUp() override { begin(); }
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
