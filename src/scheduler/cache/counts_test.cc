#include "scheduler/cache/counts.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "runtime/random.h"
#include "scheduler/cache/topology.h"

namespace coxswain::scheduler {
namespace {

void expectSame(const Counts& counts, const std::map<uint32_t, int32_t>& expected, uint32_t end) {
  for (uint32_t i = 0; i < end; ++i) {
    const auto at = expected.find(i);
    ASSERT_EQ(counts.at(i), at == expected.end() ? 0 : at->second) << i;
  }
  std::map<uint32_t, int32_t> visited;
  counts.forEach(
      [&](uint32_t index, int32_t value) { EXPECT_TRUE(visited.emplace(index, value).second); });
  ASSERT_EQ(visited, expected);
}

TEST(Counts, AddsAsAMapDoes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    const auto end = static_cast<uint32_t>(1 + random.below(300));
    Counts counts;
    std::map<uint32_t, int32_t> expected;
    // First mostly more, then mostly less: through all forms and back.
    for (int step = 0; step < 600; ++step) {
      const auto index = static_cast<uint32_t>(random.below(end));
      const bool more = random.below(10) < (step < 300 ? 8U : 1U);
      int32_t by = more ? 1 : -expected[index];
      if (random.below(20) == 0) by = -3;
      counts.add(index, by);
      if ((expected[index] += by) == 0) expected.erase(index);
    }
    expectSame(counts, expected, end + 10);
    if (::testing::Test::HasFailure()) return;
    counts.clear();
    expectSame(counts, {}, end);
  }
}

TEST(Counts, FewCostLittleWhereverTheyAre) {
  Counts counts;
  for (uint32_t i = 0; i < 3; ++i) counts.add(100000 * (i + 1), 1);
  EXPECT_LE(counts.bytes(), 64U);
  for (uint32_t i = 0; i < 3; ++i) counts.add(100000 * (i + 1), -1);
  EXPECT_LE(counts.bytes(), 64U);
  Counts many;
  for (uint32_t i = 0; i < 5000; ++i) many.add(i, 1);
  EXPECT_LE(many.bytes(), 2 * 5000 * sizeof(int32_t));
  for (uint32_t i = 0; i < 4999; ++i) many.add(i, -1);
  EXPECT_LE(many.bytes(), 8192U);
  EXPECT_EQ(many.at(4999), 1);
}

TEST(NodeCounts, OfOnePodAreSmallByHostnameToo) {
  auto key = std::make_shared<TopologyKey>("kubernetes.io/hostname");
  for (uint32_t slot = 0; slot < 5000; ++slot) {
    const api::Map<std::string> labels{{"kubernetes.io/hostname", "n" + std::to_string(slot)}};
    key->setNode(slot, &labels);
  }
  NodeCounts counts;
  counts.add(4711, 1);
  EXPECT_EQ(counts.by(key).at(key->domainOf(4711)), 1);
  EXPECT_EQ(counts.by(key).at(key->domainOf(4712)), 0);
  EXPECT_EQ(counts.by(key).total, 1);
  EXPECT_LE(counts.bytes(), 256U);
}

}  // namespace
}  // namespace coxswain::scheduler
