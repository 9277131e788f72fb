#include "client/sorted_pointers.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "runtime/random.h"

namespace coxswain::client {
namespace {

struct ByValue {
  bool operator()(const int* a, const int* b) const { return *a < *b; }
};
using Pointers = SortedPointers<int, ByValue>;

std::vector<int> valuesOf(const Pointers& pointers) {
  std::vector<int> all;
  pointers.forEach([&all](int value) { all.push_back(value); });
  return all;
}

/// As std::set does, whatever comes and goes.
TEST(SortedPointers, LikeASet) {
  constexpr int kMost = 4000;
  std::vector<int> values(kMost);
  for (int i = 0; i < kMost; ++i) values[static_cast<size_t>(i)] = i;
  for (const uint64_t seed : {1, 2, 3}) {
    SeededRandom random(seed);
    Pointers pointers;
    std::set<int> model;
    // Grows, then shrinks to nothing.
    for (int step = 0; step < 20'000; ++step) {
      const auto which = static_cast<size_t>(random.next() % kMost);
      const bool add = random.next() % 100 < (step < 10'000 ? 70U : 20U);
      if (add) {
        EXPECT_EQ(pointers.insert(&values[which]), model.insert(values[which]).second);
      } else {
        pointers.erase(&values[which]);
        model.erase(values[which]);
      }
      ASSERT_EQ(pointers.size(), model.size());
      if (step % 997 == 0) {
        ASSERT_EQ(valuesOf(pointers), std::vector<int>(model.begin(), model.end()));
      }
    }
    for (const int& value : values) pointers.erase(&value);
    EXPECT_TRUE(pointers.empty());
    EXPECT_TRUE(valuesOf(pointers).empty());
  }
}

TEST(SortedPointers, UpwardsAndDownwards) {
  std::vector<int> values(2000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
  Pointers up;
  Pointers down;
  for (size_t i = 0; i < values.size(); ++i) {
    up.insert(&values[i]);
    down.insert(&values[values.size() - 1 - i]);
  }
  EXPECT_EQ(valuesOf(up), values);
  EXPECT_EQ(valuesOf(down), values);
  EXPECT_FALSE(up.insert(&values[700]));
}

}  // namespace
}  // namespace coxswain::client
