#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/batch/job_rules.h"
#include "apiserver/registry/core/pod_internal_json.h"

namespace coxswain::apiserver {

namespace v1 = api::batch::v1;
using api::FieldErrors;
using api::FieldPath;

// Whoever manages a job (spec.managedBy) writes its status, so what it must not say is told here.

namespace {

bool isTrue(const v1::JobStatus& status, std::string_view type) {
  return std::any_of(status.conditions.begin(), status.conditions.end(), [type](const auto& each) {
    return each.type == type && each.status == "True";
  });
}

bool isFinished(const v1::JobStatus& status) {
  return isTrue(status, v1::kJobComplete) || isTrue(status, v1::kJobFailed);
}

void invalidConditions(const FieldPath& path, std::string_view text, FieldErrors& errors) {
  errors.add({"FieldValueInvalid", fmt::format("Invalid value: {}", text),
              path.child("conditions").str()});
}

template <typename T>
bool sameBox(const api::Box<T>& a, const api::Box<T>& b) {
  if (!a || !b) return !a == !b;
  return api::semanticEqual(*a, *b);
}

void checkCounters(const v1::JobStatus& status, const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(int64_t{status.active}, path.child("active"), errors);
  checkNonNegative(int64_t{status.succeeded}, path.child("succeeded"), errors);
  checkNonNegative(int64_t{status.failed}, path.child("failed"), errors);
  checkNonNegative(status.ready, path.child("ready"), errors);
  checkNonNegative(status.terminating, path.child("terminating"), errors);
}

void checkUids(const std::vector<std::string>& uids, const FieldPath& path,
               std::set<std::string_view>& seen, FieldErrors& errors) {
  for (size_t i = 0; i < uids.size(); ++i) {
    if (uids[i].empty()) {
      errors.invalid(path.index(i), uids[i], "must not be empty");
    } else if (!seen.insert(uids[i]).second) {
      errors.duplicate(path.index(i), uids[i]);
    }
  }
}

void checkUncounted(const v1::JobStatus& status, const FieldPath& path, FieldErrors& errors) {
  if (!status.uncountedTerminatedPods) return;
  const auto at = path.child("uncountedTerminatedPods");
  std::set<std::string_view> seen;
  checkUids(status.uncountedTerminatedPods->succeeded, at.child("succeeded"), seen, errors);
  checkUids(status.uncountedTerminatedPods->failed, at.child("failed"), seen, errors);
}

/// What of a status changed: only that is looked at, so that a status of old may be kept, and one
/// that the spec has overtaken may be mended later.
struct Changes {
  Changes(const v1::JobStatus& a, const v1::JobStatus& b)
      : finished(isFinished(a) != isFinished(b)),
        complete(isTrue(a, v1::kJobComplete) != isTrue(b, v1::kJobComplete)),
        failed(isTrue(a, v1::kJobFailed) != isTrue(b, v1::kJobFailed)),
        failing(isTrue(a, v1::kJobFailureTarget) != isTrue(b, v1::kJobFailureTarget)),
        succeeding(isTrue(a, v1::kJobSuccessCriteriaMet) != isTrue(b, v1::kJobSuccessCriteriaMet)),
        completedIndexes(a.completedIndexes != b.completedIndexes),
        failedIndexes(a.failedIndexes != b.failedIndexes),
        active(a.active != b.active),
        ready(a.ready != b.ready),
        terminating(a.terminating != b.terminating),
        startTime(a.startTime != b.startTime),
        completionTime(a.completionTime != b.completionTime),
        uncounted(!sameBox(a.uncountedTerminatedPods, b.uncountedTerminatedPods)) {}

