#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "base/result.h"
#include "runtime/one_shot.h"
#include "runtime/reactor.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain {
namespace {

using sim::SimExecutor;

Task<int> addOne(Task<int> inner) {
  int value = co_await std::move(inner);
  co_return value + 1;
}
Task<int> one() {
  co_return 1;
}

Task<void> store(Task<int> task, int& out) {
  out = co_await std::move(task);
}

TEST(Task, ChainsAndIsLazy) {
  SimExecutor executor;
  int out = 0;
  spawn(executor, store(addOne(addOne(one())), out));
  EXPECT_EQ(out, 0);
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_EQ(out, 3);
}

Task<void> sleeper(Duration duration, std::stop_token stop, Status& out) {
  out = co_await sleepFor(duration, stop);
}

TEST(Sleep, VirtualTimeJumps) {
  SimExecutor executor;
  Status status = badRequest("unset");
  spawn(executor, sleeper(24h, {}, status));
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(executor.now().time_since_epoch(), 24h);
}

TEST(Sleep, StopEndsIt) {
  SimExecutor executor;
  std::stop_source stop;
  Status status;
  spawn(executor, sleeper(24h, stop.get_token(), status));
  executor.runFor(1s);
  stop.request_stop();
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_TRUE(isCanceled(status));
  EXPECT_LT(executor.now().time_since_epoch(), 1min);
}

Task<void> withDeadline(std::stop_token stop, bool& expired, Status& status) {
  Deadline deadline(5s, stop);
  status = co_await sleepFor(1h, deadline.token());
  expired = deadline.expired();
}

TEST(Deadline, ExpiresOrForwards) {
  SimExecutor executor;
  bool expired = false;
  Status status;
  spawn(executor, withDeadline({}, expired, status));
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_TRUE(expired);
  EXPECT_TRUE(isCanceled(status));

  std::stop_source stop;
  spawn(executor, withDeadline(stop.get_token(), expired, status));
  executor.runFor(1s);
  stop.request_stop();
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_FALSE(expired);
  EXPECT_TRUE(isCanceled(status));
}

Task<void> produce(Channel<int>& channel, int count) {
  for (int i = 0; i < count; ++i) {
    Status pushed = co_await channel.push(i);
    if (!pushed.ok()) co_return;
  }
  channel.close();
}

Task<void> consume(Channel<int>& channel, std::vector<int>& out) {
  while (true) {
    std::optional<int> item = co_await channel.pop();
    if (!item) co_return;
    out.push_back(*item);
  }
}

TEST(Channel, BoundedInOrderUnderEverySchedule) {
  for (uint64_t seed = 1; seed < 50; ++seed) {
    SimExecutor executor(seed);
    Channel<int> channel(2);
    std::vector<int> out;
    spawn(executor, consume(channel, out));
    spawn(executor, produce(channel, 20));
    ASSERT_TRUE(executor.runUntilIdle());
    ASSERT_EQ(out.size(), 20u) << "seed " << seed;
    for (int i = 0; i < 20; ++i) ASSERT_EQ(out[i], i) << "seed " << seed;
  }
}

Task<void> work(Gate::Pass pass, Duration time, int& done) {
  Status slept = co_await sleepFor(time);
  if (slept.ok()) ++done;
}
Task<void> closeGate(Gate& gate, int& done, int& doneAtClose) {
  co_await gate.close();
  doneAtClose = done;
}

TEST(Gate, CloseWaitsForAll) {
  SimExecutor executor;
  Gate gate;
  int done = 0;
  int doneAtClose = -1;
  for (auto time : {1s, 3s, 2s}) spawn(executor, work(gate.enter(), time, done));
  spawn(executor, closeGate(gate, done, doneAtClose));
  EXPECT_TRUE(executor.runUntilIdle());
  EXPECT_EQ(doneAtClose, 3);
  EXPECT_FALSE(gate.enter());
}

Task<std::optional<int>> waitFor(OneShot<int> shot, std::stop_token stop) {
  co_return co_await shot.wait(stop);
}

TEST(OneShot, CrossesThreads) {
  for (int i = 0; i < 100; ++i) {
    Reactor reactor;
    OneShot<int> shot;
    std::thread other([shot]() mutable { shot.set(7); });
    auto value = blockOn(reactor, waitFor(shot, {}));
    other.join();
    ASSERT_EQ(value, 7);
  }
}

TEST(OneShot, StopRacesWithSet) {
  for (int i = 0; i < 200; ++i) {
    Reactor reactor;
    OneShot<int> shot;
    std::stop_source stop;
    std::thread other([&stop] { stop.request_stop(); });
    std::thread setter([shot]() mutable { shot.set(1); });
    auto value = blockOn(reactor, waitFor(shot, stop.get_token()));
    other.join();
    setter.join();
    if (value) {
      ASSERT_EQ(*value, 1);
    }
  }
}

Task<Status> readable(Reactor::Descriptor& descriptor, std::stop_token stop) {
  co_return co_await descriptor.waitReadable(stop);
}

TEST(Reactor, WatchesDescriptors) {
  Reactor reactor;
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  auto descriptor = Reactor::Descriptor::create(reactor, fds[0]);
  ASSERT_TRUE(descriptor.ok());
  ASSERT_EQ(::write(fds[1], "x", 1), 1);
  EXPECT_TRUE(blockOn(reactor, readable(**descriptor, {})).ok());
  ::close(fds[1]);
}

/// Timers at random times, a third of them canceled: the others run, in order.
Task<std::vector<int>> runTimers(Reactor& reactor, std::vector<int>& expected) {
  SeededRandom random(3);
  std::vector<int> ran;
  std::multimap<int, int> wanted;
  Event done;
  const auto start = reactor.now() + 5ms;
  for (int i = 0; i < 500; ++i) {
    const auto after = static_cast<int>(random.below(20));
    const auto id = reactor.schedule(start + after * 1ms, [&ran, i] { ran.push_back(i); });
    if (i % 3 == 0) {
      EXPECT_TRUE(reactor.cancel(id));
      EXPECT_FALSE(reactor.cancel(id));
    } else {
      wanted.emplace(after, i);
    }
  }
  reactor.schedule(start + 20ms, [&done] { done.set(); });
  for (auto [after, i] : wanted) expected.push_back(i);
  Status waited = co_await done.wait();
  co_return ran;
}

TEST(Reactor, TimersRunInOrder) {
  Reactor reactor;
  std::vector<int> expected;
  EXPECT_EQ(blockOn(reactor, runTimers(reactor, expected)), expected);
}

/// Cancels its timer when it goes, as a watch does.
struct TimerOwner {
  explicit TimerOwner(Reactor& r) : reactor(r), timer(r.schedule(r.now() + 1h, [] {})) {}
  ~TimerOwner() {
    reactor.cancel(timer);
    reactor.schedule(reactor.now() - 1s, [] {});
  }
  Reactor& reactor;
  Executor::TimerId timer;
};

TEST(Reactor, WhatItStillHoldsMayCancelTimersAtItsEnd) {
  auto reactor = std::make_unique<Reactor>();
  for (int i = 0; i < 40; ++i) {
    auto owner = std::make_shared<TimerOwner>(*reactor);
    reactor->post([owner] {});
    auto other = std::make_shared<TimerOwner>(*reactor);
    reactor->schedule(reactor->now() + 1h, [other] {});
  }
  EXPECT_NO_FATAL_FAILURE(reactor.reset());
}

TEST(Random, SeedsRepeatAndBoundsHold) {
  SeededRandom a(5);
  SeededRandom b(5);
  for (int i = 0; i < 100; ++i) {
    auto value = a.below(7);
    EXPECT_LT(value, 7u);
    EXPECT_EQ(value, b.below(7));
  }
  SystemRandom system;
  EXPECT_NE(system.next(), system.next());
}

}  // namespace
}  // namespace coxswain
