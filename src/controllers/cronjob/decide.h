#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/helpers/time_zone.h"
#include "base/time.h"

namespace coxswain::controllers::cronjob {

using JobPointer = std::shared_ptr<const api::batch::v1::Job>;

struct Event {
  bool warning = false;
  std::string reason;
  std::string message;
};

/// Takes finished jobs off status.active and notes the last success. `jobs` are those of the cron
/// job in the cache.
void followJobs(const std::vector<JobPointer>& jobs, api::batch::v1::CronJob& cron,
                std::vector<Event>& events);

/// What the clock says.
struct Due {
  std::optional<int64_t> start;  ///< scheduled time (seconds since 1970) of the run to start now
  bool replace = false;          ///< those that are active are deleted first
  Duration again{};              ///< when to look again; 0: when something changes
  api::TimeZone zone;            ///< spec.timeZone
  std::vector<Event> events;
};
/// `cron` with its status up to date. `local`: the zone of schedules that name none.
/// Upstream: syncCronJob of pkg/controller/cronjob/cronjob_controllerv2.go.
Due decide(const api::batch::v1::CronJob& cron, WallTime now, const api::TimeZone& local = {});
/// The schedule or its zone differs: runs of the new one before now are not made up for.
bool isRescheduled(const api::batch::v1::CronJob& before, const api::batch::v1::CronJob& after);

/// The job of a run; its name tells the time.
api::batch::v1::Job jobOf(const api::batch::v1::CronJob& cron, int64_t scheduled,
                          const api::TimeZone& zone);
api::core::v1::ObjectReference referenceTo(const api::batch::v1::Job& job);

/// Finished jobs beyond the limits of the history, the oldest first.
std::vector<JobPointer> beyondHistory(const api::batch::v1::CronJob& cron,
                                      std::vector<JobPointer> jobs);

}  // namespace coxswain::controllers::cronjob