  bool finished, complete, failed, failing, succeeding, completedIndexes, failedIndexes, active,
      ready, terminating, startTime, completionTime, uncounted;
};

/// How a job ended, and when.
void checkEnd(const v1::Job& job, const Changes& changed, const FieldPath& path,
              FieldErrors& errors) {
  const auto& status = job.status;
  const bool complete = isTrue(status, v1::kJobComplete);
  const bool failed = isTrue(status, v1::kJobFailed);
  const bool failing = isTrue(status, v1::kJobFailureTarget);
  const auto tell = [&](bool broken, std::string_view text) {
    if (broken) invalidConditions(path, text, errors);
  };
  tell((changed.complete || changed.failed) && complete && failed,
       "cannot set Complete=True and Failed=true conditions");
  tell((changed.complete || changed.failing) && complete && failing,
       "cannot set Complete=True and FailureTarget=true conditions");
  const auto at = path.child("completionTime");
  if (changed.complete || changed.completionTime) {
    if (status.completionTime && !complete) {
      errors.invalid(at, *status.completionTime,
                     "cannot set completionTime when there is no Complete=True condition");
    }
    if (!status.completionTime && complete)
      errors.required(at, "completionTime is required for Complete jobs");
  }
  if ((changed.startTime || changed.completionTime) && status.startTime && status.completionTime &&
      *status.completionTime < *status.startTime) {
    errors.invalid(at, *status.completionTime, "must be equal to or after `startTime`");
  }
  tell((changed.failed || changed.failedIndexes) && failed && !failing,
       "cannot set Failed=True condition without the FailureTarget=true condition");
  tell((changed.complete || changed.succeeding) && complete &&
           !isTrue(status, v1::kJobSuccessCriteriaMet),
       "cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
}

/// A job that ended has no pods left.
void checkRest(const v1::Job& job, const Changes& changed, const FieldPath& path,
               FieldErrors& errors) {
  const auto& status = job.status;
  if (!isFinished(status)) return;
  if ((changed.finished || changed.active) && status.active > 0)
    errors.invalid(path.child("active"), status.active, "active>0 is invalid for finished job");
  const bool never = job.spec.suspend.value_or(false) && job.spec.completions == 0;
  if ((changed.finished || changed.startTime) && !never && !status.startTime)
    errors.required(path.child("startTime"), "startTime is required for finished job");
  const auto& uncounted = status.uncountedTerminatedPods;
  if ((changed.finished || changed.uncounted) && uncounted &&
      !(uncounted->succeeded.empty() && uncounted->failed.empty())) {
    errors.invalid(path.child("uncountedTerminatedPods"),
                   api::FieldValue::json(internalJson(*uncounted)),
                   "must be empty for finished job");
  }
}

void checkIndexList(std::string_view text, int64_t completions, std::string_view field,
                    const FieldPath& path, FieldErrors& errors) {
  const auto counted = countIndexes(text, completions);
  if (counted.ok()) return;
  errors.invalid(path.child(field), text,
                 fmt::format("error parsing {}: {}", field, counted.status().message()));
}

void checkIndexes(const v1::Job& job, const Changes& changed, const FieldPath& path,
                  FieldErrors& errors) {
  const auto& status = job.status;
  const auto& completions = job.spec.completions;
  const bool perIndex = job.spec.backoffLimitPerIndex.has_value();
  const auto completed = path.child("completedIndexes");
  const auto failed = path.child("failedIndexes");
  if (changed.completedIndexes && completions)
    checkIndexList(status.completedIndexes, *completions, "completedIndexes", path, errors);
  if (changed.failedIndexes && completions && perIndex && status.failedIndexes)
    checkIndexList(*status.failedIndexes, *completions, "failedIndexes", path, errors);
  if (changed.completedIndexes && !status.completedIndexes.empty() && !isIndexed(job.spec)) {
    errors.invalid(completed, status.completedIndexes,
                   "cannot set non-empty completedIndexes when non-indexed completion mode");
  }
  if (changed.failedIndexes && !perIndex && status.failedIndexes) {
    errors.invalid(failed, *status.failedIndexes,
                   "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
  }
  if ((changed.completedIndexes || changed.failedIndexes) && completions && status.failedIndexes) {
    const auto both = commonIndex(status.completedIndexes, *status.failedIndexes, *completions);
    if (both) {
      errors.invalid(failed, *status.failedIndexes,
                     fmt::format("failedIndexes and completedIndexes overlap at index: {}", *both));
    }
  }
}

/// Holds whether something changed or not.
void checkSuccess(const v1::Job& job, const FieldPath& path, FieldErrors& errors) {
  const bool met = isTrue(job.status, v1::kJobSuccessCriteriaMet);
  if (met && isTrue(job.status, v1::kJobFailed)) {
    invalidConditions(path, "cannot set SuccessCriteriaMet=True and Failed=true conditions",
                      errors);
  }
  if (met && isTrue(job.status, v1::kJobFailureTarget)) {
    invalidConditions(path, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
                      errors);
  }
  if (job.spec.successPolicy && !met && isTrue(job.status, v1::kJobComplete)) {
    invalidConditions(
        path, "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
        errors);
  }
}

void checkProgress(const v1::Job& next, const v1::Job& current, const Changes& changed,
                   const FieldPath& path, FieldErrors& errors) {
  const auto& now = next.status;
  const auto& was = current.status;
  for (const auto type : {v1::kJobFailed, v1::kJobComplete, v1::kJobFailureTarget}) {
    if (isTrue(was, type) && !isTrue(now, type)) {
      invalidConditions(path, fmt::format("cannot disable the terminal {}=True condition", type),
                        errors);
    }
  }
  if (now.failed < was.failed)
    errors.invalid(path.child("failed"), now.failed, "cannot decrease the failed counter");
  // Those that are as wide as they are long shrink as they are scaled.
  const bool elastic = isIndexed(next.spec) && next.spec.completions == next.spec.parallelism;
  if (!elastic && now.succeeded < was.succeeded) {
    errors.invalid(path.child("succeeded"), now.succeeded, "cannot decrease the succeeded counter");
  }
  if (was.completionTime && now.completionTime)
    checkImmutable(now.completionTime, was.completionTime, path.child("completionTime"), errors);
  const bool resumes = isTrue(was, v1::kJobSuspended) && !isTrue(now, v1::kJobSuspended);
  if (changed.startTime && was.startTime && !next.spec.suspend.value_or(false) && !resumes) {
    errors.invalid(path.child("startTime"),
                   now.startTime ? api::FieldValue(*now.startTime) : api::FieldValue(nullptr),
                   "field is immutable for unsuspended job once set");
  }
  const bool met = isTrue(now, v1::kJobSuccessCriteriaMet);
  const bool wasMet = isTrue(was, v1::kJobSuccessCriteriaMet);
  if (wasMet && !met)
    invalidConditions(path, "cannot disable the SuccessCriteriaMet=True condition", errors);
  if (isTrue(was, v1::kJobComplete) && !wasMet && met) {
    invalidConditions(
        path, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
        errors);
  }
}

}  // namespace

void checkJobStatus(const v1::Job& next, const v1::Job& current, FieldErrors& errors) {
  const FieldPath path("status");
  const auto& status = next.status;
  const Changes changed(status, current.status);
  checkCounters(status, path, errors);
  checkUncounted(status, path, errors);
  checkEnd(next, changed, path, errors);
  checkRest(next, changed, path, errors);
  checkIndexes(next, changed, path, errors);
  if ((changed.finished || changed.terminating) && status.terminating.value_or(0) > 0 &&
      isFinished(status)) {
    errors.invalid(path.child("terminating"), *status.terminating,
                   "terminating>0 is invalid for finished job");
  }
  if ((changed.ready || changed.active) && status.ready.value_or(0) > status.active) {
    errors.invalid(path.child("ready"), *status.ready, "cannot set more ready pods than active");
  }
  checkSuccess(next, path, errors);
  checkProgress(next, current, changed, path, errors);
}

}  // namespace coxswain::apiserver
