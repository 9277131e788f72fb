// One look at a job, without a cluster.

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "controllers/job/decide.h"
#include "controllers/job/failures.h"
#include "controllers/job/indexes.h"

namespace coxswain::controllers::job {
namespace {

using api::batch::v1::Job;
using api::core::v1::Pod;

const WallTime kNow = WallTime(std::chrono::seconds(1'000'000));

Job makeJob(int32_t parallelism, int32_t completions, bool indexed = false) {
  Job job;
  job.metadata.name = "w";
  job.metadata.namespace_ = "default";
  job.spec.parallelism = parallelism;
  job.spec.completions = completions;
  job.spec.backoffLimit = 6;
  job.spec.completionMode = indexed ? "Indexed" : "NonIndexed";
  job.spec.template_.spec.restartPolicy = "Never";
  job.status.startTime = api::Time(kNow - 1h);
  return job;
}

struct PodBuilder {
  Pod pod;
  explicit PodBuilder(const std::string& name) {
    pod.metadata.name = pod.metadata.uid = name;
    pod.metadata.namespace_ = "default";
    pod.metadata.creationTimestamp = api::Time(kNow - 1h);
    pod.metadata.finalizers.emplace_back(kTrackingFinalizer);
    pod.status.phase = "Running";
  }
  PodBuilder& index(int32_t index, int32_t failures = 0) {
    pod.metadata.annotations[kIndexAnnotation] = std::to_string(index);
    pod.metadata.annotations[kIndexFailuresAnnotation] = std::to_string(failures);
    return *this;
  }
  PodBuilder& phase(const std::string& phase, WallTime at = kNow) {
    pod.status.phase = phase;
    auto& status = pod.status.containerStatuses.emplace_back();
    status.name = "c";
    status.state.terminated.getOrCreate().finishedAt = api::Time(at);
    return *this;
  }
  PodBuilder& condition(const std::string& type) {
    auto& condition = pod.status.conditions.emplace_back();
    condition.type = type;
    condition.status = "True";
    return *this;
  }
  PodBuilder& deleted() {
    pod.metadata.deletionTimestamp = api::Time(kNow);
    return *this;
  }
  operator PodPointer() const { return std::make_shared<Pod>(pod); }  // NOLINT: a builder's end
};

using Pods = std::vector<PodPointer>;

std::string names(const Pods& pods) {
  std::string text;
  for (const auto& pod : pods) text += (text.empty() ? "" : " ") + pod->metadata.name;
  return text;
}
std::string indexes(const Plan& plan) {
  std::string text;
  for (const auto& made : plan.create) {
    text += (text.empty() ? "" : " ") + std::to_string(made.index.value_or(-1));
  }
  return text;
}
std::string conditions(const Plan& plan) {
  std::string text;
  for (const auto& condition : plan.status.conditions) {
    if (condition.status != "True") continue;
    text += (text.empty() ? "" : " ") + condition.type + ":" + condition.reason;
  }
  return text;
}
Plan look(const Job& job, const Pods& pods, Memory memory = {}) {
  return plan(job, pods, std::move(memory), true, kNow);
}
void addIgnoreRule(Job& job) {
  auto& rule = job.spec.podFailurePolicy.getOrCreate().rules.emplace_back();
  rule.action = "Ignore";
  rule.onPodConditions.resize(1);
  rule.onPodConditions[0].type = "DisruptionTarget";
}

TEST(JobPlan, WhatIsLeftOfAFailedJobCountsAsFailed) {
  auto job = makeJob(2, 2);
  job.spec.backoffLimit = 0;
  auto todo = look(job, {PodBuilder("a").phase("Failed"), PodBuilder("b")});
  EXPECT_EQ(conditions(todo), "FailureTarget:BackoffLimitExceeded");
  EXPECT_EQ(names(todo.stop), "b");
  EXPECT_EQ(names(todo.untrack), "a b");
  EXPECT_EQ(todo.status.uncountedTerminatedPods->failed, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(todo.status.active, 0);
  EXPECT_EQ(todo.status.terminating, 1);
}

TEST(JobPlan, WhatIsLeftOfASucceededJobIsNoFailure) {
  auto job = makeJob(3, 3, true);
  auto& rules = job.spec.successPolicy.getOrCreate().rules;
  rules.resize(2);
  rules[0].succeededIndexes = "1-2";
  rules[1].succeededIndexes = "0,2";
  rules[1].succeededCount = 1;
  const Pods pods{PodBuilder("a").index(0).phase("Succeeded"), PodBuilder("b").index(1),
                  PodBuilder("c").index(2)};
  auto todo = look(job, pods);
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:SuccessPolicy");
  EXPECT_EQ(todo.status.conditions[0].message, "Matched rules at index 1");
  EXPECT_EQ(names(todo.dismiss), "b c");
  EXPECT_EQ(names(todo.untrack), "a");
  EXPECT_EQ(todo.status.completedIndexes, "0");
  EXPECT_TRUE(todo.status.uncountedTerminatedPods->failed.empty());
  // Later, all are gone.
  job.status = todo.status;
  todo = look(job, {});
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:SuccessPolicy Complete:SuccessPolicy");
  EXPECT_EQ(todo.status.succeeded, 1);
  EXPECT_EQ(todo.status.failed, 0);
}

TEST(JobPlan, TheEndWaitsForTheLastPod) {
  auto job = makeJob(2, 1);
  auto gone = PodBuilder("b").deleted();
  gone.pod.metadata.finalizers.clear();
  auto todo = look(job, {PodBuilder("a").phase("Succeeded"), gone});
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:CompletionsReached");
  job.status = todo.status;
  auto done = PodBuilder("a").phase("Succeeded");
  done.pod.metadata.finalizers.clear();
  todo = look(job, {done, gone});
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:CompletionsReached") << "b still terminates";
  EXPECT_EQ(todo.status.succeeded, 1);
  todo = look(job, {done});
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:CompletionsReached Complete:CompletionsReached");
}

TEST(JobPlan, TooManySuccessesAreToldOf) {
  auto job = makeJob(2, 1);
  job.status.succeeded = 2;
  auto todo = look(job, {});
  ASSERT_EQ(todo.events.size(), 2u);
  EXPECT_EQ(todo.events[0].reason, "TooManySucceededPods");
  EXPECT_EQ(todo.events[1].reason, "Completed");
}

TEST(JobPlan, AnIndexKeepsTheCountOfItsFailures) {
  auto job = makeJob(2, 3, true);
  job.spec.backoffLimitPerIndex = 2;
  addIgnoreRule(job);
  const PodPointer first = PodBuilder("a").index(0, 1).phase("Failed", kNow - 1min);
  auto todo = look(job, {first, PodBuilder("b").index(1)});
  EXPECT_EQ(indexes(todo), "0");
  EXPECT_EQ(todo.create[0].failures, 2);
  EXPECT_EQ(names(todo.untrack), "") << "it tells how often the index failed";
  EXPECT_EQ(todo.status.uncountedTerminatedPods->failed, std::vector<std::string>{"a"});
  // The replacement tells it now.
  job.status = todo.status;
  todo = look(job, {first, PodBuilder("c").index(0, 2), PodBuilder("b").index(1)});
  EXPECT_EQ(names(todo.untrack), "a");
  // What the policy ignores counts apart.
  const PodPointer ignored =
      PodBuilder("d").index(0, 2).phase("Failed", kNow - 1h).condition("DisruptionTarget");
  todo = look(job, {ignored, PodBuilder("b").index(1)});
  EXPECT_EQ(indexes(todo), "0");
  EXPECT_EQ(todo.create[0].failures, 2);
  EXPECT_EQ(todo.create[0].ignored, 1);
  // One more is too many: the index has failed, others go on.
  job.status = {};
  todo = look(job, {PodBuilder("e").index(0, 2).phase("Failed"), PodBuilder("b").index(1)});
  EXPECT_EQ(todo.status.failedIndexes, "0");
  EXPECT_EQ(indexes(todo), "2");
  EXPECT_EQ(names(todo.untrack), "e");
}

TEST(JobPlan, EachIndexHasItsOwnPause) {
  auto job = makeJob(2, 2, true);
  job.spec.backoffLimitPerIndex = 5;
  auto todo = look(job, {PodBuilder("a").index(0, 1).phase("Failed", kNow - 5s)});
  EXPECT_EQ(indexes(todo), "1");
  EXPECT_EQ(todo.again, 15s) << "20 s after the second failure";
}

TEST(JobPlan, FailuresPolicies) {
  auto job = makeJob(1, 4, true);
  job.spec.backoffLimitPerIndex = 5;
  job.spec.maxFailedIndexes = 1;
  auto& rule = job.spec.podFailurePolicy.getOrCreate().rules.emplace_back();
  rule.action = "FailIndex";
  auto& codes = rule.onExitCodes.getOrCreate();
  codes.operator_ = "NotIn";
  codes.values = {3};
  auto bad = PodBuilder("a").index(0).phase("Failed");
  bad.pod.status.containerStatuses[0].state.terminated->exitCode = 4;
  auto todo = look(job, {bad});
  EXPECT_EQ(todo.status.failedIndexes, "0");
  EXPECT_EQ(conditions(todo), "");
  bad.index(1);
  job.status = todo.status;
  todo = look(job, {bad});
  EXPECT_EQ(conditions(todo), "FailureTarget:MaxFailedIndexesExceeded");
  // All others have succeeded.
  job.status = {};
  job.status.completedIndexes = "1-3";
  bad.index(0);
  todo = look(job, {bad});
  EXPECT_EQ(conditions(todo), "FailureTarget:FailedIndexes");
}

TEST(JobPlan, ReplacingFailedOnlyWaitsForTheEndOfTheIndex) {
  auto job = makeJob(2, 2, true);
  job.spec.podReplacementPolicy = "Failed";
  auto todo = look(job, {PodBuilder("a").index(0).deleted(), PodBuilder("b").index(1)});
  EXPECT_EQ(indexes(todo), "");
  EXPECT_TRUE(todo.status.uncountedTerminatedPods->failed.empty());
  job.spec.podReplacementPolicy = "TerminatingOrFailed";
  todo = look(job, {PodBuilder("a").index(0).deleted(), PodBuilder("b").index(1)},
              {{}, kNow - 1h, {}});
  EXPECT_EQ(indexes(todo), "") << "the failure has just been";
  EXPECT_EQ(todo.again, 10s);
  EXPECT_EQ(todo.status.uncountedTerminatedPods->failed, std::vector<std::string>{"a"});
}

TEST(JobPlan, ADeadlineMayBeAnyNumber) {
  auto job = makeJob(1, 1);
  job.spec.activeDeadlineSeconds = std::numeric_limits<int64_t>::max();
  job.status.startTime = api::Time(kNow);
  const auto todo = plan(job, {PodBuilder("a")}, {}, true, kNow + 1s);
  EXPECT_EQ(conditions(todo), "");
  EXPECT_GT(todo.again, Duration(24h * 365));
}

TEST(JobPlan, AJobHasItsWholeTime) {
  auto job = makeJob(1, 1);
  job.spec.activeDeadlineSeconds = 1;
  job.status.startTime.reset();
  const auto start = kNow + 900ms;
  auto todo = plan(job, {}, {}, true, start);
  EXPECT_EQ(todo.again, 1s);
  job.status = todo.status;
  job.status.startTime = api::Time(kNow);  // as it is stored
  auto later = plan(job, {PodBuilder("a")}, todo.memory, true, start + 900ms);
  EXPECT_EQ(conditions(later), "");
  EXPECT_EQ(later.again, 100ms);
  later = plan(job, {PodBuilder("a")}, todo.memory, true, start + 1s);
  EXPECT_EQ(conditions(later), "FailureTarget:DeadlineExceeded");
  // A controller that did not see the start goes by what is stored.
  later = plan(job, {PodBuilder("a")}, {}, true, start + 200ms);
  EXPECT_EQ(conditions(later), "FailureTarget:DeadlineExceeded");
}

TEST(JobPlan, ADeletedJobLetsItsPodsGo) {
  auto job = makeJob(2, 2);
  job.metadata.deletionTimestamp = api::Time(kNow);
  auto todo = look(job, {PodBuilder("a"), PodBuilder("b").phase("Failed")});
  EXPECT_EQ(names(todo.untrack), "a b");
  EXPECT_TRUE(todo.create.empty() && todo.dismiss.empty() && todo.stop.empty());
  EXPECT_EQ(todo.status.uncountedTerminatedPods->failed, std::vector<std::string>{"b"});
}

TEST(JobPlan, RestartsCountWherePodsRestart) {
  auto job = makeJob(1, 1);
  job.spec.template_.spec.restartPolicy = "OnFailure";
  job.spec.backoffLimit = 3;
  auto pod = PodBuilder("a");
  pod.pod.status.containerStatuses.resize(1);
  pod.pod.status.containerStatuses[0].restartCount = 2;
  EXPECT_EQ(conditions(look(job, {pod})), "");
  pod.pod.status.initContainerStatuses.resize(1);
  pod.pod.status.initContainerStatuses[0].restartCount = 1;
  EXPECT_EQ(conditions(look(job, {pod})), "FailureTarget:BackoffLimitExceeded");
}

TEST(JobPlan, IndexesBeyondLoweredCompletionsGo) {
  auto job = makeJob(2, 2, true);
  job.status.completedIndexes = "0,3";
  job.status.succeeded = 2;
  auto todo = look(job, {PodBuilder("a").index(1), PodBuilder("b").index(2)});
  EXPECT_EQ(names(todo.dismiss), "b");
  EXPECT_EQ(todo.status.completedIndexes, "0");
  EXPECT_EQ(todo.status.succeeded, 1);
}

TEST(JobPlan, SurplusGoesByWhatIsMissedLeast) {
  auto job = makeJob(1, 3);
  auto pending = PodBuilder("b");
  pending.pod.status.phase = "Pending";
  auto todo = look(job, {PodBuilder("a").condition("Ready"), pending, PodBuilder("c")});
  EXPECT_EQ(names(todo.dismiss), "b c");
  EXPECT_EQ(todo.status.active, 1);
  EXPECT_EQ(todo.status.ready, 1);
  EXPECT_EQ(todo.status.terminating, 2);
  EXPECT_TRUE(todo.create.empty());
}

TEST(JobPlan, OneOfTwoPodsOfAnIndexStays) {
  auto job = makeJob(2, 2, true);
  auto todo = look(job, {PodBuilder("a").index(0), PodBuilder("b").index(0).condition("Ready"),
                         PodBuilder("c").index(1)});
  EXPECT_EQ(names(todo.dismiss), "a");
}

TEST(JobPlan, ManyEndsAreCountedInParts) {
  auto job = makeJob(700, 700);
  Pods pods;
  for (int i = 0; i < 700; ++i) pods.push_back(PodBuilder(std::to_string(i)).phase("Succeeded"));
  auto todo = look(job, pods);
  EXPECT_EQ(todo.status.uncountedTerminatedPods->succeeded.size(), 500u);
  EXPECT_EQ(todo.untrack.size(), 500u);
  EXPECT_EQ(conditions(todo), "SuccessCriteriaMet:CompletionsReached");
  job.status = todo.status;
  for (size_t i = 0; i < 500; ++i) {
    auto pod = *pods[i];
    pod.metadata.finalizers.clear();
    pods[i] = std::make_shared<Pod>(std::move(pod));
  }
  todo = look(job, pods);
  EXPECT_EQ(todo.status.succeeded, 500);
  EXPECT_EQ(todo.status.uncountedTerminatedPods->succeeded.size(), 200u);
}

TEST(JobPlan, ASuccessEndsTheRowOfFailures) {
  auto job = makeJob(3, 9);
  Memory memory{{"x", "y", "z"}, kNow - 1s, {}};
  auto todo = look(job, {PodBuilder("a").phase("Failed", kNow - 5s)}, memory);
  EXPECT_EQ(todo.memory.failures.size(), 4u);
  EXPECT_EQ(todo.again, 79s) << "80 s after the last";
  todo = look(
      job,
      {PodBuilder("a").phase("Failed", kNow - 5s), PodBuilder("b").phase("Succeeded", kNow - 7s)},
      memory);
  EXPECT_EQ(todo.memory.failures, std::set<std::string>{"a"});
  EXPECT_EQ(todo.again, 5s);
  todo = look(
      job,
      {PodBuilder("a").phase("Failed", kNow - 5s), PodBuilder("b").phase("Succeeded", kNow - 3s)},
      memory);
  EXPECT_TRUE(todo.memory.failures.empty());
  EXPECT_EQ(todo.create.size(), 3u);
}

TEST(JobPlan, WhenAPodEnded) {
  auto pod = PodBuilder("a").phase("Failed", kNow - 7s);
  EXPECT_EQ(finishedAt(pod.pod), kNow - 7s);
  pod.pod.status.containerStatuses.resize(2);  // one that does not tell
  EXPECT_EQ(finishedAt(pod.pod), kNow - 1h) << "when it was made";
  pod.deleted();
  pod.pod.metadata.deletionGracePeriodSeconds = 30;
  EXPECT_EQ(finishedAt(pod.pod), kNow - 30s);
  auto& ready = pod.pod.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "False";
  ready.lastTransitionTime = api::Time(kNow - 9s);
  EXPECT_EQ(finishedAt(pod.pod), kNow - 9s);
}

TEST(JobPlan, PausesDoubleToTenMinutes) {
  EXPECT_EQ(pauseAfter(0), 0s);
  EXPECT_EQ(pauseAfter(1), 10s);
  EXPECT_EQ(pauseAfter(4), 80s);
  EXPECT_EQ(pauseAfter(7), 10min);
  EXPECT_EQ(pauseAfter(1000000), 10min);
}

TEST(Indexes, MissingAndCommon) {
  const auto set = IndexSet::parse("0-2,5,9-20", 100);
  EXPECT_EQ(set.missing(4, 12), (std::vector<int32_t>{3, 4, 6, 7}));
  EXPECT_EQ(set.missing(10, 6), (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(set.missing(2, 23), (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(IndexSet::of({0, 1}).missing(3, 4), (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(set.common(IndexSet::parse("1-5,10", 100)), 4);
  EXPECT_EQ(IndexSet::of({7, 3, 4, 7}).str(), "3,4,7");
  auto joined = IndexSet::parse("3-4,8", 100);
  joined.add(set);
  EXPECT_EQ(joined.str(), "0-5,8-20");
}

}  // namespace
}  // namespace coxswain::controllers::job
