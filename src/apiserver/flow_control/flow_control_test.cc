#include <gtest/gtest.h>

#include <set>

#include "apiserver/flow_control/config_consumer.h"
#include "apiserver/flow_control/controller.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "client/client.h"
#include "client/resources.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

FlowSchema builtinSchema(std::string_view name) {
  for (const auto& one : builtinFlowSchemas()) {
    if (one.object.metadata.name == name) return one.object;
  }
  throw std::out_of_range("schema");
}
PriorityLevelConfiguration builtinLevel(std::string_view name) {
  for (const auto& one : builtinPriorityLevels()) {
    if (one.object.metadata.name == name) return one.object;
  }
  throw std::out_of_range("level");
}

/// One request: waits for its seats, tells when it runs, and ends when told.
struct Job {
  std::string name;
  bool ended = false;
  Status status;
  Event end;
  std::stop_source leave;
};
using JobPtr = std::shared_ptr<Job>;

Task<void> runJob(FlowController& controller, Flow what, uint32_t width, JobPtr job,
                  std::vector<std::string>& order) {
  auto seats = co_await controller.admit(std::move(what), width, job->leave.get_token());
  job->status = seats.status();
  if (seats.ok()) {
    order.push_back(job->name);
    Status ended = co_await job->end.wait();
    EXPECT_TRUE(ended.ok());
  }
  job->ended = true;
}

class Flows : public testing::Test {
 protected:
  void TearDown() override {
    for (const auto& job : jobs_) job->end.set();
    executor_.runUntilIdle();
    for (const auto& job : jobs_) EXPECT_TRUE(job->ended) << job->name;
    if (controller_) {
      EXPECT_EQ(controller_->waiting(), 0);
      EXPECT_EQ(controller_->readsRunning() + controller_->writesRunning(), 0);
      for (const auto& level : controller_->levels()) EXPECT_EQ(level->seats(), 0);
    }
    controller_.reset();
  }
  void make(FlowOptions options = {}) {
    controller_ = std::make_unique<FlowController>(executor_, options);
  }
  /// One level for everybody, with so many seats: neither lent nor borrowed.
  void makeNarrow(int64_t seats, FlowOptions options = {}) {
    options.readsMax = seats;
    options.writesMax = 0;
    make(options);
    auto mine = std::make_shared<PriorityLevelConfiguration>(builtinLevel("global-default"));
    mine->spec.limited->nominalConcurrencyShares = 100;
    mine->spec.limited->lendablePercent = 0;
    mine->spec.limited->borrowingLimitPercent = 0;
    auto schema = std::make_shared<FlowSchema>(builtinSchema("global-default"));
    controller_->configure({schema}, {mine});
    ASSERT_EQ(level("global-default").limits().upper, seats);
  }
  Flow flowOf(std::string_view user, std::vector<std::string> groups = {"system:authenticated"},
              std::string_view verb = "get") {
    RequestDigest digest;
    digest.user = user;
    digest.groups = groups;
    digest.isResource = true;
    digest.verb = verb;
    digest.resource = "pods";
    digest.ns = "default";
    return controller_->classify(digest);
  }
  JobPtr start(std::string name, Flow what, uint32_t width = 1, bool instant = false) {
    auto job = std::make_shared<Job>();
    job->name = std::move(name);
    if (instant) job->end.set();
    jobs_.push_back(job);
    spawn(executor_, runJob(*controller_, std::move(what), width, job, order_));
    return job;
  }
  [[nodiscard]] size_t placeOf(const std::string& name) const {
    return static_cast<size_t>(std::find(order_.begin(), order_.end(), name) - order_.begin());
  }
  [[nodiscard]] const Level& level(std::string_view name) const {
    for (const auto& one : controller_->levels()) {
      if (one->name() == name) return *one;
    }
    throw std::out_of_range("level");
  }

  sim::SimExecutor executor_;
  std::unique_ptr<FlowController> controller_;
  std::vector<JobPtr> jobs_;
  std::vector<std::string> order_;
};

