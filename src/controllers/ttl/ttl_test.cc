#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/ttl/controller.h"

namespace coxswain::controllers::ttl {
namespace {

using api::core::v1::Node;
using testing::Harness;

TEST(TtlBand, LeavesLaterThanItComes) {
  Band band;
  const std::vector<std::pair<size_t, int>> steps = {
      {100, 0},  {101, 15}, {90, 15},    {89, 0},     {501, 30},  {450, 30}, {449, 15},  {1001, 60},
      {900, 60}, {899, 30}, {2001, 300}, {1800, 300}, {1799, 60}, {0, 0},    {5000, 300}};
  for (const auto& [nodes, seconds] : steps) {
    band.follow(nodes);
    EXPECT_EQ(band.seconds(), seconds) << nodes;
  }
}

TEST(Ttl, AnnotatesNodes) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.add<TtlController>();
    h.start();
    auto add = [&h](int i) {
      Node node;
      node.metadata.name = "n" + std::to_string(i);
      h.client.put(node);
    };
    auto all = [&h](const std::string& value) {
      return h.until(
          [&] {
            for (const auto& node : h.client.peekAll<Node>()) {
              const auto* told = node->metadata.annotations.get("node.alpha.kubernetes.io/ttl");
              if (told == nullptr || *told != value) return false;
            }
            return true;
          },
          1h);
    };
    for (int i = 0; i < 100; ++i) add(i);
    ASSERT_TRUE(all("0")) << seed;
    add(100);
    ASSERT_TRUE(all("15")) << seed;
    for (int i = 0; i < 12; ++i) (void)h.client.erase<Node>("", "n" + std::to_string(i));
    ASSERT_TRUE(all("0")) << seed;
    // Somebody else's value does not stay.
    h.client.change<Node>("", "n50", [](Node& node) {
      node.metadata.annotations["node.alpha.kubernetes.io/ttl"] = "x";
    });
    ASSERT_TRUE(all("0")) << seed;
  }
}

}  // namespace
}  // namespace coxswain::controllers::ttl
