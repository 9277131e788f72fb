#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/batch/job_rules.h"

namespace coxswain::apiserver {

namespace v1 = api::batch::v1;
using api::FieldErrors;
using api::FieldPath;

// Whoever manages a job (spec.managedBy) writes its status, so what it must not say is told here.
// Rules about what is there look only at what changed: a status of old may be kept.

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

void checkConditions(const v1::JobStatus& status, const FieldPath& path, FieldErrors& errors) {
  const bool complete = isTrue(status, v1::kJobComplete);
  const bool failed = isTrue(status, v1::kJobFailed);
  const bool failing = isTrue(status, v1::kJobFailureTarget);
  const bool succeeding = isTrue(status, v1::kJobSuccessCriteriaMet);
  const std::pair<bool, std::string_view> rules[] = {
      {complete && failed, "cannot set Complete=True and Failed=true conditions"},
      {complete && failing, "cannot set Complete=True and FailureTarget=true conditions"},
      {failed && !failing,
       "cannot set Failed=True condition without the FailureTarget=true "
       "condition"},
      {complete && !succeeding,
       "cannot set Complete=True condition without the "
       "SuccessCriteriaMet=true condition"},
      {failed && succeeding, "cannot set Failed=True and SuccessCriteriaMet=true conditions"},
      {failing && succeeding,
       "cannot set FailureTarget=True and SuccessCriteriaMet=true "
       "conditions"},
  };
  for (const auto& [broken, text] : rules) {
    if (broken) invalidConditions(path, text, errors);
  }
}

void checkTimes(const v1::JobStatus& status, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child("completionTime");
  const bool complete = isTrue(status, v1::kJobComplete);
  if (!status.completionTime) {
    if (complete) errors.required(at, "completionTime is required for Complete jobs");
    return;
  }
  if (!complete) {
    errors.invalid(at, *status.completionTime,
                   "cannot set completionTime when there is no Complete=True condition");
  }
  if (status.startTime && *status.completionTime < *status.startTime) {
    errors.invalid(at, *status.completionTime, "completionTime cannot be set before startTime");
  }
}

void checkEnd(const v1::JobStatus& status, const FieldPath& path, FieldErrors& errors) {
  if (!isFinished(status)) return;
  if (!status.startTime) {
    errors.required(path.child("startTime"), "startTime is required for finished job");
  }
  if (status.active > 0) {
    errors.invalid(path.child("active"), status.active, "active>0 is invalid for finished job");
  }
  if (status.terminating.value_or(0) > 0) {
    errors.invalid(path.child("terminating"), *status.terminating,
                   "terminating>0 is invalid for finished job");
  }
  const auto& uncounted = status.uncountedTerminatedPods;
  if (uncounted && !(uncounted->succeeded.empty() && uncounted->failed.empty())) {
    errors.invalid(path.child("uncountedTerminatedPods"), asJson(*uncounted),
                   "uncountedTerminatedPods needs to be empty for finished job");
  }
}

void checkIndexList(std::string_view text, int64_t completions, std::string_view field,
                    const FieldPath& path, FieldErrors& errors) {
  const auto counted = countIndexes(text, completions);
  if (counted.ok()) return;
  errors.invalid(path.child(field), text,
                 fmt::format("error parsing {}: {}", field, counted.status().message()));
}

void checkIndexes(const v1::Job& next, const FieldPath& path, FieldErrors& errors) {
  const auto& status = next.status;
  if (!isIndexed(next.spec)) {
    if (!status.completedIndexes.empty()) {
      errors.invalid(path.child("completedIndexes"), status.completedIndexes,
                     "cannot set non-empty completedIndexes when non-indexed completion mode");
    }
  } else {
    checkIndexList(status.completedIndexes, next.spec.completions.value_or(0), "completedIndexes",
                   path, errors);
  }
  if (!status.failedIndexes) return;
  if (!next.spec.backoffLimitPerIndex) {
    errors.invalid(path.child("failedIndexes"), *status.failedIndexes,
                   "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
  } else {
    checkIndexList(*status.failedIndexes, next.spec.completions.value_or(0), "failedIndexes", path,
                   errors);
  }
}

void checkProgress(const v1::Job& next, const v1::Job& current, const FieldPath& path,
                   FieldErrors& errors) {
  for (const auto type :
       {v1::kJobFailed, v1::kJobComplete, v1::kJobFailureTarget, v1::kJobSuccessCriteriaMet}) {
    if (isTrue(current.status, type) && !isTrue(next.status, type)) {
      invalidConditions(path, fmt::format("cannot disable the terminal {}=True condition", type),
                        errors);
    }
  }
  if (next.status.failed < current.status.failed) {
    errors.invalid(path.child("failed"), next.status.failed, "cannot decrease the failed counter");
  }
  if (next.status.succeeded < current.status.succeeded) {
    errors.invalid(path.child("succeeded"), next.status.succeeded,
                   "cannot decrease the succeeded counter");
  }
  if (current.status.completionTime && next.status.completionTime) {
    checkImmutable(next.status.completionTime, current.status.completionTime,
                   path.child("completionTime"), errors);
  }
  const bool suspended = next.spec.suspend.value_or(false);
  if (suspended || !current.status.startTime) return;
  if (!next.status.startTime) {
    errors.required(path.child("startTime"), "startTime cannot be removed for unsuspended job");
  } else if (*next.status.startTime != *current.status.startTime) {
    errors.required(path.child("startTime"), "startTime cannot be removed for unsuspended job");
  }
}

}  // namespace

void checkJobStatus(const v1::Job& next, const v1::Job& current, FieldErrors& errors) {
  const FieldPath path("status");
  const auto& a = next.status;
  const auto& b = current.status;
  checkCounters(a, path, errors);
  checkUncounted(a, path, errors);
  const bool conditions = !std::equal(
      a.conditions.begin(), a.conditions.end(), b.conditions.begin(), b.conditions.end(),
      [](const auto& x, const auto& y) { return x.type == y.type && x.status == y.status; });
  if (conditions) checkConditions(a, path, errors);
  if (conditions || a.completionTime != b.completionTime || a.startTime != b.startTime) {
    checkTimes(a, path, errors);
  }
  if (conditions || a.active != b.active || a.terminating != b.terminating ||
      a.startTime != b.startTime ||
      !sameBox(a.uncountedTerminatedPods, b.uncountedTerminatedPods)) {
    checkEnd(a, path, errors);
  }
  if (a.completedIndexes != b.completedIndexes || a.failedIndexes != b.failedIndexes) {
    checkIndexes(next, path, errors);
  }
  if (a.ready.value_or(0) > a.active && (a.ready != b.ready || a.active != b.active)) {
    errors.invalid(path.child("ready"), *a.ready, "cannot set more ready pods than active");
  }
  checkProgress(next, current, path, errors);
}

}  // namespace coxswain::apiserver
