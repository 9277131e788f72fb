#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::batch::v1;  // NOLINT

constexpr Column kJobColumns[] = {kName, {"Status"},         {"Completions"}, {"Duration"},
                                  kAge,  wide("Containers"), wide("Images"),  wide("Selector")};

bool isTrue(const Job& job, std::string_view type) {
  for (const auto& condition : job.status.conditions) {
    if (condition.type == type && condition.status == "True") return true;
  }
  return false;
}

std::string jobStatus(const Job& job) {
  for (const char* type : {"Complete", "Failed"}) {
    if (isTrue(job, type)) return type;
  }
  if (job.metadata.deletionTimestamp) return "Terminating";
  for (const char* type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (isTrue(job, type)) return type;
  }
  return "Running";
}

std::string jobCompletions(const Job& job) {
  if (job.spec.completions) return cat(job.status.succeeded, "/", *job.spec.completions);
  const int32_t parallelism = job.spec.parallelism.value_or(0);
  if (parallelism > 1) return cat(job.status.succeeded, "/1 of ", parallelism);
  return cat(job.status.succeeded, "/1");
}

std::string jobDuration(const Job& job, WallTime now) {
  if (!job.status.startTime) return "";
  const WallTime end = job.status.completionTime ? job.status.completionTime->wall() : now;
  return humanDuration(end - job.status.startTime->wall());
}

void printJob(const Job& job, Row& row) {
  row.text(job.metadata.name)
      .text(jobStatus(job))
      .text(jobCompletions(job))
      .text(jobDuration(job, row.now()))
      .age(job.metadata);
  podSpecCells(job.spec.template_.spec, row);
  row.text(selectorText(job.spec.selector.get()));
}

constexpr Column kCronJobColumns[] = {kName,
                                      {"Schedule"},
                                      {"Timezone"},
                                      boolean("Suspend"),
                                      integer("Active"),
                                      {"Last Schedule"},
                                      kAge,
                                      wide("Containers"),
                                      wide("Images"),
                                      wide("Selector")};

void printCronJob(const CronJob& object, Row& row) {
  const auto& suspend = object.spec.suspend;
  const auto& last = object.status.lastScheduleTime;
  row.text(object.metadata.name)
      .text(object.spec.schedule)
      .text(object.spec.timeZone.value_or("<none>"))
      .text(!suspend   ? "<unset>"
            : *suspend ? "True"
                       : "False")
      .number(static_cast<int64_t>(object.status.active.size()))
      .text(last ? ageText(*last, row.now()) : "<none>")
      .age(object.metadata);
  podSpecCells(object.spec.jobTemplate.spec.template_.spec, row);
  row.text(selectorText(object.spec.jobTemplate.spec.selector.get()));
}

}  // namespace

std::span<const Printer> batchPrinters() {
  static const Printer all[] = {
      printer<Job, printJob>(kJobColumns),
      printer<CronJob, printCronJob>(kCronJobColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
