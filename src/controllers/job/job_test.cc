#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/job/controller.h"
#include "controllers/job/failure_policy.h"
#include "controllers/job/indexes.h"

namespace coxswain::controllers::job {
namespace {

using api::batch::v1::Job;
using api::core::v1::Pod;
using testing::Harness;

Job makeJob() {
  Job job;
  job.metadata.name = "w";
  job.metadata.namespace_ = "default";
  job.spec.parallelism = 1;
  job.spec.completions = 1;
  job.spec.backoffLimit = 6;
  job.spec.completionMode = "NonIndexed";
  job.spec.selector.getOrCreate().matchLabels["job"] = "w";
  job.spec.template_.metadata.labels["job"] = "w";
  job.spec.template_.spec.restartPolicy = "Never";
  job.spec.template_.spec.containers.resize(1);
  job.spec.template_.spec.containers[0].name = "c";
  return job;
}

class Jobs : public ::testing::TestWithParam<uint64_t> {
 protected:
  Jobs() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.client.faults.watchEnd = 0.02;
    h.add<JobController>();
    h.playKubelet({"n"});
    h.start();
  }
  std::shared_ptr<const Job> job() { return h.client.peek<Job>("default", "w"); }
  std::string conditions() {
    std::string text;
    for (const auto& condition : job()->status.conditions) {
      if (condition.status != "True") continue;
      text += (text.empty() ? "" : " ") + condition.type + ":" + condition.reason;
    }
    return text;
  }
  /// Running pods that are not on their way out.
  std::vector<std::shared_ptr<const Pod>> running() {
    std::vector<std::shared_ptr<const Pod>> pods;
    for (const auto& pod : h.client.peekAll<Pod>()) {
      if (pod->status.phase == "Running" && !pod->metadata.deletionTimestamp) pods.push_back(pod);
    }
    return pods;
  }
  /// Ends one running pod, waiting for it.
  bool endOne(const std::string& phase, int exitCode = 0) {
    if (!h.until([&] { return !running().empty(); }, 1h)) return false;
    const auto name = running().front()->metadata.name;
    ends_.push_back(name);
    h.client.change<Pod>("default", name, [&](Pod& p) {
      p.status.phase = phase;
      p.status.containerStatuses.resize(1);
      p.status.containerStatuses[0].name = "c";
      auto& ended = p.status.containerStatuses[0].state.terminated.getOrCreate();
      ended.exitCode = exitCode;
      ended.finishedAt = api::Time(h.wallNow());
    });
    return true;
  }
  bool tracked() {
    for (const auto& pod : h.client.peekAll<Pod>()) {
      if (isTracked(*pod)) return true;
    }
    return false;
  }
  Harness h;
  std::vector<std::string> ends_;
};

TEST_P(Jobs, CompletesAfterEnoughSuccesses) {
  auto made = makeJob();
  made.spec.parallelism = 2;
  made.spec.completions = 5;
  h.client.put(made);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(endOne("Succeeded")) << i;
    EXPECT_LE(running().size(), 2u);
  }
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(conditions(), "SuccessCriteriaMet:CompletionsReached Complete:CompletionsReached");
  EXPECT_EQ(job()->status.succeeded, 5);
  EXPECT_EQ(job()->status.active, 0);
  EXPECT_TRUE(job()->status.completionTime);
  EXPECT_TRUE(job()->status.uncountedTerminatedPods->succeeded.empty());
  h.run(1min);
  EXPECT_EQ(h.client.peekAll<Pod>().size(), 5u) << "none was made in vain";
  EXPECT_FALSE(tracked());
}

TEST_P(Jobs, EndsAreToldOf) {
  h.client.faults = {};
  h.client.put(makeJob());
  ASSERT_TRUE(endOne("Succeeded"));
  EXPECT_TRUE(h.until([&] { return h.hasEvent("Completed: Job completed"); }));
}

TEST_P(Jobs, FailsAfterTooManyFailures) {
  auto made = makeJob();
  made.spec.backoffLimit = 2;
  h.client.put(made);
  ASSERT_TRUE(endOne("Failed"));
  const auto before = h.executor.now();
  ASSERT_TRUE(endOne("Failed"));
  EXPECT_GE(h.executor.now() - before, 9s) << "a failure is followed by a pause";
  ASSERT_TRUE(endOne("Failed"));
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(conditions(), "FailureTarget:BackoffLimitExceeded Failed:BackoffLimitExceeded");
  EXPECT_EQ(job()->status.failed, 3);
  EXPECT_FALSE(job()->status.completionTime);
  EXPECT_FALSE(tracked());
}

TEST_P(Jobs, DeadlineStopsWhatRuns) {
  auto made = makeJob();
  made.spec.parallelism = made.spec.completions = 3;
  made.spec.activeDeadlineSeconds = 60;
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return job()->status.active == 3; }));
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(conditions(), "FailureTarget:DeadlineExceeded Failed:DeadlineExceeded");
  EXPECT_EQ(job()->status.failed, 3);
  EXPECT_EQ(job()->status.terminating, 0);
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<Pod>().empty(); }));
}

