#include "controllers/cronjob/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "api/gen/meta_v1.h"
#include "api/helpers/cron.h"
#include "api/helpers/objects.h"
#include "api/meta/time.h"
#include "api/names/quote.h"

namespace coxswain::controllers::cronjob {

using api::batch::v1::CronJob;
using api::batch::v1::Job;
using api::core::v1::ObjectReference;

namespace {

/// Condition Complete or Failed; empty: it has not ended.
std::string_view endOf(const Job& job) {
  for (const auto& condition : job.status.conditions) {
    if (condition.status != "True") continue;
    if (condition.type == "Complete" || condition.type == "Failed") return condition.type;
  }
  return {};
}

/// RFC 3339 with the zone's offset.
std::string timeIn(const api::TimeZone& zone, int64_t at) {
  const int64_t offset = zone.offset(at);
  auto text = api::formatRfc3339(at + offset, 0, 0);
  if (offset == 0) return text;
  text.pop_back();
  const int64_t minutes = std::abs(offset) / 60;
  return text + fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/// "Mon, 02 Jan 2006 15:04:05 +0000"
std::string mailTime(int64_t at) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_seconds when{std::chrono::seconds(at)};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
      time.seconds().count());
}

/// Runs before this moment are not made up for.
int64_t earliest(const CronJob& cron, int64_t now) {
  const auto& last = cron.status.lastScheduleTime;
  const int64_t from = last ? last->unix() : cron.metadata.creationTimestamp.unix();
  const auto& deadline = cron.spec.startingDeadlineSeconds;
  return deadline ? std::max(from, now - std::min(*deadline, now)) : from;
}

std::string jobName(const CronJob& cron, int64_t scheduled) {
  return fmt::format("{}-{}", cron.metadata.name, scheduled / 60);
}

bool isActive(const CronJob& cron, std::string_view name) {
  const auto& active = cron.status.active;
  return std::any_of(active.begin(), active.end(),
                     [name](const auto& each) { return each.name == name; });
}

/// Whether a run that is due may start.
void decideStart(const CronJob& cron, int64_t scheduled, int64_t now, Due& due) {
  const auto& deadline = cron.spec.startingDeadlineSeconds;
  if (deadline && now - scheduled > *deadline) {
    due.events.push_back(
        {true, "MissSchedule", "Missed scheduled time to start a job: " + mailTime(scheduled)});
    return;
  }
  const auto& last = cron.status.lastScheduleTime;
  if (isActive(cron, jobName(cron, scheduled)) || (last && last->unix() == scheduled)) return;
  if (cron.spec.concurrencyPolicy == "Forbid" && !cron.status.active.empty()) {
    due.events.push_back({false, "JobAlreadyActive",
                          "Not starting job because prior execution is running and concurrency "
                          "policy is Forbid"});
    return;
  }
  due.replace = cron.spec.concurrencyPolicy == "Replace";
  due.start = scheduled;
}

void takeOldest(std::vector<JobPointer> jobs, const std::optional<int32_t>& limit,
                std::vector<JobPointer>& out) {
  if (!limit || jobs.size() <= static_cast<size_t>(std::max(*limit, 0))) return;
  std::sort(jobs.begin(), jobs.end(), [](const JobPointer& a, const JobPointer& b) {
    const auto key = [](const Job& job) {
      return std::tuple(job.status.startTime.value_or(job.metadata.creationTimestamp),
                        std::string_view(job.metadata.name));
    };
    return key(*a) < key(*b);
  });
  jobs.resize(jobs.size() - static_cast<size_t>(std::max(*limit, 0)));
  out.insert(out.end(), jobs.begin(), jobs.end());
}

}  // namespace

void followJobs(const std::vector<JobPointer>& jobs, CronJob& cron, std::vector<Event>& events) {
  auto& status = cron.status;
  for (const auto& job : jobs) {
    const auto found =
        std::find_if(status.active.begin(), status.active.end(),
                     [&job](const ObjectReference& each) { return each.uid == job->metadata.uid; });
    const auto end = endOf(*job);
    if (end.empty()) {
      // A run that was started and could not be noted is noted at its next look.
      if (found == status.active.end() &&
          (!status.lastScheduleTime ||
           job->metadata.creationTimestamp.unix() < status.lastScheduleTime->unix())) {
        events.push_back(
            {true, "UnexpectedJob",
             "Saw a job that the controller did not create or forgot: " + job->metadata.name});
      }
      continue;
    }
    if (found != status.active.end()) {
      status.active.erase(found);
      events.push_back(
          {false, "SawCompletedJob",
           fmt::format("Saw completed job: {}, condition: {}", job->metadata.name, end)});
    }
    const auto& ended = job->status.completionTime;
    if (end == "Complete" && ended &&
        (!status.lastSuccessfulTime || *status.lastSuccessfulTime < *ended)) {
      status.lastSuccessfulTime = *ended;
    }
  }
}

