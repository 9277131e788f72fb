#include "controllers/podautoscaler/scaling.h"

#include <gtest/gtest.h>

namespace coxswain::controllers::podautoscaler {
namespace {

using api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
using api::autoscaling::v2::HPAScalingRules;

const WallTime kStart = WallTime(Duration(1'700'000'000s));

Limits limits(int32_t current, Duration after = {}) {
  Limits out;
  out.current = current;
  out.min = 1;
  out.max = 100;
  out.now = kStart + after;
  return out;
}

TEST(Scaling, UpIsAtMostTwiceOrFour) {
  History history;
  auto out = limit(nullptr, limits(1), 50, history);
  EXPECT_EQ(out.replicas, 4);
  EXPECT_TRUE(out.limited);
  EXPECT_EQ(out.limit.reason, "ScaleUpLimit");
  EXPECT_EQ(out.able.reason, "ReadyForNewScale");
  EXPECT_EQ(limit(nullptr, limits(30), 90, history).replicas, 60);
  auto most = limit(nullptr, limits(90), 120, history);
  EXPECT_EQ(most.replicas, 100);
  EXPECT_EQ(most.limit.reason, "TooManyReplicas");
}

TEST(Scaling, TwiceVeryManyIsNotFew) {
  History history;
  constexpr int32_t kMany = 2'000'000'000;
  auto wide = limits(kMany);
  wide.max = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(limit(nullptr, wide, kMany + 1, history).replicas, kMany + 1);
}

TEST(Scaling, DownWaitsForTheHighestRecentRecommendation) {
  History history;
  EXPECT_EQ(limit(nullptr, limits(10), 8, history).replicas, 8);
  auto out = limit(nullptr, limits(8, 1min), 2, history);
  EXPECT_EQ(out.replicas, 8);
  EXPECT_EQ(out.able.reason, "ScaleDownStabilized");
  EXPECT_FALSE(out.limited);
  EXPECT_EQ(out.limit.reason, "DesiredWithinRange");
  EXPECT_EQ(limit(nullptr, limits(8, 5min), 2, history).replicas, 2);
  auto least = limit(nullptr, limits(8, 20min), 0, history);
  EXPECT_EQ(least.replicas, 1);
  EXPECT_EQ(least.limit.reason, "TooFewReplicas");
  EXPECT_EQ(history.recommendations.size(), 1u);  // the others are too old
}

HPAScalingRules rules(std::optional<int32_t> window, const char* select,
                      std::vector<std::tuple<const char*, int, int>> policies) {
  HPAScalingRules out;
  out.stabilizationWindowSeconds = window;
  if (select) out.selectPolicy = select;
  for (const auto& [type, value, period] : policies) {
    auto& policy = out.policies.emplace_back();
    policy.type = type;
    policy.value = value;
    policy.periodSeconds = period;
  }
  return out;
}

TEST(Scaling, RatesCountWhatWasDoneInTheirPeriod) {
  HorizontalPodAutoscalerBehavior behavior;
  behavior.scaleUp = rules(0, "Max", {{"Pods", 4, 60}, {"Percent", 10, 60}});
  behavior.scaleDown = rules(0, "Min", {{"Pods", 5, 60}, {"Percent", 50, 60}});
  History history;
  auto up = limit(&behavior, limits(10), 50, history);
  EXPECT_EQ(up.replicas, 14);
  EXPECT_EQ(up.limit.reason, "ScaleUpLimit");
  remember(&behavior, 10, 14, kStart, history);
  EXPECT_EQ(limit(&behavior, limits(14, 30s), 50, history).replicas, 14);
  EXPECT_EQ(limit(&behavior, limits(14, 60s), 50, history).replicas, 18);
  auto down = limit(&behavior, limits(30, 2min), 1, history);
  EXPECT_EQ(down.replicas, 25);  // the smaller change of the two
  EXPECT_EQ(down.limit.reason, "ScaleDownLimit");
  remember(&behavior, 30, 25, kStart + 2min, history);
  EXPECT_EQ(limit(&behavior, limits(25, 150s), 1, history).replicas, 25);
}

TEST(Scaling, DisabledDirectionsStay) {
  HorizontalPodAutoscalerBehavior behavior;
  behavior.scaleUp = rules(0, nullptr, {});
  behavior.scaleDown = rules(0, "Disabled", {{"Percent", 100, 15}});
  History history;
  EXPECT_EQ(limit(&behavior, limits(10), 1, history).replicas, 10);
  EXPECT_EQ(limit(&behavior, limits(10), 70, history).replicas, 70);
}

TEST(Scaling, WindowsHoldBothWays) {
  HorizontalPodAutoscalerBehavior behavior;
  behavior.scaleUp = rules(60, nullptr, {});
  behavior.scaleDown = rules(120, nullptr, {{"Percent", 100, 15}});
  History history;
  EXPECT_EQ(limit(&behavior, limits(10), 10, history).replicas, 10);
  auto up = limit(&behavior, limits(10, 30s), 20, history);
  EXPECT_EQ(up.replicas, 10);
  EXPECT_EQ(up.able.reason, "ScaleUpStabilized");
  EXPECT_EQ(limit(&behavior, limits(10, 60s), 25, history).replicas, 20);  // the lower of two
  auto down = limit(&behavior, limits(20, 100s), 5, history);
  EXPECT_EQ(down.replicas, 20);
  EXPECT_EQ(down.able.reason, "ScaleDownStabilized");
  EXPECT_EQ(limit(&behavior, limits(20, 200s), 5, history).replicas, 5);
}

/// One policy of each kind, by how policies are chosen.
TEST(Scaling, PoliciesAsTheyAreSelected) {
  struct Row {
    const char* name;
    const char* select;
    std::vector<std::tuple<const char*, int, int>> policies;
    int32_t current;
    int32_t recommended;
    int32_t wanted;
    const char* reason;
  };
  const std::vector<Row> rows = {
      {"up, the larger",
       "Max",
       {{"Pods", 4, 60}, {"Percent", 100, 60}},
       10,
       99,
       20,
       "ScaleUpLimit"},
      {"up, the smaller",
       "Min",
       {{"Pods", 4, 60}, {"Percent", 100, 60}},
       10,
       99,
       14,
       "ScaleUpLimit"},
      {"up, the larger unless said otherwise",
       nullptr,
       {{"Pods", 30, 60}, {"Percent", 10, 60}},
       10,
       99,
       40,
       "ScaleUpLimit"},
      {"up, parts of pods round up", "Max", {{"Percent", 10, 60}}, 1, 99, 2, "ScaleUpLimit"},
      {"up, to the most", "Max", {{"Percent", 900, 60}}, 50, 200, 100, "TooManyReplicas"},
      {"up, within", "Max", {{"Percent", 900, 60}}, 50, 60, 60, "DesiredWithinRange"},
      {"up, disabled", "Disabled", {{"Percent", 900, 60}}, 50, 60, 50, "ScaleUpLimit"},
      {"down, the larger change",
       "Max",
       {{"Pods", 4, 60}, {"Percent", 50, 60}},
       20,
       1,
       10,
       "ScaleDownLimit"},
      {"down, the smaller change",
       "Min",
       {{"Pods", 4, 60}, {"Percent", 50, 60}},
       20,
       1,
       16,
       "ScaleDownLimit"},
      {"down, parts of pods are cut off", "Max", {{"Percent", 15, 60}}, 5, 1, 4, "ScaleDownLimit"},
      {"down, to the least", "Max", {{"Percent", 100, 60}}, 20, 0, 1, "TooFewReplicas"},
      {"down, disabled", "Disabled", {{"Percent", 100, 60}}, 20, 1, 20, "ScaleDownLimit"},
      {"no change", "Max", {{"Percent", 100, 60}}, 20, 20, 20, "DesiredWithinRange"},
  };
  for (const auto& row : rows) {
    HorizontalPodAutoscalerBehavior behavior;
    behavior.scaleUp = rules(0, row.select, row.policies);
    behavior.scaleDown = rules(0, row.select, row.policies);
    History history;
    const auto out = limit(&behavior, limits(row.current), row.recommended, history);
    EXPECT_EQ(out.replicas, row.wanted) << row.name;
    EXPECT_EQ(out.limit.reason, row.reason) << row.name;
    EXPECT_EQ(out.limited, row.wanted != row.recommended) << row.name;
  }
}

/// What went down in a policy's period may come up again, and the other way round.
TEST(Scaling, BothDirectionsCount) {
  HorizontalPodAutoscalerBehavior behavior;
  behavior.scaleUp = rules(0, "Max", {{"Pods", 4, 60}});
  behavior.scaleDown = rules(0, "Max", {{"Pods", 4, 60}});
  History history;
  remember(&behavior, 10, 6, kStart, history);
  EXPECT_EQ(limit(&behavior, limits(6, 10s), 50, history).replicas, 14);
  remember(&behavior, 6, 14, kStart + 10s, history);
  EXPECT_EQ(limit(&behavior, limits(14, 20s), 1, history).replicas, 6);
}

}  // namespace
}  // namespace coxswain::controllers::podautoscaler
