#include "metrics_api/usage.h"

#include <gtest/gtest.h>

namespace coxswain::metrics_api {
namespace {

const WallTime kStart = WallTime(Duration(1'700'000'000s));

UsagePoint point(Duration after, double cpuSeconds, uint64_t memory = 1000,
                 WallTime startedAt = kStart - 1h) {
  return {kStart + after, startedAt, static_cast<uint64_t>(cpuSeconds * 1e9), memory};
}

UsageStore::Batch batch(const UsagePoint& node, std::vector<ContainerPoint> containers) {
  UsageStore::Batch out;
  out["n"].node = node;
  if (!containers.empty()) out["n"].pods.push_back({"d", "p", std::move(containers)});
  return out;
}

TEST(Usage, IsTheDifferenceOfTwoReadings) {
  UsageStore store(15s);
  store.store(batch(point(0s, 10), {{"a", point(0s, 1)}}));
  EXPECT_FALSE(store.node("n"));
  EXPECT_FALSE(store.pod("d", "p"));
  store.store(batch(point(10s, 15, 2000), {{"a", point(10s, 3, 3000)}}));
  const auto node = store.node("n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->cpuNanos, 500'000'000);
  EXPECT_EQ(node->memoryBytes, 2000);
  EXPECT_EQ(node->window, Duration(10s));
  EXPECT_EQ(node->when, kStart + 10s);
  const auto pod = store.pod("d", "p");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->containers[0].usage.cpuNanos, 200'000'000);
  EXPECT_EQ(pod->window, Duration(10s));
  EXPECT_FALSE(store.pod("d", "q"));
  store.clear();
  EXPECT_FALSE(store.node("n"));
}

TEST(Usage, ReadingsThatDidNotChangeAreCompared) {
  UsageStore store(15s);
  store.store(batch(point(0s, 10), {}));
  store.store(batch(point(10s, 15), {}));
  store.store(batch(point(10s, 15), {}));
  ASSERT_TRUE(store.node("n"));
  EXPECT_EQ(store.node("n")->window, Duration(10s));
}

TEST(Usage, ResetCountersSayNothing) {
  UsageStore store(15s);
  store.store(batch(point(0s, 10), {}));
  store.store(batch(point(10s, 1), {}));
  EXPECT_FALSE(store.node("n"));
}

TEST(Usage, ARestartedContainerIsAnotherOne) {
  UsageStore store(15s);
  store.store(batch(point(0s, 1), {{"a", point(0s, 1)}}));
  store.store(batch(point(30s, 1), {{"a", point(30s, 5, 1000, kStart + 28s)}}));
  EXPECT_FALSE(store.pod("d", "p"));
  store.store(batch(point(45s, 1), {{"a", point(45s, 20, 1000, kStart + 28s)}}));
  EXPECT_TRUE(store.pod("d", "p"));
}

/// Between ten seconds and one resolution old.
TEST(Usage, FreshContainersAreMeasuredSinceTheirStart) {
  UsageStore store(15s);
  store.store(batch(point(12s, 1), {{"a", point(12s, 6, 1000, kStart)}}));
  const auto pod = store.pod("d", "p");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->containers[0].usage.cpuNanos, 500'000'000);
  EXPECT_EQ(pod->window, Duration(12s));
  UsageStore young(15s);
  young.store(batch(point(9s, 1), {{"a", point(9s, 6, 1000, kStart)}}));
  EXPECT_FALSE(young.pod("d", "p"));
}

TEST(Usage, APodIsWholeOrNotThere) {
  UsageStore store(15s);
  store.store(batch(point(0s, 1), {{"a", point(0s, 1)}}));
  store.store(batch(point(10s, 1), {{"a", point(10s, 2)}, {"b", point(10s, 2)}}));
  EXPECT_FALSE(store.pod("d", "p"));
  store.store(batch(point(20s, 1), {{"a", point(19s, 3)}, {"b", point(20s, 3)}}));
  const auto pod = store.pod("d", "p");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->containers.size(), 2u);
  EXPECT_EQ(pod->when, kStart + 19s);  // the earlier of both
}

TEST(Usage, WhatIsGoneIsForgotten) {
  UsageStore store(15s);
  store.store(batch(point(0s, 1), {{"a", point(0s, 1)}}));
  store.store(batch(point(10s, 1), {{"a", point(10s, 2)}}));
  store.store(batch(point(20s, 1), {}));
  EXPECT_FALSE(store.pod("d", "p"));
}

}  // namespace
}  // namespace coxswain::metrics_api