TEST_P(Jobs, SuspendAndResume) {
  auto made = makeJob();
  made.spec.suspend = true;
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return conditions() == "Suspended:JobSuspended"; }));
  EXPECT_FALSE(job()->status.startTime);
  EXPECT_TRUE(h.client.peekAll<Pod>().empty());
  h.client.change<Job>("default", "w", [](Job& j) { j.spec.suspend = false; });
  ASSERT_TRUE(h.until([&] { return job()->status.active == 1; }));
  EXPECT_TRUE(job()->status.startTime);
  h.client.change<Job>("default", "w", [](Job& j) { j.spec.suspend = true; });
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<Pod>().empty() && conditions() != ""; }));
  h.client.change<Job>("default", "w", [](Job& j) { j.spec.suspend = false; });
  ASSERT_TRUE(endOne("Succeeded"));
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(job()->status.failed, 0) << "a suspension is no failure";
}

TEST_P(Jobs, IndexedRunsEachIndexOnce) {
  auto made = makeJob();
  made.spec.completionMode = "Indexed";
  made.spec.parallelism = 2;
  made.spec.completions = 4;
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return running().size() == 2; }));
  auto pod = running()[0];
  EXPECT_EQ(pod->metadata.annotations.at("batch.kubernetes.io/job-completion-index"), "0");
  EXPECT_EQ(pod->spec.hostname, "w-0");
  EXPECT_EQ(pod->spec.containers[0].env.at(0).name, "JOB_COMPLETION_INDEX");
  EXPECT_TRUE(pod->metadata.name.starts_with("w-0-"));
  ASSERT_TRUE(endOne("Failed"));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(endOne("Succeeded")) << i;
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(job()->status.completedIndexes, "0-3");
  EXPECT_EQ(job()->status.succeeded, 4);
  EXPECT_EQ(job()->status.failed, 1);
}

TEST_P(Jobs, PolicyDecidesOverFailures) {
  auto made = makeJob();
  made.spec.backoffLimit = 0;
  auto& rules = made.spec.podFailurePolicy.getOrCreate().rules;
  rules.resize(2);
  rules[0].action = "Ignore";
  rules[0].onPodConditions.resize(1);
  rules[0].onPodConditions[0].type = "DisruptionTarget";
  rules[1].action = "FailJob";
  auto& codes = rules[1].onExitCodes.getOrCreate();
  codes.operator_ = "In";
  codes.values = {42};
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return running().size() == 1; }));
  h.client.change<Pod>("default", running()[0]->metadata.name, [](Pod& p) {
    p.status.phase = "Failed";
    auto& condition = p.status.conditions.emplace_back();
    condition.type = "DisruptionTarget";
    condition.status = "True";
  });
  ASSERT_TRUE(h.until([&] { return running().size() == 1; }));
  EXPECT_EQ(job()->status.failed, 0);
  ASSERT_TRUE(endOne("Failed", 42));
  ASSERT_TRUE(h.until([&] { return isFinished(*job()); }, 1h));
  EXPECT_EQ(conditions(), "FailureTarget:PodFailurePolicy Failed:PodFailurePolicy");
  EXPECT_EQ(job()->status.conditions[0].message,
            "Container c for pod default/" + ends_.back() +
                " failed with exit code 42 matching FailJob rule at index 1");
}

TEST_P(Jobs, AdoptsAndReleasesWithTheFinalizer) {
  auto made = makeJob();
  made.spec.parallelism = made.spec.completions = 2;
  Pod orphan;
  orphan.metadata.namespace_ = "default";
  orphan.metadata.name = "mine";
  orphan.metadata.labels["job"] = "w";
  h.client.put(orphan);
  h.client.put(made);
  const auto pod = [this] { return h.client.peek<Pod>("default", "mine"); };
  ASSERT_TRUE(h.until([&] { return api::controllerOf(pod()->metadata) != nullptr; }, 1h));
  EXPECT_TRUE(isTracked(*pod()));
  ASSERT_TRUE(h.until([&] { return job()->status.active == 2; }, 1h));
  EXPECT_EQ(h.client.peekAll<Pod>().size(), 2u) << "one more, besides the adopted one";
  h.client.change<Pod>("default", "mine", [](Pod& p) { p.metadata.labels["job"] = "other"; });
  ASSERT_TRUE(h.until([&] { return api::controllerOf(pod()->metadata) == nullptr; }, 1h));
  ASSERT_TRUE(h.until([&] { return !isTracked(*pod()); }, 1h));
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<Pod>().size() == 3; }, 1h));
}

TEST_P(Jobs, PodsOfAJobThatIsGoneLoseTheirFinalizer) {
  h.client.put(makeJob());
  ASSERT_TRUE(h.until([&] { return running().size() == 1; }));
  (void)h.client.erase<Job>("default", "w");
  ASSERT_TRUE(h.until([&] { return !tracked(); }, 1h));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Jobs, ::testing::Values(1, 2, 3, 4, 5));

TEST(Indexes, Intervals) {
  auto set = IndexSet::parse("1,3-5,7,x,9-8,100", 50);
  EXPECT_EQ(set.str(), "1,3-5,7");
  EXPECT_EQ(set.size(), 5);
  EXPECT_TRUE(set.contains(4));
  EXPECT_FALSE(set.contains(6));
  set.add(6);
  EXPECT_EQ(set.str(), "1,3-7");
  set.add(2);
  EXPECT_EQ(set.str(), "1-7");
  set.add(9);
  set.add(10);
  set.add(0);
  EXPECT_EQ(set.str(), "0-7,9,10");
  EXPECT_EQ(IndexSet::parse("40-60", 50).str(), "40-49");
}

}  // namespace
}  // namespace coxswain::controllers::job
