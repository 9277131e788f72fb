#include "api/helpers/pods.h"
#include "behaviour/fixture.h"

namespace coxswain::behaviour {
namespace {

using api::batch::v1::CronJob;
using api::batch::v1::Job;
using api::core::v1::Pod;

std::string condition(const std::shared_ptr<const Job>& job) {
  if (!job) return "gone";
  for (const auto& each : job->status.conditions) {
    if (each.status == "True" && (each.type == "Complete" || each.type == "Failed")) {
      return each.type + " " + each.reason;
    }
  }
  return "";
}

TEST_P(Behaviour, JobCountsEachPodOnce) {
  create(makeJob("work", 5, 2));
  BEHAVIOUR_EVENTUALLY(condition(peek<Job>("work")) == "Complete CompletionsReached");
  EXPECT_EQ(peek<Job>("work")->status.succeeded, 5);
  auto tracked = [this] {
    size_t count = 0;
    for (const auto& pod : all<Pod>()) count += pod->metadata.finalizers.empty() ? 0 : 1;
    return count;
  };
  BEHAVIOUR_EVENTUALLY(tracked() == 0);
  BEHAVIOUR_EVENTUALLY(pods("work") == 5);
  remove<Job>("work");
  BEHAVIOUR_EVENTUALLY(pods("work") == 0);
}

TEST_P(Behaviour, IndexedJobHasEachIndex) {
  auto job = makeJob("idx", 3, 3);
  job.spec.completionMode = "Indexed";
  create(job);
  BEHAVIOUR_EVENTUALLY(condition(peek<Job>("idx")) == "Complete CompletionsReached");
  EXPECT_EQ(peek<Job>("idx")->status.completedIndexes, "0-2");
}

TEST_P(Behaviour, JobGivesUp) {
  auto job = makeJob("bad", 1, 1);
  job.spec.backoffLimit = 1;
  job.spec.template_.metadata.annotations["hollow.coxswain.dev/exit-code"] = "3";
  create(job);
  BEHAVIOUR_EVENTUALLY(condition(peek<Job>("bad")) == "Failed BackoffLimitExceeded");
  EXPECT_EQ(peek<Job>("bad")->status.failed, 2);
}

TEST_P(Behaviour, SuspendedJobWaitsAndTtlEndsIt) {
  auto job = makeJob("later", 1, 1);
  job.spec.suspend = true;
  job.spec.ttlSecondsAfterFinished = 1;
  create(job);
  BEHAVIOUR_EVENTUALLY(peek<Job>("later") && !peek<Job>("later")->status.conditions.empty());
  EXPECT_EQ(pods("later"), 0u);
  change<Job>("later", [](Job& j) { j.spec.suspend = false; });
  BEHAVIOUR_EVENTUALLY(!peek<Job>("later") && pods("later") == 0);
}

TEST_P(Behaviour, CronJobFires) {
  auto cron = named<CronJob>("tick");
  cron.spec.schedule = "* * * * *";
  auto job = makeJob("x", 1, 1);
  job.spec.selector.reset();
  cron.spec.jobTemplate.spec = job.spec;
  create(cron);
  BEHAVIOUR_EVENTUALLY(!all<Job>().empty() && condition(all<Job>()[0]).starts_with("Complete") &&
                       peek<CronJob>("tick")->status.lastScheduleTime);
  remove<CronJob>("tick");
  BEHAVIOUR_EVENTUALLY(all<Job>().empty());
}

}  // namespace
}  // namespace coxswain::behaviour
