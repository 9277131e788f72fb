#include <gtest/gtest.h>

#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/nodeipam/controller.h"

namespace coxswain::controllers::nodeipam {
namespace {

using api::core::v1::Node;
using testing::Harness;

TEST(CidrSetTest, GivesEachOnce) {
  auto set = CidrSet::create("10.244.0.0/22", 24);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->size(), 4u);
  EXPECT_TRUE(set->occupy("10.244.1.0/24"));
  EXPECT_FALSE(set->occupy("10.245.0.0/24"));
  EXPECT_FALSE(set->occupy("fd00::/64"));
  EXPECT_FALSE(set->occupy("nonsense"));
  EXPECT_EQ(set->take(), "10.244.0.0/24");
  EXPECT_EQ(set->take(), "10.244.2.0/24");
  EXPECT_EQ(set->take(), "10.244.3.0/24");
  EXPECT_EQ(set->take(), std::nullopt);
  set->release("10.244.1.0/24");
  EXPECT_EQ(set->take(), "10.244.1.0/24");
  set->release("10.244.0.0/16");
  EXPECT_EQ(set->taken(), 0u);
  EXPECT_TRUE(set->occupy("10.0.0.0/8"));
  EXPECT_EQ(set->take(), std::nullopt);

  auto six = CidrSet::create("fd00:10:244::/56", 64);
  ASSERT_TRUE(six.ok());
  EXPECT_EQ(six->take(), "fd00:10:244::/64");
  EXPECT_EQ(six->take(), "fd00:10:244:1::/64");

  for (const auto& [cidr, mask] : std::vector<std::pair<const char*, int>>{{"10.0.0.0", 24},
                                                                           {"10.0.0.0/16", 8},
                                                                           {"10.0.0.0/16", 33},
                                                                           {"x/3", 24},
                                                                           {"fd00::/16", 64},
                                                                           {"10.0.0.0/-1", 24},
                                                                           {"", 24}}) {
    EXPECT_FALSE(CidrSet::create(cidr, mask).ok()) << cidr;
  }
}

TEST(NodeIpam, EachNodeHasItsOwn) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    NodeIpamController::Options options;
    options.clusterCidrs = {"10.244.0.0/20", "fd00:10::/60"};
    Node old;
    old.metadata.name = "old";
    old.spec.podCIDR = "10.244.0.0/24";
    old.spec.podCIDRs = {"10.244.0.0/24", "fd00:10::/64"};
    h.client.put(old);
    auto sets = NodeIpamController::makeSets(options);
    ASSERT_TRUE(sets.ok());
    h.add<NodeIpamController>(*sets);
    h.start();
    for (int i = 0; i < 15; ++i) {
      Node node;
      node.metadata.name = "n" + std::to_string(i);
      h.client.put(node);
    }
    auto all = [&h] {
      std::set<std::string> cidrs;
      for (const auto& node : h.client.peekAll<Node>()) {
        for (const auto& cidr : node->spec.podCIDRs) cidrs.insert(cidr);
      }
      return cidrs;
    };
    ASSERT_TRUE(h.until([&] { return all().size() == 32; }, 1h)) << seed;
    EXPECT_EQ(h.client.peek<Node>("", "n0")->spec.podCIDR,
              h.client.peek<Node>("", "n0")->spec.podCIDRs.at(0));
    // All are taken until a node goes.
    Node late;
    late.metadata.name = "late";
    h.client.put(late);
    ASSERT_TRUE(h.until([&] { return h.hasEvent("CIDRNotAvailable"); }));
    EXPECT_TRUE(h.client.peek<Node>("", "late")->spec.podCIDR.empty());
    (void)h.client.erase<Node>("", "old");
    ASSERT_TRUE(h.until([&] {
      return h.client.peek<Node>("", "late")->spec.podCIDR == "10.244.0.0/24";
    })) << seed;
  }
}

TEST(NodeIpam, RefusesNonsense) {
  NodeIpamController::Options options;
  EXPECT_FALSE(NodeIpamController::makeSets(options).ok());
  options.clusterCidrs = {"10.0.0.0/16", "10.1.0.0/16"};
  EXPECT_FALSE(NodeIpamController::makeSets(options).ok());
}

}  // namespace
}  // namespace coxswain::controllers::nodeipam
