#include "controllers/ttlafterfinished/controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"

namespace coxswain::controllers::ttlafterfinished {

using api::batch::v1::Job;

namespace {

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "ttl-after-finished-controller";
  o.workers = workers;
  return o;
}

}  // namespace

std::optional<WallTime> expiry(const Job& job) {
  if (!job.spec.ttlSecondsAfterFinished || job.metadata.deletionTimestamp) return std::nullopt;
  const auto& conditions = job.status.conditions;
  const auto ended = std::find_if(conditions.begin(), conditions.end(), [](const auto& each) {
    return (each.type == "Complete" || each.type == "Failed") && each.status == "True";
  });
  if (ended == conditions.end() || ended->lastTransitionTime.isZero()) return std::nullopt;
  return ended->lastTransitionTime.wall() + std::chrono::seconds(*job.spec.ttlSecondsAfterFinished);
}

TtlAfterFinishedController::TtlAfterFinishedController(const Context& context, int workers)
    : Controller(context, controllerOptions(workers)), jobs_(use<Job>()) {
  jobs_.addHandler([this](const client::Change& change) {
    if (change.after && expiry(*change.after.as<Job>())) {
      queue().add(client::objectKey(change.after));
    }
  });
}

Task<Result<Duration>> TtlAfterFinishedController::reconcile(std::string key,
                                                             std::stop_token stop) {
  auto job = jobs_.get<Job>(key);
  if (!job) co_return Duration(0);
  auto when = expiry(*job);
  if (!when) co_return Duration(0);
  if (*when > now()) co_return *when - now();
  // The time may have been made longer, and the cache not know of it yet.
  auto live =
      co_await client::get<Job>(client(), job->metadata.namespace_, job->metadata.name, stop);
  if (isNotFound(live.status())) co_return Duration(0);
  if (!live.ok()) co_return live.status();
  if ((*live)->metadata.uid != job->metadata.uid) co_return Duration(0);
  when = expiry(**live);
  if (!when) co_return Duration(0);
  if (*when > now()) co_return *when - now();
  client::DeleteOptions options;
  options.propagationPolicy = "Foreground";
  options.uid = job->metadata.uid;
  options.resourceVersion = (*live)->metadata.resourceVersion;
  Status status = co_await client().remove(client::resourceOf<Job>(), job->metadata.namespace_,
                                           job->metadata.name, std::move(options), stop);
  if (!status.ok() && !isNotFound(status)) co_return status;
  co_return Duration(0);
}

}  // namespace coxswain::controllers::ttlafterfinished
