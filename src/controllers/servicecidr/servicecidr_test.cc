#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/servicecidr/controller.h"

namespace coxswain::controllers::servicecidr {
namespace {

using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;
using testing::Harness;

ServiceCIDR makeRange(const std::string& name, std::vector<std::string> cidrs) {
  ServiceCIDR range;
  range.metadata.name = name;
  range.spec.cidrs = std::move(cidrs);
  return range;
}

IPAddress makeAddress(const std::string& ip) {
  IPAddress address;
  address.metadata.name = ip;
  address.metadata.labels["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  return address;
}

TEST(ServiceCidr, WhatIsDispensable) {
  auto shared = [](auto value) {
    return std::make_shared<const decltype(value)>(std::move(value));
  };
  const auto a = shared(makeRange("a", {"10.0.0.0/24", "fd00::/64"}));
  const auto wide = shared(makeRange("wide", {"10.0.0.0/16"}));
  auto goingRange = makeRange("going", {"10.0.0.0/8"});
  goingRange.metadata.deletionTimestamp = api::Time::fromUnix(1);
  const auto going = shared(std::move(goingRange));
  const auto v4 = shared(makeAddress("10.0.0.7"));
  const auto v6 = shared(makeAddress("fd00::7"));
  auto mine = makeAddress("fd00::8");
  mine.metadata.labels.clear();
  const auto foreign = shared(std::move(mine));
  struct Row {
    const char* name;
    bool wanted;
    std::vector<std::shared_ptr<const ServiceCIDR>> ranges;
    std::vector<std::shared_ptr<const IPAddress>> addresses;
  };
  const Row rows[] = {
      {"unused", true, {a}, {}},
      {"used", false, {a}, {v4}},
      {"covered by another", true, {a, wide}, {v4}},
      {"not in the other family", false, {a, wide}, {v4, v6}},
      {"the other one goes, too", false, {a, going}, {v4}},
      {"not the allocator's", true, {a}, {foreign}},
      {"elsewhere", true, {a}, {shared(makeAddress("10.1.0.1"))}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(isDispensable(*a, row.ranges, row.addresses), row.wanted) << row.name;
  }
}

TEST(ServiceCidr, StaysWhileUsed) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<ServiceCidrController>();
    h.start();
    h.client.put(makeRange("r", {"10.0.0.0/24"}));
    auto status = [&h]() -> std::string {
      auto range = h.client.peek<ServiceCIDR>("", "r");
      if (!range || range->status.conditions.empty()) return "";
      return range->status.conditions[0].status + range->status.conditions[0].reason;
    };
    ASSERT_TRUE(h.until([&] { return status() == "True"; })) << seed;
    EXPECT_EQ(h.client.peek<ServiceCIDR>("", "r")->metadata.finalizers,
              std::vector<std::string>{"networking.k8s.io/service-cidr-finalizer"});
    h.client.put(makeAddress("10.0.0.9"));
    (void)h.client.erase<ServiceCIDR>("", "r");
    ASSERT_TRUE(h.until([&] { return status() == "FalseTerminating"; })) << seed;
    h.run(1min);
    ASSERT_TRUE(h.client.peek<ServiceCIDR>("", "r"));
    (void)h.client.erase<IPAddress>("", "10.0.0.9");
    ASSERT_TRUE(h.until([&] { return !h.client.peek<ServiceCIDR>("", "r"); })) << seed;
  }
}

}  // namespace
}  // namespace coxswain::controllers::servicecidr