TEST(Hands, AreDistinctAndInTheDeck) {
  std::set<std::vector<uint32_t>> hands;
  for (uint64_t i = 0; i < 1000; ++i) {
    std::vector<uint32_t> hand(6);
    dealHand(i * 0x9e3779b97f4a7c15ULL, 16, hand);
    std::set<uint32_t> cards(hand.begin(), hand.end());
    EXPECT_EQ(cards.size(), 6u);
    EXPECT_LT(*cards.rbegin(), 16u);
    hands.insert(hand);
  }
  EXPECT_GT(hands.size(), 500u);
  std::vector<uint32_t> all(4);
  dealHand(12345, 4, all);
  EXPECT_EQ(all, (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST_F(Flows, DefaultSchemasClassify) {
  make();
  struct Case {
    const char* name;
    std::string user;
    std::vector<std::string> groups;
    bool isResource;
    std::string verb, group, resource, subresource, ns, path;
    const char* schema;
  };
  const std::string any = "system:authenticated";
  const Case cases[] = {
      {"admin", "a", {"system:masters", any}, true, "list", "", "pods", "", "", "", "exempt"},
      {"probe", "b", {"system:unauthenticated"}, false, "get", "", "", "", "", "/readyz", "probes"},
      {"below a probe", "b", {any}, false, "get", "", "", "", "", "/readyz/etcd", "global-default"},
      {"election",
       "system:kube-scheduler",
       {any},
       true,
       "update",
       "coordination.k8s.io",
       "leases",
       "",
       "kube-system",
       "",
       "system-leader-election"},
      {"watch of leases",
       "system:kube-scheduler",
       {any},
       true,
       "watch",
       "coordination.k8s.io",
       "leases",
       "",
       "kube-system",
       "",
       "kube-scheduler"},
      {"election by account",
       "system:serviceaccount:kube-system:x",
       {"system:serviceaccounts", any},
       true,
       "get",
       "coordination.k8s.io",
       "leases",
       "",
       "x",
       "",
       "system-leader-election"},
      {"heartbeat",
       "system:node:n",
       {"system:nodes", any},
       true,
       "patch",
       "",
       "nodes",
       "status",
       "",
       "",
       "system-node-high"},
      {"node lease",
       "system:node:n",
       {"system:nodes", any},
       true,
       "update",
       "coordination.k8s.io",
       "leases",
       "",
       "kube-node-lease",
       "",
       "system-node-high"},
      {"node's proxy",
       "system:node:n",
       {"system:nodes", any},
       true,
       "get",
       "",
       "nodes",
       "proxy",
       "",
       "",
       "system-nodes"},
      {"node's pods",
       "system:node:n",
       {"system:nodes", any},
       true,
       "list",
       "",
       "pods",
       "",
       "",
       "",
       "system-nodes"},
      {"controllers",
       "system:kube-controller-manager",
       {any},
       true,
       "list",
       "apps",
       "deployments",
       "",
       "",
       "",
       "kube-controller-manager"},
      {"system account",
       "system:serviceaccount:kube-system:x",
       {"system:serviceaccounts", any},
       true,
       "list",
       "",
       "pods",
       "",
       "",
       "",
       "kube-system-service-accounts"},
      {"no system account",
       "system:serviceaccount:kube-system2:x",
       {"system:serviceaccounts", any},
       true,
       "list",
       "",
       "pods",
       "",
       "",
       "",
       "service-accounts"},
      {"user", "u", {any}, true, "create", "", "pods", "", "default", "", "global-default"},
      {"nobody", "x", {}, true, "get", "", "pods", "", "default", "", "catch-all"},
  };
  for (const auto& each : cases) {
    RequestDigest digest{each.user,     each.groups,      each.isResource, each.verb, each.group,
                         each.resource, each.subresource, each.ns,         each.path};
    EXPECT_EQ(controller_->classify(digest).schema->object->metadata.name, each.schema)
        << each.name;
  }
}

TEST_F(Flows, PathRulesMatchBelowAStarOnly) {
  FlowSchema schema;
  auto& rule = schema.spec.rules.emplace_back();
  auto& subject = rule.subjects.emplace_back();
  subject.kind = kSubjectKindUser;
  subject.user.emplace().name = "*";
  auto& paths = rule.nonResourceRules.emplace_back();
  paths.verbs = {"get"};
  paths.nonResourceURLs = {"/metrics/*", "/healthz"};
  RequestDigest digest;
  digest.verb = "get";
  for (const char* path : {"/metrics/slis", "/healthz"}) {
    digest.path = path;
    EXPECT_TRUE(matches(schema, digest)) << path;
  }
  for (const char* path : {"/metrics", "/metricsx", "/healthz/ping", "/"}) {
    digest.path = path;
    EXPECT_FALSE(matches(schema, digest)) << path;
  }
}

TEST_F(Flows, SeatsAreSharedByShares) {
  make();
  // 600 seats among 245 shares, rounded up.
  EXPECT_EQ(level("global-default").limits().nominal, 49);
  EXPECT_EQ(level("global-default").limits().lower, 24);
  EXPECT_EQ(level("workload-low").limits().nominal, 245);
  EXPECT_EQ(level("workload-low").limits().lower, 24);
  EXPECT_EQ(level("catch-all").limits().nominal, 13);
  EXPECT_EQ(level("catch-all").limits().upper, 613);
  EXPECT_EQ(level("exempt").limits().nominal, 0);
}

// 200 connections of one user have a request ready in the same round, and then one of another user:
// it does not wait for all of them.
TEST_F(Flows, AFloodDoesNotHoldUpOthersEvenWhenRequestsTakeNoTime) {
  make();
  for (int i = 0; i < 200; ++i) start("flood" + std::to_string(i), flowOf("flooder"), 1, true);
  start("quiet", flowOf("somebody"), 1, true);
  executor_.runUntilIdle();
  EXPECT_EQ(order_.size(), 201u);
  // One round at once, and at most its share of the next.
  EXPECT_LT(placeOf("quiet"), 16u);
}

TEST_F(Flows, AFloodOfWaitingRequestsLeavesTheNextSeatToOthers) {
  makeNarrow(4);
  for (int i = 0; i < 200; ++i) start("flood" + std::to_string(i), flowOf("flooder"));
  executor_.runFor(0s);
  const auto running = order_.size();
  ASSERT_EQ(running, 4u);
  auto quiet = start("quiet", flowOf("somebody"));
  executor_.runFor(0s);
  EXPECT_EQ(order_.size(), running);
  // Seats come free, one after the other: each of the flood's six queues has a turn, then the other
  // user's.
  for (size_t i = 0; i < 8; ++i) {
    for (const auto& job : jobs_) {
      if (job->name == order_[i]) job->end.set();
    }
    executor_.runFor(1ms);
  }
  EXPECT_LT(placeOf("quiet"), order_.size());
}

TEST_F(Flows, QueuesShareSeatSecondsNotRequests) {
  makeNarrow(1);
  auto first = start("first", flowOf("other"));
  executor_.runFor(0s);
  for (int i = 0; i < 100; ++i) {
    start("wide" + std::to_string(i), flowOf("wide"), 5);
    start("narrow" + std::to_string(i), flowOf("narrow"), 1);
  }
  executor_.runFor(0s);
  int wide = 0;
  int narrow = 0;
  first->end.set();
  for (int i = 0; i < 84; ++i) {
    executor_.runFor(3ms);
    ASSERT_EQ(order_.size(), static_cast<size_t>(i) + 2);
    const auto& name = order_.back();
    ++(name.starts_with("wide") ? wide : narrow);
    for (const auto& job : jobs_) {
      if (job->name == name) job->end.set();
    }
  }
  // Each of the six queues of either starts once before any starts twice.
  EXPECT_GE(narrow, 4 * (wide - 6));
  EXPECT_GE(wide, 6);
}

TEST_F(Flows, LevelsBorrowWhatOthersLendAndGiveItBack) {
  FlowOptions options;
  options.turnSeats = 10000;
  make(options);
  // Two levels' worth of users; global-default may take what is lent.
  int64_t pool = 0;
  for (const auto& one : controller_->levels()) pool += one->lendable();
  for (int i = 0; i < 800; ++i) {
    start("u" + std::to_string(i), flowOf("user" + std::to_string(i % 50)));
  }
  executor_.runFor(0s);
  EXPECT_EQ(level("global-default").seats(), level("global-default").limits().lower + pool);
  EXPECT_GT(level("global-default").waiting(), 0);
  // What was not lent is there for its owner at once.
  const auto own = level("workload-low").limits().lower;
  for (int i = 0; i < own + 5; ++i) {
    start("s" + std::to_string(i),
          flowOf("system:serviceaccount:a:b", {"system:serviceaccounts", "system:authenticated"}));
  }
  executor_.runFor(0s);
  EXPECT_EQ(level("workload-low").seats(), own);
  // What comes free goes to who is below its nominal share first.
  for (int i = 0; i < 5; ++i) {
    jobs_[static_cast<size_t>(i)]->end.set();
    executor_.runFor(0s);
  }
  EXPECT_EQ(level("workload-low").seats(), own + 5);
  EXPECT_EQ(level("workload-low").waiting(), 0);
}

TEST_F(Flows, FullQueuesRefuse) {
  FlowOptions options;
  options.readsMax = 4;
  options.writesMax = 0;
  make(options);
  for (int i = 0; i < 1000; ++i) start("f" + std::to_string(i), flowOf("flooder"));
  executor_.runFor(1ms);
  // Six queues of fifty are the flow's.
  EXPECT_EQ(level("global-default").waiting(), 300);
  size_t refused = 0;
  for (const auto& job : jobs_) {
    if (job->status.ok()) continue;
    ++refused;
    EXPECT_TRUE(isTooManyRequests(job->status));
    ASSERT_NE(job->status.details(), nullptr);
    EXPECT_EQ(job->status.details()->retryAfterSeconds, 1);
  }
  EXPECT_EQ(refused, 1000 - 300 - order_.size());
  // Another user has queues that are not full.
  auto other = start("other", flowOf("somebody"));
  executor_.runFor(1ms);
  EXPECT_TRUE(other->status.ok());
}

TEST_F(Flows, AllQueuesTogetherAreBounded) {
  FlowOptions options;
  options.readsMax = 4;
  options.writesMax = 0;
  options.waitingMax = 20;
  make(options);
  for (int i = 0; i < 100; ++i) {
    start("f" + std::to_string(i), flowOf("user" + std::to_string(i)));
  }
  executor_.runFor(1ms);
  EXPECT_EQ(controller_->waiting(), 20);
}

TEST_F(Flows, WaitsEndByTimeAndWhenTheClientLeaves) {
  makeNarrow(1);
  start("holder", flowOf("holder"));
  executor_.runFor(0s);
  ASSERT_EQ(order_.size(), 1u);
  auto late = start("late", flowOf("late"));
  auto leaving = start("leaving", flowOf("leaving"));
  executor_.runFor(1s);
  leaving->leave.request_stop();
  executor_.runFor(1s);
  EXPECT_TRUE(leaving->ended);
  EXPECT_TRUE(isCanceled(leaving->status));
  EXPECT_FALSE(late->ended);
  executor_.runFor(12s);
  EXPECT_FALSE(late->ended);
  executor_.runFor(2s);
  EXPECT_TRUE(late->ended);
  EXPECT_TRUE(isTooManyRequests(late->status));
  uint64_t timeouts = 0;
  for (const auto& one : controller_->stats()) {
    timeouts += one->refused[static_cast<size_t>(Refusal::TimeOut)];
  }
  EXPECT_EQ(timeouts, 1u);
}

TEST_F(Flows, TheLastResortRefusesAndExemptNeverWaits) {
  FlowOptions options;
  options.readsMax = 10;
  options.writesMax = 0;
  make(options);
  for (int i = 0; i < 700; ++i) start("n" + std::to_string(i), flowOf("nobody", {}));
  executor_.runFor(0s);
  const auto refused =
      std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->status.ok(); });
  EXPECT_GT(refused, 600);
  EXPECT_EQ(level("catch-all").waiting(), 0);
  order_.clear();
  for (int i = 0; i < 700; ++i) start("a" + std::to_string(i), flowOf("a", {"system:masters"}));
  executor_.runFor(0s);
  EXPECT_EQ(order_.size(), 700u);
}

TEST_F(Flows, AWideRequestRunsAloneInANarrowLevel) {
  makeNarrow(1);
  start("wide", flowOf("a"), 10);
  start("next", flowOf("b"), 1);
  executor_.runFor(0s);
  EXPECT_EQ(order_, std::vector<std::string>{"wide"});
  jobs_[0]->end.set();
  executor_.runFor(0s);
  EXPECT_EQ(order_.size(), 2u);
}

TEST_F(Flows, ChangedObjectsCountAtOnceAndWhoWaitsGoesOn) {
  makeNarrow(1);
  start("holder", flowOf("holder"));
  executor_.runFor(0s);
  auto waiter = start("waiter", flowOf("waiter"));
  executor_.runFor(0s);
  ASSERT_EQ(order_.size(), 1u);
  // One level and one schema of ours; all default ones are gone but the mandatory.
  auto mine = std::make_shared<PriorityLevelConfiguration>();
  mine->metadata.name = "mine";
  mine->metadata.uid = "level-uid";
  mine->spec.type = kPriorityLevelEnablementLimited;
  mine->spec.limited.emplace().nominalConcurrencyShares = 100;
  mine->spec.limited->limitResponse.type = kLimitResponseTypeReject;
  auto all = std::make_shared<FlowSchema>(builtinSchema("global-default"));
  all->metadata.name = "all-to-mine";
  all->metadata.uid = "schema-uid";
  all->spec.priorityLevelConfiguration.name = "mine";
  auto dangling = std::make_shared<FlowSchema>(*all);
  dangling->metadata.name = "dangling";
  dangling->spec.matchingPrecedence = 3;
  dangling->spec.priorityLevelConfiguration.name = "nowhere";
  controller_->configure({dangling, all}, {mine});
  auto flow = flowOf("somebody");
  EXPECT_EQ(flow.schema->object->metadata.uid, "schema-uid");
  EXPECT_EQ(flow.schema->levelUid, "level-uid");
  EXPECT_EQ(flowOf("a", {"system:masters"}).schema->object->metadata.name, "exempt");
  EXPECT_EQ(flowOf("a", {}).schema->object->metadata.name, "catch-all");
  // The level that is gone serves who waited there, and then is no more.
  jobs_[0]->end.set();
  executor_.runFor(0s);
  EXPECT_TRUE(waiter->status.ok());
  EXPECT_EQ(order_.size(), 2u);
  waiter->end.set();
  executor_.runFor(0s);
  EXPECT_THROW((void)level("global-default"), std::out_of_range);
}

TEST_F(Flows, PlainLimitsByReadsAndWrites) {
  FlowOptions options;
  options.fair = false;
  options.readsMax = 3;
  options.writesMax = 2;
  make(options);
  const std::vector<std::string> any = {"system:authenticated"};
  for (int i = 0; i < 5; ++i) start("r" + std::to_string(i), flowOf("a", any, "list"));
  for (int i = 0; i < 5; ++i) start("w" + std::to_string(i), flowOf("a", any, "create"));
  start("master", flowOf("m", {"system:masters"}, "create"));
  executor_.runFor(0s);
  EXPECT_EQ(order_, (std::vector<std::string>{"r0", "r1", "r2", "w0", "w1", "master"}));
  EXPECT_EQ(controller_->readsRunning(), 3);
  EXPECT_EQ(controller_->writesRunning(), 3);
}

Task<void> markStopped(ConfigConsumer& consumer, bool& stopped) {
  co_await consumer.stop();
  stopped = true;
}

TEST(Consumer, FollowsTheObjectsOfTheCluster) {
  sim::SimExecutor executor;
  client::testing::FakeClient client(executor);
  FlowController controller(executor, {});
  ConfigConsumer consumer(executor, client, controller);
  for (const auto& one : builtinFlowSchemas()) client.put(one.object);
  for (const auto& one : builtinPriorityLevels()) client.put(one.object);
  consumer.start();
  const std::vector<std::string> groups = {"system:authenticated"};
  RequestDigest digest;
  digest.user = "somebody";
  digest.groups = groups;
  digest.verb = "get";
  digest.path = "/version";
  auto uid = [&] { return controller.classify(digest).schema->object->metadata.uid; };
  EXPECT_EQ(uid(), "");
  EXPECT_TRUE(executor.runUntil([&] { return !uid().empty(); }, 1min));
  auto stored = client.peek<FlowSchema>("", "global-default");
  EXPECT_EQ(uid(), stored->metadata.uid);
  EXPECT_EQ(controller.classify(digest).schema->levelUid,
            client.peek<PriorityLevelConfiguration>("", "global-default")->metadata.uid);
  bool stopped = false;
  spawn(executor, markStopped(consumer, stopped));
  EXPECT_TRUE(executor.runUntil([&] { return stopped; }, 1min));
  executor.runUntilIdle();
}

}  // namespace
}  // namespace coxswain::apiserver::flow
