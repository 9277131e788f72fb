#include "client/leader_election.h"

#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::client {
namespace {

using api::coordination::v1::Lease;
using sim::SimExecutor;
using testing::FakeClient;

/// A candidate that starts again whenever it lost, as a restarted process would.
struct Candidate {
  Candidate(Client& client, uint64_t seed, std::string identity, int& leaders, int& terms)
      : random(seed), leaders_(leaders), terms_(terms) {
    options.name = "lock";
    options.identity = std::move(identity);
    client_ = &client;
  }
  static Task<void> lead(Candidate* self, std::stop_token token) {
    ++self->leaders_;
    ++self->terms_;
    if (self->leaders_ > self->most) self->most = self->leaders_;
    self->leading = true;
    Status slept = co_await sleepFor(self->term, token);
    (void)slept;
    self->leading = false;
    --self->leaders_;
  }
  static Task<void> run(Candidate* self, bool again) {
    do {
      LeaderElector elector(*self->client_, self->random, self->options);
      LeaderElector::Lead work = [self](std::stop_token token) { return lead(self, token); };
      self->ended = co_await elector.run(std::move(work), self->stop.get_token());
      self->done = !again;
    } while (again && !self->stop.stop_requested());
    self->done = true;
  }

  LeaderElectionOptions options;
  Client* client_;
  SeededRandom random;
  int& leaders_;
  int& terms_;
  int most = 0;
  Duration term = 1h * 24 * 365;
  bool leading = false;
  bool done = false;
  Status ended;
  std::stop_source stop;
};

class Election : public ::testing::Test {
 protected:
  SimExecutor executor_{3};
  FakeClient client_{executor_};
  int leaders_ = 0;
  int terms_ = 0;
};

TEST_F(Election, OneLeadsAndTheNextTakesOverWhenItStops) {
  Candidate a(client_, 1, "a", leaders_, terms_);
  Candidate b(client_, 2, "b", leaders_, terms_);
  spawn(executor_, Candidate::run(&a, false));
  ASSERT_TRUE(executor_.runUntil([&] { return a.leading; }, 10s));
  spawn(executor_, Candidate::run(&b, false));
  executor_.runFor(120s);
  EXPECT_TRUE(a.leading);
  EXPECT_FALSE(b.leading);
  auto lease = client_.peek<Lease>("kube-system", "lock");
  EXPECT_EQ(lease->spec.holderIdentity.value_or(""), "a");
  EXPECT_EQ(lease->spec.leaseTransitions.value_or(-1), 0);
  a.stop.request_stop();
  ASSERT_TRUE(executor_.runUntil([&] { return a.done; }, 1s));
  EXPECT_TRUE(isCanceled(a.ended));
  const auto stopped = executor_.now();
  ASSERT_TRUE(executor_.runUntil([&] { return b.leading; }, 60s));
  EXPECT_GE(executor_.now() - stopped, 13s);  // not before a's last renewal is 15 s old
  EXPECT_EQ(client_.peek<Lease>("kube-system", "lock")->spec.leaseTransitions.value_or(-1), 1);
  b.stop.request_stop();
  ASSERT_TRUE(executor_.runUntil([&] { return b.done; }, 5s));
}

TEST_F(Election, AReleasedLeaseIsTakenSoon) {
  Candidate a(client_, 1, "a", leaders_, terms_);
  a.options.releaseOnStop = true;
  Candidate b(client_, 2, "b", leaders_, terms_);
  spawn(executor_, Candidate::run(&a, false));
  ASSERT_TRUE(executor_.runUntil([&] { return a.leading; }, 10s));
  spawn(executor_, Candidate::run(&b, false));
  executor_.runFor(30s);
  a.stop.request_stop();
  const auto stopped = executor_.now();
  ASSERT_TRUE(executor_.runUntil([&] { return b.leading; }, 60s));
  EXPECT_LE(executor_.now() - stopped, 6s);
  b.stop.request_stop();
  ASSERT_TRUE(executor_.runUntil([&] { return b.done; }, 5s));
}

TEST_F(Election, WhoCannotRenewStopsBeforeOthersMayLead) {
  Candidate a(client_, 1, "a", leaders_, terms_);
  spawn(executor_, Candidate::run(&a, false));
  ASSERT_TRUE(executor_.runUntil([&] { return a.leading; }, 10s));
  client_.faults.unreachable = 1;
  const auto cut = executor_.now();
  ASSERT_TRUE(executor_.runUntil([&] { return a.done; }, 60s));
  EXPECT_TRUE(isTimeout(a.ended)) << a.ended.toString();
  EXPECT_LE(executor_.now() - cut, 10s);
}

TEST_F(Election, WorkThatEndsByItselfIsSuccess) {
  Candidate a(client_, 1, "a", leaders_, terms_);
  a.term = 5s;
  spawn(executor_, Candidate::run(&a, false));
  ASSERT_TRUE(executor_.runUntil([&] { return a.done; }, 60s));
  EXPECT_TRUE(a.ended.ok()) << a.ended.toString();
}

TEST(ElectionFaults, NeverTwoAtOnce) {
  setLogLevel(LogLevel::Off);
  int terms = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimExecutor executor(seed);
    FakeClient client(executor, seed);
    client.faults.error = 0.2;
    client.faults.unreachable = 0.3;
    client.faults.lostAnswer = 0.2;
    client.faults.latencyMax = 3s;
    int leaders = 0;
    std::vector<std::unique_ptr<Candidate>> all;
    for (uint64_t i = 0; i < 3; ++i) {
      all.push_back(std::make_unique<Candidate>(client, seed * 10 + i, "c" + std::to_string(i),
                                                leaders, terms));
      spawn(executor, Candidate::run(all.back().get(), true));
    }
    // Now and then everything fails for a while, so that the lease changes hands.
    for (int round = 0; round < 10; ++round) {
      executor.runFor(120s);
      client.faults.unreachable = 1;
      executor.runFor(25s);
      client.faults.unreachable = 0.3;
    }
    for (auto& candidate : all) {
      EXPECT_LE(candidate->most, 1) << "seed " << seed;
      candidate->stop.request_stop();
    }
    ASSERT_TRUE(executor.runUntil(
        [&] { return std::ranges::all_of(all, [](const auto& c) { return c->done; }); }, 120s));
  }
  setLogLevel(LogLevel::Info);
  EXPECT_GT(terms, 100);
}

}  // namespace
}  // namespace coxswain::client
