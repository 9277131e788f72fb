#include "controllers/podautoscaler/replicas.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::controllers::podautoscaler {
namespace {

using api::core::v1::Pod;

const WallTime kNow = api::Time::fromUnix(1'700'000'000).wall();

/// Has run for an hour, asks for a CPU of 1, and is ready.
Pod makePod(const std::string& name, const char* request = "1") {
  Pod pod;
  pod.metadata.name = name;
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.resources.requests["cpu"] = *api::Quantity::parse(request);
  pod.status.phase = "Running";
  pod.status.startTime = api::Time(kNow - 1h);
  auto& ready = pod.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  ready.lastTransitionTime = api::Time(kNow - 59min);
  return pod;
}

struct Case {
  std::vector<Pod> pods;
  Readings readings;
  Counting counting;

  Case() { counting.now = kNow; }
  Pod& add(int64_t milli) {
    const auto name = "p" + std::to_string(pods.size());
    pods.push_back(makePod(name));
    if (milli >= 0) readings[name] = {milli, kNow, 30s};
    counting.current = static_cast<int32_t>(pods.size());
    return pods.back();
  }
  [[nodiscard]] Pods shared() const {
    Pods out;
    for (const auto& pod : pods) out.push_back(std::make_shared<const Pod>(pod));
    return out;
  }
  [[nodiscard]] Result<Proposal> utilization(int32_t target) const {
    return forUtilization(counting, target, "cpu", "", shared(), readings);
  }
  [[nodiscard]] int32_t replicas(int32_t target) const {
    auto proposal = utilization(target);
    return proposal.ok() ? proposal->replicas : -1;
  }
};

/// Anybody may ask for next to nothing, or for more than there is.
TEST(Replicas, AmountsBeyondAnyNumber) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  Case c;
  for (int i = 0; i < 3; ++i) {
    c.add(40'000'000).spec.containers[0].resources.requests["cpu"] = *api::Quantity::parse("1m");
  }
  EXPECT_EQ(c.replicas(1), kMost);
  Case vast;
  for (int i = 0; i < 3; ++i) {
    vast.add(9e18).spec.containers[0].resources.requests["cpu"] = *api::Quantity::parse("9e15");
  }
  EXPECT_EQ(vast.utilization(50)->utilization, 100);
  EXPECT_EQ(vast.replicas(50), 6);
}

TEST(Replicas, FollowTheRatioOfUseToTarget) {
  Case c;
  for (int64_t milli : {300, 500, 700}) c.add(milli);
  auto up = c.utilization(30);
  ASSERT_TRUE(up.ok());
  EXPECT_EQ(up->replicas, 5);
  EXPECT_EQ(up->utilization, 50);
  EXPECT_EQ(up->averageMilli, 500);
  EXPECT_EQ(c.replicas(100), 2);
  EXPECT_EQ(c.replicas(48), 3);  // within a tenth
  EXPECT_EQ(c.replicas(54), 3);
  c.counting.tolerance.up = 0.01;
  EXPECT_EQ(c.replicas(48), 4);
}

TEST(Replicas, PodsWithoutAReadingMakeChangesSmaller) {
  Case c;
  for (int64_t milli : {900, 900, -1, -1}) c.add(milli);
  // Taken to use nothing: 45 per cent of 50 instead of 90.
  EXPECT_EQ(c.replicas(50), 4);
  EXPECT_EQ(c.replicas(20), 9);
  Case down;
  for (int64_t milli : {100, 100, 100, -1}) down.add(milli);
  // Taken to use all they asked for: (300 + 1000) / 4000 = 32 per cent.
  EXPECT_EQ(down.replicas(50), 3);
}

TEST(Replicas, StartingPodsCountAsUsingNothingOnTheWayUp) {
  Case c;
  for (int64_t milli : {1000, 1000, 1000}) c.add(milli);
  auto& starting = c.pods[2];
  starting.status.startTime = api::Time(kNow - 1min);
  starting.status.conditions[0].status = "False";
  EXPECT_EQ(c.replicas(50), 4);  // ratio (2000 / 3000) / 0.5
  // Long enough since its start, and it was ready once.
  starting.status.startTime = api::Time(kNow - 1h);
  EXPECT_EQ(c.replicas(50), 6);
  // Never ready.
  starting.status.conditions[0].lastTransitionTime = api::Time(kNow - 1h + 10s);
  EXPECT_EQ(c.replicas(50), 4);
}

TEST(Replicas, PodsThatGoDoNotCount) {
  Case c;
  for (int64_t milli : {1000, 1000, 5000, 5000}) c.add(milli);
  c.pods[2].metadata.deletionTimestamp = api::Time(kNow);
  c.pods[3].status.phase = "Failed";
  EXPECT_EQ(c.replicas(50), 4);
}

TEST(Replicas, SayWhatIsMissing) {
  Case none;
  EXPECT_EQ(none.utilization(50).status().message(),
            "no pods returned by selector while calculating replica count");
  Case unread;
  unread.add(-1);
  EXPECT_EQ(unread.utilization(50).status().message(),
            "did not receive metrics for targeted pods (pods might be unready)");
  Case noRequest;
  noRequest.add(100).spec.containers[0].resources.requests.clear();
  EXPECT_EQ(noRequest.utilization(50).status().message(),
            "missing request for cpu in container c of Pod p0");
  Case noContainer;
  noContainer.add(100);
  EXPECT_EQ(forUtilization(noContainer.counting, 50, "cpu", "other", noContainer.shared(),
                           noContainer.readings)
                .status()
                .message(),
            "no metrics returned matched known pods");
}

TEST(Replicas, AveragesNeedNoRequests) {
  Case c;
  for (int64_t milli : {300'000, 500'000, 700'000}) c.add(milli);
  for (auto& pod : c.pods) pod.spec.containers[0].resources.requests.clear();
  auto proposal = forAverage(c.counting, 250'000, "", c.shared(), c.readings);
  ASSERT_TRUE(proposal.ok());
  EXPECT_EQ(proposal->replicas, 6);
  EXPECT_EQ(proposal->averageMilli, 500'000);
}

TEST(Replicas, ValuesOfTheWhole) {
  struct Row {
    const char* name;
    int32_t current;
    int ready;
    int64_t milli;
    int64_t target;
    int32_t wanted;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"up", 3, 3, 60'000, 20'000, 9},
           {"rounds up", 3, 3, 25'000, 20'000, 4},
           {"down", 3, 3, 5'000, 20'000, 1},
           {"within tolerance", 3, 3, 21'000, 20'000, 3},
           {"only those that are ready count", 3, 1, 60'000, 20'000, 3},
           {"nothing ready, nothing wanted", 3, 0, 60'000, 20'000, 0},
           {"from nothing", 0, 0, 60'000, 20'000, 3},
           {"stays at nothing", 0, 0, 0, 20'000, 0},
           {"beyond any number", 3, 3, std::numeric_limits<int64_t>::max(), 1,
            std::numeric_limits<int32_t>::max()},
       }) {
    Case c;
    for (int i = 0; i < row.current; ++i) {
      c.add(0).status.conditions[0].status = i < row.ready ? "True" : "False";
    }
    const auto proposal = forValue(c.counting, row.milli, row.target, c.shared());
    ASSERT_TRUE(proposal.ok()) << row.name;
    EXPECT_EQ(proposal->replicas, row.wanted) << row.name;
    EXPECT_EQ(proposal->averageMilli, row.milli) << row.name;
  }
}

TEST(Replicas, ValueOfTheWholeWithoutPods) {
  Case c;
  c.counting.current = 2;
  EXPECT_EQ(forValue(c.counting, 50, 10, c.shared()).status().message(),
            "unable to calculate ready pods: no pods returned by selector while calculating "
            "replica count");
}

TEST(Replicas, ValuesForEachPod) {
  struct Row {
    const char* name;
    int32_t running;
    int64_t milli;
    int64_t target;
    int32_t wanted;
    int64_t average;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"up", 2, 45'000, 10'000, 5, 22'500},
           {"down", 4, 12'000, 10'000, 2, 3'000},
           {"within tolerance", 2, 21'000, 10'000, 2, 10'500},
           {"averages round up", 3, 10'000, 10'000, 1, 3'334},
           {"from nothing", 0, 25'000, 10'000, 3, 25'000},
           {"stays at nothing", 0, 0, 10'000, 0, 0},
       }) {
    Case c;
    const auto proposal = forValuePerPod(c.counting, row.milli, row.target, row.running);
    EXPECT_EQ(proposal.replicas, row.wanted) << row.name;
    EXPECT_EQ(proposal.averageMilli, row.average) << row.name;
  }
}

/// The CPU of pods that start says little, that of those which have long run much.
TEST(Replicas, ReadinessAndAge) {
  struct Row {
    const char* name;
    Duration age;
    bool ready;
    Duration turnedAgo;
    Duration readAgo;
    int32_t wanted;  ///< of three that use 100 per cent, where 50 is wanted
  };
  for (const auto& row : std::initializer_list<Row>{
           {"ready for long", 1h, true, 59min, 0s, 6},
           {"within initialization, ready", 4min, true, 3min, 0s, 6},
           {"within initialization, read before it was ready", 4min, true, 10s, 5s, 4},
           {"within initialization, not ready", 4min, false, 3min, 0s, 4},
           {"after initialization, was ready once", 10min, false, 5min, 0s, 6},
           {"after initialization, never ready", 10min, false, 10min - 20s, 0s, 4},
           {"after initialization, not ready since half a minute", 10min, false, 10min - 31s, 0s,
            6},
       }) {
    Case c;
    for (int i = 0; i < 3; ++i) c.add(1000);
    auto& pod = c.pods[2];
    pod.status.startTime = api::Time(kNow - row.age);
    pod.status.conditions[0].status = row.ready ? "True" : "False";
    pod.status.conditions[0].lastTransitionTime = api::Time(kNow - row.turnedAgo);
    c.readings["p2"].when = kNow - row.readAgo;
    EXPECT_EQ(c.replicas(50), row.wanted) << row.name;
  }
}

TEST(Replicas, SidecarsAskForMoreAndLevelsOfPodsForAll) {
  Case c;
  c.add(1000);
  auto& sidecar = c.pods[0].spec.initContainers.emplace_back();
  sidecar.name = "s";
  sidecar.restartPolicy = "Always";
  sidecar.resources.requests["cpu"] = *api::Quantity::parse("3");
  EXPECT_EQ(c.utilization(50)->utilization, 25);
  c.pods[0].spec.resources.emplace().requests["cpu"] = *api::Quantity::parse("2");
  EXPECT_EQ(c.utilization(50)->utilization, 50);
}

}  // namespace
}  // namespace coxswain::controllers::podautoscaler