bool isRescheduled(const CronJob& before, const CronJob& after) {
  return before.spec.schedule != after.spec.schedule || before.spec.timeZone != after.spec.timeZone;
}

Due decide(const CronJob& cron, WallTime now, const api::TimeZone& local) {
  Due due;
  const auto& spec = cron.spec;
  if (cron.metadata.deletionTimestamp) return due;
  if (spec.timeZone) {
    const auto zone = api::TimeZone::load(*spec.timeZone);
    if (!zone.ok()) {
      due.events.push_back({true, "UnknownTimeZone",
                            fmt::format("invalid timeZone: {}: {}", api::goQuote(*spec.timeZone),
                                        zone.status().message())});
      return due;
    }
    due.zone = *zone;
  }
  if (spec.suspend.value_or(false)) return due;
  const auto schedule = api::CronSchedule::parse(spec.schedule);
  if (!schedule.ok()) {
    due.events.push_back({true, "UnparseableSchedule",
                          fmt::format("unparseable schedule: {} : {}", api::goQuote(spec.schedule),
                                      schedule.status().message())});
    return due;
  }
  api::TimeZone zone = spec.timeZone ? due.zone : local;
  if (spec.schedule.find("TZ") != std::string::npos) {
    due.events.push_back(
        {true, "UnsupportedSchedule",
         fmt::format("CRON_TZ or TZ used in schedule {} is not officially supported, see "
                     "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for "
                     "more details",
                     api::goQuote(spec.schedule))});
    const auto named = api::CronSchedule::zoneOf(spec.schedule);
    // parse() has found it.
    zone = named.empty() ? local : api::TimeZone::load(named).valueOr(local);
  }
  const auto offset = [&zone](int64_t at) { return zone.offset(at); };
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  const int64_t from = earliest(cron, seconds);
  const auto last = schedule->last(from, seconds, offset);
  if (last) {
    if (last->many) {
      due.events.push_back({true, "TooManyMissedTimes",
                            "too many missed start times. Set or decrease "
                            ".spec.startingDeadlineSeconds or check clock skew"});
    }
    decideStart(cron, last->at, seconds, due);
  }
  // Runs of "@every" are counted from the one before.
  const auto next = schedule->next(last ? last->at : from, offset);
  if (!next) {
    due.events.push_back(
        {true, "InvalidSchedule",
         fmt::format("invalid schedule schedule: {} : time difference between two schedules is "
                     "less than 1 second",
                     spec.schedule)});
    return due;
  }
  const Duration wait = std::chrono::seconds(*next) - now.time_since_epoch();
  due.again = std::max<Duration>(wait, Duration(0)) + 100ms;
  return due;
}

Job jobOf(const CronJob& cron, int64_t scheduled, const api::TimeZone& zone) {
  Job job;
  const auto& from = cron.spec.jobTemplate;
  job.metadata.name = jobName(cron, scheduled);
  job.metadata.namespace_ = cron.metadata.namespace_;
  job.metadata.labels = from.metadata.labels;
  job.metadata.annotations = from.metadata.annotations;
  job.metadata.annotations.insert_or_assign(api::batch::v1::kCronJobScheduledTimestampAnnotation,
                                            timeIn(zone, scheduled));
  job.metadata.ownerReferences.push_back(
      api::newControllerRef(cron.metadata, "batch/v1", "CronJob"));
  job.spec = from.spec;
  return job;
}

ObjectReference referenceTo(const Job& job) {
  ObjectReference out;
  out.kind = "Job";
  out.apiVersion = "batch/v1";
  out.namespace_ = job.metadata.namespace_;
  out.name = job.metadata.name;
  out.uid = job.metadata.uid;
  out.resourceVersion = job.metadata.resourceVersion;
  return out;
}

std::vector<JobPointer> beyondHistory(const CronJob& cron, std::vector<JobPointer> jobs) {
  std::vector<JobPointer> succeeded;
  std::vector<JobPointer> failed;
  for (auto& job : jobs) {
    if (job->metadata.deletionTimestamp) continue;
    const auto end = endOf(*job);
    if (end == "Complete") succeeded.push_back(std::move(job));
    if (end == "Failed") failed.push_back(std::move(job));
  }
  std::vector<JobPointer> out;
  takeOldest(std::move(succeeded), cron.spec.successfulJobsHistoryLimit, out);
  takeOldest(std::move(failed), cron.spec.failedJobsHistoryLimit, out);
  return out;
}

}  // namespace coxswain::controllers::cronjob
