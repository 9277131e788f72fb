#include "controllers/cronjob/controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::cronjob {

using api::batch::v1::Job;
using api::core::v1::ObjectReference;

namespace {

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "cronjob-controller";
  o.workers = workers;
  return o;
}

}  // namespace

CronJobController::CronJobController(const Context& context, int workers, api::TimeZone local)
    : Controller(context, controllerOptions(workers)),
      local_(std::move(local)),
      crons_(use<CronJob>()),
      jobs_(use<Job>()) {
  addControllerIndex(jobs_);
  crons_.addHandler([this](const client::Change& change) { onCron(change); });
  jobs_.addHandler([this](const client::Change& change) {
    const auto& meta = *api::objectMeta(change.after ? change.after : change.before);
    const auto* owner = api::controllerOf(meta);
    if (owner != nullptr && owner->kind == "CronJob") {
      queue().add(meta.namespace_ + "/" + owner->name);
    }
  });
}

void CronJobController::onCron(const client::Change& change) {
  const auto key = client::objectKey(change.after ? change.after : change.before);
  const auto* before = change.before.as<CronJob>();
  const auto* after = change.after.as<CronJob>();
  if (before != nullptr && after != nullptr && isRescheduled(*before, *after)) {
    const auto due = decide(*after, now(), local_);
    if (due.again > Duration(0)) {
      queue().addAfter(key, due.again);
      return;
    }
  }
  queue().add(key);
}

Task<Result<Duration>> CronJobController::reconcile(std::string key, std::stop_token stop) {
  auto cron = crons_.get<CronJob>(key);
  if (!cron) co_return Duration(0);
  std::vector<JobPointer> jobs;
  for (const auto& object : jobs_.byIndex(kByController, cron->metadata.uid)) {
    jobs.push_back(object.sharedAs<Job>());
  }
  co_return co_await sync(*cron, std::move(jobs), stop);
}

Task<Result<Duration>> CronJobController::sync(CronJob cron, std::vector<JobPointer> jobs,
                                               std::stop_token stop) {
  const auto before = cron.status;
  std::vector<Event> seen;
  followJobs(jobs, cron, seen);
  CO_TRY_STATUS(co_await confirmActive(cron, jobs, stop));
  auto due = decide(cron, now(), local_);
  Status started;
  if (due.start) started = co_await start(cron, due, stop);
  if (!api::semanticEqual(before, cron.status)) {
    auto written = co_await client::update(client(), cron, "status", stop);
    if (isNotFound(written.status())) co_return Duration(0);
    if (!written.ok()) co_return written.status();
  }
  tell(cron, seen);
  tell(cron, due.events);
  CO_TRY_STATUS(std::move(started));
  for (const auto& job : beyondHistory(cron, std::move(jobs))) {
    CO_TRY_STATUS(co_await removeJob(cron, job->metadata.name, job->metadata.uid, stop));
  }
  co_return due.again;
}

Task<Status> CronJobController::confirmActive(CronJob& cron, std::vector<JobPointer> jobs,
                                              std::stop_token stop) {
  const auto active = cron.status.active;
  for (const auto& reference : active) {
    if (std::any_of(jobs.begin(), jobs.end(), [&reference](const JobPointer& job) {
          return job->metadata.uid == reference.uid;
        })) {
      continue;
    }
    auto live = co_await client::get<Job>(client(), cron.metadata.namespace_, reference.name, stop);
    if (live.ok() && (*live)->metadata.uid == reference.uid) continue;
    if (!live.ok() && !isNotFound(live.status())) co_return live.status();
    std::erase_if(cron.status.active,
                  [&reference](const ObjectReference& each) { return each.uid == reference.uid; });
    events().event(cron, client::kEventNormal, "MissingJob",
                   "Active job went missing: " + reference.name);
  }
  co_return Status();
}

Task<Status> CronJobController::start(CronJob& cron, const Due& due, std::stop_token stop) {
  if (due.replace) {
    const auto active = cron.status.active;
    for (const auto& reference : active) {
      auto there =
          co_await client::get<Job>(client(), cron.metadata.namespace_, reference.name, stop);
      if (!there.ok()) {
        if (!isCanceled(there.status())) {
          events().event(cron, client::kEventWarning, "FailedGet",
                         "Get job: " + there.status().message());
        }
        co_return there.status();
      }
      CO_TRY_STATUS(co_await removeJob(cron, reference.name, reference.uid, stop));
      std::erase_if(cron.status.active, [&reference](const ObjectReference& each) {
        return each.uid == reference.uid;
      });
    }
  }
  // A cache that is behind may not know that its job has been, and is gone again.
  auto live =
      co_await client::get<CronJob>(client(), cron.metadata.namespace_, cron.metadata.name, stop);
  if (isNotFound(live.status())) co_return Status();
  CO_TRY_STATUS(live.status());
  const auto& last = (*live)->status.lastScheduleTime;
  if ((*live)->metadata.uid != cron.metadata.uid || (last && last->unix() >= *due.start)) {
    co_return Status();
  }
  auto job = jobOf(cron, *due.start, due.zone);
  const std::string name = job.metadata.name;
  auto made = co_await client::create(client(), std::move(job), stop);
  bool fresh = made.ok();
  if (isAlreadyExists(made.status())) {
    // Ours, where an answer or a status was lost.
    made = co_await client::get<Job>(client(), cron.metadata.namespace_, name, stop);
    if (made.ok()) {
      const auto* owner = api::controllerOf((*made)->metadata);
      // Somebody else's: whoever made it keeps it.
      if (owner == nullptr || owner->uid != cron.metadata.uid) co_return Status();
      const auto& active = cron.status.active;
      const bool known = std::any_of(active.begin(), active.end(), [&made](const auto& each) {
        return each.uid == (*made)->metadata.uid;
      });
      if (known) co_return Status();
    }
  }
  if (!made.ok()) {
    if (isNamespaceTerminating(made.status())) co_return Status();
    events().event(cron, client::kEventWarning, "FailedCreate",
                   "Error creating job: " + made.status().message());
    co_return made.status();
  }
  if (fresh) events().event(cron, client::kEventNormal, "SuccessfulCreate", "Created job " + name);
  cron.status.active.push_back(referenceTo(**made));
  cron.status.lastScheduleTime = api::Time::fromUnix(*due.start);
  co_return Status();
}

Task<Status> CronJobController::removeJob(const CronJob& cron, std::string name, std::string uid,
                                          std::stop_token stop) {
  client::DeleteOptions options;
  options.propagationPolicy = "Background";
  options.uid = std::move(uid);
  Status status = co_await client().remove(client::resourceOf<Job>(), cron.metadata.namespace_,
                                           name, std::move(options), stop);
  if (isNotFound(status) || isConflict(status)) co_return Status();
  if (status.ok()) {
    events().event(cron, client::kEventNormal, "SuccessfulDelete", "Deleted job " + name);
  } else {
    events().event(cron, client::kEventWarning, "FailedDelete", "Deleted job: " + status.message());
  }
  co_return status;
}

void CronJobController::tell(const CronJob& cron, const std::vector<Event>& list) {
  for (const auto& event : list) {
    events().event(cron, event.warning ? client::kEventWarning : client::kEventNormal, event.reason,
                   event.message);
  }
}

}  // namespace coxswain::controllers::cronjob
