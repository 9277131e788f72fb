#pragma once

#include <string>
#include <vector>

#include "controllers/cronjob/decide.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::cronjob {

/// Makes a Job whenever a CronJob is due, and deletes those that finished long ago.
///
/// A job's name tells the time of its run, so that no run starts twice, however old the cache is.
/// Schedules without spec.timeZone are in the zone `local`.
/// Upstream: pkg/controller/cronjob.
class CronJobController final : public Controller {
 public:
  explicit CronJobController(const Context& context, int workers = 5, api::TimeZone local = {});

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using CronJob = api::batch::v1::CronJob;

  Task<Result<Duration>> sync(CronJob cron, std::vector<JobPointer> jobs, std::stop_token stop);
  /// Takes those off status.active that are in the cache no more, and on the server neither.
  Task<Status> confirmActive(CronJob& cron, std::vector<JobPointer> jobs, std::stop_token stop);
  Task<Status> start(CronJob& cron, const Due& due, std::stop_token stop);
  Task<Status> removeJob(const CronJob& cron, std::string name, std::string uid,
                         std::stop_token stop);
  void onCron(const client::Change& change);
  void tell(const CronJob& cron, const std::vector<Event>& list);

  api::TimeZone local_;
  client::Informer& crons_;
  client::Informer& jobs_;
};

}  // namespace coxswain::controllers::cronjob
