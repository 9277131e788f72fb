// A CronJob each minute: a job for each scheduled time at most once, as many kept as its limits
// say; then it is suspended.
#include <set>

#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::batch::v1::CronJob;
using api::batch::v1::Job;

namespace {

class EachTimeOnce final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    const auto* job = !before && after ? after.as<Job>() : nullptr;
    if (job == nullptr) return;
    // The name says the time.
    if (!seen_.insert(job->metadata.name).second) {
      world.fail("job " + job->metadata.name + " was made twice");
    }
  }

 private:
  std::set<std::string> seen_;
};

void play(World& world) {
  world.watchFor<EachTimeOnce>();
  CronJob cron = named<CronJob>("tick");
  cron.spec.schedule = "* * * * *";
  cron.spec.concurrencyPolicy = world.draw(0, 1) == 0 ? "Forbid" : "Replace";
  cron.spec.successfulJobsHistoryLimit = 2;
  cron.spec.failedJobsHistoryLimit = 1;
  cron.spec.suspend = false;
  auto job = makeJob("x", 1, 1);
  cron.spec.jobTemplate.spec = job.spec;
  cron.spec.jobTemplate.spec.manualSelector = true;  // nobody fills one in here
  world.server.put(cron);
  world.run(5min + 10s);
  // Jobs that were replaced before they were done are not among those that are kept.
  world.until("two were done", [&] {
    size_t done = 0;
    for (const auto& each : world.server.peekAll<Job>())
      done += each->status.completionTime ? 1 : 0;
    return done >= 2;
  });
  auto suspend = [&world](bool yes) {
    world.server.change<CronJob>("default", "tick", [yes](CronJob& c) { c.spec.suspend = yes; });
  };
  suspend(true);
  world.until("all are done, two are kept", [&] {
    size_t done = 0;
    for (const auto& each : world.server.peekAll<Job>()) {
      if (!each->status.completionTime) return false;
      ++done;
    }
    return done == 2 && world.server.peek<CronJob>("default", "tick")->status.active.empty();
  });
  // Which times were caught is chance: the end is compared without them.
  remove<CronJob>(world, "tick");
  world.until("all gone", [&] { return world.server.peekAll<Job>().empty(); });
}

}  // namespace

Scenario cronJob() {
  return {"cronjob",
          {"cronjob-controller", "job-controller", "garbage-collector-controller"},
          play,
          oneNodeWherePodsSucceed};
}

}  // namespace coxswain::simulation
