#include "api/gen/batch_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addBatch(ResourceTable& table) {
  using namespace api::batch::v1;  // NOLINT
  table.add<CronJob, CronJobList>({.plural = "cronjobs",
                                   .singular = "cronjob",
                                   .shortName = "cj",
                                   .category = "all",
                                   .keyPrefix = "/registry/cronjobs",
                                   .storageVersionHash = "sd5LIXh4Fjs=",
                                   .status = true},
                                  makeCronJobStrategy());
  table.add<Job, JobList>({.plural = "jobs",
                           .singular = "job",
                           .category = "all",
                           .keyPrefix = "/registry/jobs",
                           .storageVersionHash = "mudhfqk/qZY=",
                           .status = true},
                          makeJobStrategy());
}

}  // namespace coxswain::apiserver
