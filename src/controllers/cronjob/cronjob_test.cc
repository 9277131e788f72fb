#include <gtest/gtest.h>

#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/cronjob/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::cronjob {
namespace {

using api::batch::v1::CronJob;
using api::batch::v1::Job;
using testing::Harness;

CronJob makeCron(WallTime created, const std::string& schedule = "* * * * *") {
  CronJob cron;
  cron.metadata.name = "c";
  cron.metadata.namespace_ = "default";
  cron.metadata.uid = "cron-uid";
  cron.metadata.creationTimestamp = api::Time(created);
  cron.spec.schedule = schedule;
  cron.spec.concurrencyPolicy = "Allow";
  cron.spec.successfulJobsHistoryLimit = 3;
  cron.spec.failedJobsHistoryLimit = 1;
  cron.spec.jobTemplate.metadata.labels["a"] = "b";
  return cron;
}

void finish(Job& job, const std::string& type, WallTime when) {
  auto& condition = job.status.conditions.emplace_back();
  condition.type = type;
  condition.status = "True";
  if (type == "Complete") job.status.completionTime = api::Time(when);
}

WallTime at(std::string_view text) {
  const auto time = api::Time::parse(text);
  EXPECT_TRUE(time.ok()) << text;
  return time->wall();
}

/// The scheduled time, the reasons of events, and the wait in milliseconds.
std::string decided(const CronJob& cron, std::string_view now) {
  const auto due = decide(cron, at(now));
  std::string out = due.start ? api::Time::fromUnix(*due.start).str() : "-";
  for (const auto& event : due.events) out += " " + event.reason;
  return out + " " + std::to_string(due.again / 1ms);
}

TEST(CronJobDecide, ZonesOfSchedules) {
  auto cron = makeCron(at("2026-01-01T00:00:30Z"), "0 6 * * *");
  const auto local = api::TimeZone::load("Asia/Tokyo");  // nine hours ahead
  ASSERT_TRUE(local.ok());
  const auto start = [&](const CronJob& c) {
    return decide(c, at("2026-01-02T00:00:00Z"), *local).start;
  };
  EXPECT_EQ(start(cron), at("2026-01-01T21:00:00Z").time_since_epoch() / 1s);
  const auto due = decide(cron, at("2026-01-02T00:00:00Z"), *local);
  EXPECT_EQ(jobOf(cron, *due.start, due.zone)
                .metadata.annotations.at("batch.kubernetes.io/cronjob-scheduled-timestamp"),
            "2026-01-01T21:00:00Z")
      << "in UTC, where the object names no zone";
  cron.spec.timeZone = "Etc/UTC";
  EXPECT_EQ(start(cron), at("2026-01-01T06:00:00Z").time_since_epoch() / 1s);
  cron.spec.timeZone.reset();
  cron.spec.schedule = "CRON_TZ=America/New_York 0 6 * * *";
  EXPECT_EQ(start(cron), at("2026-01-01T11:00:00Z").time_since_epoch() / 1s);
  const auto events = decide(cron, at("2026-01-02T00:00:00Z"), *local).events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].reason, "UnsupportedSchedule");
  EXPECT_EQ(
      events[0].message,
      "CRON_TZ or TZ used in schedule \"CRON_TZ=America/New_York 0 6 * * *\" is not "
      "officially supported, see "
      "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
}

TEST(CronJobDecide, TextsOfEvents) {
  auto cron = makeCron(at("2026-11-26T00:00:00Z"), "30 5 * * *");
  cron.spec.startingDeadlineSeconds = 3600;
  auto events = decide(cron, at("2026-11-26T06:30:00Z")).events;
  EXPECT_TRUE(events.empty()) << "forgotten";
  cron.spec.schedule = "59 23 31 2 *";
  events = decide(cron, at("2026-11-26T06:30:00Z")).events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].reason, "InvalidSchedule");
  EXPECT_EQ(events[0].message,
            "invalid schedule schedule: 59 23 31 2 * : time difference between two schedules is "
            "less than 1 second");
}

TEST(CronJobDecide, Starts) {
  auto cron = makeCron(at("2026-01-01T00:00:30Z"), "*/5 * * * *");
  EXPECT_EQ(decided(cron, "2026-01-01T00:01:00Z"), "- 240100");
  EXPECT_EQ(decided(cron, "2026-01-01T00:05:00Z"), "2026-01-01T00:05:00Z 300100");
  EXPECT_EQ(decided(cron, "2026-01-01T00:17:00Z"), "2026-01-01T00:15:00Z 180100");
  EXPECT_EQ(decided(cron, "2026-01-02T00:00:00Z"),
            "2026-01-02T00:00:00Z TooManyMissedTimes 300100");
  cron.spec.startingDeadlineSeconds = 60;
  EXPECT_EQ(decided(cron, "2026-01-01T00:17:00Z"), "- 180100");
  EXPECT_EQ(decided(cron, "2026-01-01T00:15:30Z"), "2026-01-01T00:15:00Z 270100");
  cron.status.lastScheduleTime = api::Time(at("2026-01-01T00:15:00Z"));
  EXPECT_EQ(decided(cron, "2026-01-01T00:15:30Z"), "- 270100");
  cron.spec.suspend = true;
  EXPECT_EQ(decided(cron, "2026-01-01T00:20:00Z"), "- 0");
  cron.spec.suspend = false;
  cron.spec.timeZone = "Mars/X";
  EXPECT_EQ(decided(cron, "2026-01-01T00:20:00Z"), "- UnknownTimeZone 0");
  cron.spec.timeZone.reset();
  cron.spec.schedule = "x";
  EXPECT_EQ(decided(cron, "2026-01-01T00:20:00Z"), "- UnparseableSchedule 0");
}

