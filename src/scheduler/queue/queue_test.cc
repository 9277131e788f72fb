#include "scheduler/queue/queue.h"

#include <gtest/gtest.h>

#include "scheduler/plugins/plugins.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;
using Place = QueuedPod::Place;

class QueueTest : public ::testing::Test {
 protected:
  std::string pop() {
    QueuedPod* pod = queue.pop(now);
    return pod ? pod->pod->pod->metadata.name : "";
  }
  /// Bits of a plugin by name.
  uint32_t bit(std::string_view name) {
    for (uint32_t i = 0; i < kPluginsMax; ++i) {
      const auto names = framework.names(1U << i);
      if (!names.empty() && names.front() == name) return 1U << i;
    }
    ADD_FAILURE() << name;
    return 0;
  }
  ClusterEvent added(const api::core::v1::Node& node) {
    ClusterEvent event;
    event.events = kNodeAdd;
    event.newNode = &node;
    return event;
  }

  Framework framework{plugins::defaultPlugins(nullptr)};
  MonotonicTime now{};
  Queue queue{framework, {.popFromBackoff = false}};
};

TEST_F(QueueTest, PriorityThenTime) {
  queue.set(PodBuilder("first").info(), now);
  now += 1s;
  queue.set(PodBuilder("second").info(), now);
  queue.set(PodBuilder("high").priority(10).info(), now);
  EXPECT_EQ(pop(), "high");
  EXPECT_EQ(pop(), "first");
  EXPECT_EQ(pop(), "second");
  EXPECT_EQ(pop(), "");
}

TEST_F(QueueTest, BackoffDoublesToTenSeconds) {
  queue.set(PodBuilder("p").info(), now);
  for (const int seconds : {1, 2, 4, 8, 10, 10}) {
    SCOPED_TRACE(seconds);
    ASSERT_EQ(pop(), "p");
    queue.retry("default/p", now);
    EXPECT_EQ(queue.nextDue(), now + std::chrono::seconds(seconds));
    now += std::chrono::seconds(seconds) - 1ms;
    EXPECT_EQ(pop(), "");
    now += 1ms;
  }
}

TEST_F(QueueTest, HeldPodsWaitForTheirRelease) {
  queue.set(PodBuilder("p").cpu("1").info(), now);
  const auto node = NodeBuilder("n");
  const auto parked = [&] { return queue.size(Place::Unschedulable) == 1; };
  const auto attempt = [&] {
    ASSERT_EQ(pop(), "p");
    queue.park("default/p", bit("NodeResourcesFit"), now);
    queue.hold("default/p");
    now += 20s;
  };
  attempt();
  queue.onEvent(added(node.node), now);
  EXPECT_TRUE(parked());  // not while room is made for it
  queue.release("default/p", false, now);
  attempt();  // what happened meanwhile was not forgotten
  queue.release("default/p", false, now);
  EXPECT_TRUE(parked());  // nothing happened
  queue.wakeUp("default/p", now);
  attempt();
  queue.release("default/p", true, now);
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, EventsWakeByHint) {
  queue.set(PodBuilder("p").cpu("8").info(), now);
  ASSERT_EQ(pop(), "p");
  queue.park("default/p", bit("NodeResourcesFit"), now);
  now += 20s;
  const auto small = NodeBuilder("s");
  queue.onEvent(added(small.node), now);
  EXPECT_EQ(pop(), "");  // it would not fit there either
  ClusterEvent labels;
  labels.events = kNodeLabel;
  const auto big = NodeBuilder("b").have("cpu", "16");
  labels.newNode = &big.node;
  queue.onEvent(labels, now);
  EXPECT_EQ(pop(), "");  // not an event of this plugin
  queue.onEvent(added(big.node), now);
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, EventBeforeBackoffEnds) {
  queue.set(PodBuilder("p").info(), now);
  ASSERT_EQ(pop(), "p");
  queue.park("default/p", bit("NodeName"), now);
  const auto node = NodeBuilder("n");
  queue.onEvent(added(node.node), now);
  EXPECT_EQ(queue.size(Place::Backoff), 1u);
  EXPECT_EQ(pop(), "");
  now += 1s;
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, UnschedulableForFiveMinutesIsTriedAgain) {
  queue.set(PodBuilder("p").info(), now);
  ASSERT_EQ(pop(), "p");
  queue.park("default/p", bit("NodeName"), now);
  EXPECT_EQ(queue.nextDue(), now + 5min);
  now += 5min - 1s;
  EXPECT_EQ(pop(), "");
  now += 1s;
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, OwnUpdateWakes) {
  queue.set(PodBuilder("p").cpu("8").info(), now);
  ASSERT_EQ(pop(), "p");
  queue.park("default/p", bit("NodeResourcesFit"), now);
  now += 2s;
  auto status = PodBuilder("p").cpu("8");
  status.pod.status.phase = "Pending";
  queue.set(status.info(), now);
  EXPECT_EQ(pop(), "");  // its status only
  queue.set(PodBuilder("p").cpu("1").info(), now);
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, GatesHoldBack) {
  queue.set(PodBuilder("p").gate("x").info(), now);
  EXPECT_EQ(queue.size(Place::Gated), 1u);
  EXPECT_EQ(pop(), "");
  queue.set(PodBuilder("p").info(), now);
  EXPECT_EQ(pop(), "p");
}

TEST_F(QueueTest, RemovedPodsAreGone) {
  queue.set(PodBuilder("a").info(), now);
  queue.set(PodBuilder("b").info(), now);
  queue.remove("default/a");
  EXPECT_EQ(pop(), "b");
  queue.park("default/b", 0, now);
  queue.remove("default/b");
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.nextDue(), std::nullopt);
}

TEST(Queue, IdleSchedulerTakesFromBackoffButNotAfterErrors) {
  Framework framework(plugins::defaultPlugins(nullptr));
  Queue queue(framework);
  const MonotonicTime now{};
  queue.set(PodBuilder("p").info(), now);
  ASSERT_NE(queue.pop(now), nullptr);
  queue.park("default/p", 0, now);
  ClusterEvent event;
  event.events = kNodeAdd;
  queue.onEvent(event, now);
  EXPECT_EQ(queue.size(Place::Backoff), 1u);
  EXPECT_NE(queue.pop(now), nullptr);
  queue.retry("default/p", now);
  EXPECT_EQ(queue.pop(now), nullptr);
}

}  // namespace
}  // namespace coxswain::scheduler
