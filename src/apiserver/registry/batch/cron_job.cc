#include <algorithm>

#include "api/helpers/cron.h"
#include "api/helpers/time_zone.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/batch/job_rules.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"
#include "base/text.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::batch::v1::CronJob;
using api::batch::v1::CronJobSpec;
using api::batch::v1::JobTemplateSpec;

namespace {

/// Jobs are named after it, with eleven characters more, and pods after those.
constexpr size_t kMaxName = 52;

bool namesZone(std::string_view schedule) {
  return schedule.find("TZ") != std::string_view::npos;
}

/// `kept`: a zone in the schedule itself was allowed once, and stays so.
void checkSchedule(const CronJobSpec& spec, bool kept, const FieldPath& path, FieldErrors& errors) {
  if (spec.schedule.empty()) return errors.required(path);
  const auto parsed = api::CronSchedule::parse(spec.schedule);
  if (!parsed.ok()) errors.invalid(path, spec.schedule, parsed.status().message());
  if (!namesZone(spec.schedule)) return;
  if (!kept) {
    errors.invalid(path, spec.schedule,
                   "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (spec.timeZone) {
    errors.invalid(path, spec.schedule,
                   "cannot use both timeZone field and TZ or CRON_TZ in schedule");
  }
}

/// Parts between slashes of 1 to 14 letters and the like, none of which leads out of a folder.
bool looksLikeZone(std::string_view zone) {
  constexpr size_t kMax = 14;
  const auto good = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '+';
  };
  for (bool more = true; more;) {
    const auto slash = zone.find('/');
    more = slash != std::string_view::npos;
    const auto part = zone.substr(0, slash);
    if (part.empty() || part.size() > kMax || part == "." || part == ".." || part.front() == '-' ||
        !std::all_of(part.begin(), part.end(), good)) {
      return false;
    }
    if (more) zone.remove_prefix(slash + 1);
  }
  return true;
}

void checkZone(const std::string& zone, const FieldPath& path, FieldErrors& errors) {
  if (zone.empty()) {
    return errors.invalid(path, zone, "timeZone must be nil or non-empty string");
  }
  if (!looksLikeZone(zone)) return errors.invalid(path, zone, "unknown time zone " + zone);
  if (lowerCase(zone) == "local") {
    errors.invalid(
        path, zone,
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    if (zone == "Local") return;
  }
  const auto status = api::TimeZone::load(zone).status();
  if (!status.ok()) errors.invalid(path, zone, status.message());
}

void checkTemplate(const JobTemplateSpec& jobTemplate, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child("spec");
  checkJobSpec(jobTemplate.spec, at, errors);
  if (jobTemplate.spec.selector) {
    errors.invalid(at.child("selector"), asJson(*jobTemplate.spec.selector),
                   "`selector` will be auto-generated");
  }
  if (jobTemplate.spec.manualSelector.value_or(false)) {
    errors.notSupported(at.child("manualSelector"), true, {"nil", "false"});
  }
}

void checkSpec(const CronJobSpec& spec, const CronJobSpec* current, FieldErrors& errors) {
  const FieldPath path("spec");
  checkSchedule(spec, current != nullptr && namesZone(current->schedule), path.child("schedule"),
                errors);
  if (spec.startingDeadlineSeconds) {
    checkNonNegative(*spec.startingDeadlineSeconds, path.child("startingDeadlineSeconds"), errors);
  }
  if (spec.timeZone && (current == nullptr || current->timeZone != spec.timeZone)) {
    checkZone(*spec.timeZone, path.child("timeZone"), errors);
  }
  checkOneOf(spec.concurrencyPolicy, {"Allow", "Forbid", "Replace"},
             path.child("concurrencyPolicy"), errors);
  checkTemplate(spec.jobTemplate, path.child("jobTemplate"), errors);
  checkNonNegative(spec.successfulJobsHistoryLimit, path.child("successfulJobsHistoryLimit"),
                   errors);
  checkNonNegative(spec.failedJobsHistoryLimit, path.child("failedJobsHistoryLimit"), errors);
}

class CronJobKind final : public TypedStrategy<CronJob> {
 public:
  CronJobKind() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void defaults(CronJob& object) const override {
    auto& spec = object.spec;
    setPodTemplateDefaults(spec.jobTemplate.spec.template_);
    setFailurePolicyDefaults(spec.jobTemplate.spec);
    if (spec.concurrencyPolicy.empty()) spec.concurrencyPolicy = "Allow";
    if (!spec.suspend) spec.suspend = false;
    if (!spec.successfulJobsHistoryLimit) spec.successfulJobsHistoryLimit = 3;
    if (!spec.failedJobsHistoryLimit) spec.failedJobsHistoryLimit = 1;
  }
  void check(const CronJob& object, FieldErrors& errors) const override {
    checkSpec(object.spec, nullptr, errors);
    if (object.metadata.name.size() > kMaxName) {
      errors.invalid(FieldPath("metadata").child("name"), object.metadata.name,
                     "must be no more than 52 characters");
    }
  }
  void checkUpdate(const CronJob& next, const CronJob& current,
                   FieldErrors& errors) const override {
    checkSpec(next.spec, &current.spec, errors);
  }
  void warn(const CronJob& next, const CronJob* current,
            std::vector<std::string>& out) const override {
    if (!current) warnOfPodMakersName(next.metadata.name, out);
    const auto job = FieldPath("spec").child("jobTemplate").child("spec");
    warnOfPodTemplate(next.spec.jobTemplate.spec.template_, job.child("template"), out);
    if (namesZone(next.spec.schedule)) {
      out.emplace_back(
          "CRON_TZ or TZ used in spec.schedule is not officially supported, see "
          "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeCronJobStrategy() {
  return std::make_unique<CronJobKind>();
}

}  // namespace coxswain::apiserver