TEST(CronJobDecide, Policies) {
  auto cron = makeCron(at("2026-01-01T00:00:30Z"));
  cron.status.active.emplace_back().name = "c-1";
  cron.spec.concurrencyPolicy = "Forbid";
  EXPECT_EQ(decided(cron, "2026-01-01T00:01:00Z"), "- JobAlreadyActive 60100");
  cron.spec.concurrencyPolicy = "Replace";
  EXPECT_TRUE(decide(cron, at("2026-01-01T00:01:00Z")).replace);
}

TEST(CronJobDecide, MakesJobs) {
  const auto cron = makeCron(at("2026-01-01T00:00:00Z"));
  const auto job = jobOf(cron, 1767225600, api::TimeZone());
  EXPECT_EQ(job.metadata.name, "c-29453760");
  EXPECT_EQ(*job.metadata.annotations.get("batch.kubernetes.io/cronjob-scheduled-timestamp"),
            "2026-01-01T00:00:00Z");
  EXPECT_EQ(*job.metadata.labels.get("a"), "b");
  ASSERT_NE(api::controllerOf(job.metadata), nullptr);
  EXPECT_EQ(api::controllerOf(job.metadata)->kind, "CronJob");
}

class CronJobs : public ::testing::TestWithParam<uint64_t> {
 protected:
  CronJobs() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.client.faults.watchEnd = 0.02;
    h.add<CronJobController>();
    h.start();
  }
  void put(CronJob cron) { h.client.put(std::move(cron)); }
  std::shared_ptr<const CronJob> cron() { return h.client.peek<CronJob>("default", "c"); }
  std::vector<std::shared_ptr<const Job>> jobs() { return h.client.peekAll<Job>(); }
  void finishAll(const std::string& type) {
    for (const auto& job : jobs()) {
      if (!job->status.conditions.empty()) continue;
      h.client.change<Job>("default", job->metadata.name,
                           [&](Job& each) { finish(each, type, h.wallNow()); });
    }
  }
  Harness h;
};

TEST_P(CronJobs, RunsEachMinuteAndKeepsAHistory) {
  put(makeCron(h.wallNow()));
  std::set<std::string> names;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(h.until([&] {
      for (const auto& job : jobs()) {
        if (job->status.conditions.empty()) return true;
      }
      return false;
    })) << i;
    for (const auto& job : jobs()) names.insert(job->metadata.name);
    finishAll("Complete");
  }
  EXPECT_GE(names.size(), 10u);
  ASSERT_TRUE(h.until([&] {
    finishAll("Complete");
    return cron()->status.lastSuccessfulTime && jobs().size() <= 4;
  }));
  EXPECT_LE(cron()->status.active.size(), 2u);
  EXPECT_TRUE(h.hasEvent("SuccessfulCreate: Created job c-"));
  EXPECT_TRUE(h.hasEvent("SawCompletedJob: Saw completed job: c-"));
}

TEST_P(CronJobs, ForbidWaitsForTheOneBefore) {
  auto made = makeCron(h.wallNow());
  made.spec.concurrencyPolicy = "Forbid";
  put(made);
  ASSERT_TRUE(h.until([&] { return jobs().size() == 1; }));
  const auto first = jobs()[0]->metadata.name;
  h.run(5min);
  ASSERT_EQ(jobs().size(), 1u);
  EXPECT_TRUE(h.hasEvent("JobAlreadyActive"));
  finishAll("Failed");
  ASSERT_TRUE(h.until([&] { return jobs().size() == 2; }));
}

TEST_P(CronJobs, ReplaceDeletesTheOneBefore) {
  auto made = makeCron(h.wallNow());
  made.spec.concurrencyPolicy = "Replace";
  put(made);
  ASSERT_TRUE(h.until([&] { return jobs().size() == 1; }));
  const auto first = jobs()[0]->metadata.name;
  ASSERT_TRUE(h.until([&] { return jobs().size() == 1 && jobs()[0]->metadata.name != first; }));
}

TEST_P(CronJobs, SuspendedStartsNothing) {
  auto made = makeCron(h.wallNow());
  made.spec.suspend = true;
  put(made);
  h.run(5min);
  ASSERT_TRUE(jobs().empty());
  h.client.change<CronJob>("default", "c", [](CronJob& c) { c.spec.suspend = false; });
  ASSERT_TRUE(h.until([&] { return !jobs().empty(); }));
}

TEST_P(CronJobs, ANewScheduleMakesUpForNothing) {
  h.client.faults = {};
  auto made = makeCron(h.wallNow() - 24h, "0 0 1 7 *");
  made.status.lastScheduleTime = api::Time(h.wallNow() - 23h);
  put(made);
  h.run(1min);
  ASSERT_TRUE(jobs().empty());
  h.client.change<CronJob>("default", "c", [](CronJob& c) { c.spec.schedule = "0 * * * *"; });
  h.run(1s);
  EXPECT_TRUE(jobs().empty()) << "its last hours were not its own";
  ASSERT_TRUE(h.until([&] { return jobs().size() == 1; }, 61min));
  EXPECT_EQ(cron()->status.lastScheduleTime->unix() % 3600, 0);
}

TEST_P(CronJobs, AJobOfSomebodyElseStaysAlone) {
  h.client.faults = {};
  const auto next = std::chrono::ceil<std::chrono::minutes>(h.wallNow() + 1s);
  Job other;
  other.metadata.namespace_ = "default";
  other.metadata.name = "c-" + std::to_string(next.time_since_epoch() / 1min);
  h.client.put(other);
  put(makeCron(h.wallNow()));
  h.run(70s);
  EXPECT_TRUE(cron()->status.active.empty());
  EXPECT_FALSE(h.hasEvent("FailedCreate"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, CronJobs, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace coxswain::controllers::cronjob
