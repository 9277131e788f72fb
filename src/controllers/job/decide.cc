#include "controllers/job/decide.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/job/planner.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::batch::v1::JobCondition;

Planner::Planner(const Job& job, const std::vector<PodPointer>& pods, Memory memory, WallTime now)
    : job_(job),
      pods_(pods),
      now_(now),
      indexed_(isIndexed(job)),
      perIndex_(indexed_ && job.spec.backoffLimitPerIndex),
      completions_(job.spec.completions) {
  plan_.memory = std::move(memory);
  plan_.status = job.status;
  if (!indexed_) return;
  const int32_t end = completions_.value_or(0);
  completedBefore_ = IndexSet::parse(job.status.completedIndexes, end);
  failedIndexes_ = IndexSet::parse(job.status.failedIndexes.value_or(""), end);
}

Plan Planner::make(bool mayManage) {
  if (isFinished(job_)) {
    for (const auto& pod : pods_) {
      if (isTracked(*pod)) plan_.untrack.push_back(pod);
    }
    return std::move(plan_);
  }
  const bool suspended = job_.spec.suspend.value_or(false);
  start(suspended);
  sort();
  settle();
  findEnded();
  if (!condition("SuccessCriteriaMet")) decideFailure();
  decideSuccessByPolicy();
  ends_ = condition("FailureTarget") || condition("SuccessCriteriaMet");
  const bool managed = mayManage && !job_.metadata.deletionTimestamp;
  if (ends_ && mayManage) {
    stopAll();
  } else if (managed) {
    manage(suspended);
  }
  if (!ends_ && isComplete()) {
    end("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods");
    ends_ = true;
    stops_ = mayManage;
  }
  count();
  fillStatus();
  if (ends_) {
    if (mayManage) finish();
  } else if (managed) {
    setSuspended(suspended);
  }
  return std::move(plan_);
}

void Planner::start(bool suspended) {
  auto& status = plan_.status;
  if (status.startTime || suspended) return;
  status.startTime = api::Time(now_);
  plan_.memory.started = now_;
}

const JobCondition* Planner::condition(std::string_view type) const {
  for (const auto& known : plan_.status.conditions) {
    if (known.type == type && known.status == "True") return &known;
  }
  return nullptr;
}

void Planner::setCondition(std::string_view type, std::string_view value, std::string_view reason,
                           std::string message) {
  JobCondition made;
  made.type = type;
  made.status = value;
  made.reason = reason;
  made.message = std::move(message);
  made.lastProbeTime = made.lastTransitionTime = api::Time(now_);
  for (auto& known : plan_.status.conditions) {
    if (known.type != type) continue;
    if (known.status != value || known.reason != reason) known = std::move(made);
    return;
  }
  plan_.status.conditions.push_back(std::move(made));
}

/// The first reason stays.
void Planner::end(std::string_view type, std::string_view reason, std::string message) {
  if (condition("FailureTarget") || condition("SuccessCriteriaMet")) return;
  setCondition(type, "True", reason, std::move(message));
}

void Planner::lookAgainIn(Duration wait) {
  plan_.again = plan_.again == Duration(0) ? wait : std::min(plan_.again, wait);
}

void Planner::decideFailure() {
  const auto fail = [this](std::string_view reason, std::string message) {
    end("FailureTarget", reason, std::move(message));
  };
  if (!failJob_.empty()) fail("PodFailurePolicy", failJob_);
  const int32_t limit = job_.spec.backoffLimit.value_or(6);
  if (failed_ > limit || restartsExceed(limit)) {
    fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (isPastDeadline()) fail("DeadlineExceeded", "Job was active longer than specified deadline");
  if (!perIndex_) return;
  const auto& most = job_.spec.maxFailedIndexes;
  if (most && failedIndexes_.size() > *most) {
    fail("MaxFailedIndexesExceeded",
         "Job has exceeded the specified maximal number of failed indexes");
  } else if (!failedIndexes_.empty() &&
             failedIndexes_.size() + completed_.size() >= completions_.value_or(0)) {
    fail("FailedIndexes", "Job has failed indexes");
  }
}

bool Planner::isPastDeadline() {
  const auto& deadline = job_.spec.activeDeadlineSeconds;
  const auto& start = plan_.status.startTime;
  if (!deadline || !start || job_.spec.suspend.value_or(false)) return false;
  WallTime from = start->wall();
  // What is written is the start of its second: remembered, a job has its whole time.
  const auto& exact = plan_.memory.started;
  if (exact > from && exact - from < 1s) from = exact;
  // Users may give all of an int64: no job runs for a century.
  constexpr int64_t kLongest = int64_t{100} * 366 * 86400;
  const Duration left = from + std::chrono::seconds(std::min(*deadline, kLongest)) - now_;
  if (left <= Duration(0)) return true;
  lookAgainIn(left);
  return false;
}

bool Planner::restartsExceed(int32_t limit) const {
  if (job_.spec.template_.spec.restartPolicy != "OnFailure") return false;
  int32_t restarts = 0;
  for (const auto& pod : pods_) {
    if (pod->status.phase != "Running" && pod->status.phase != "Pending") continue;
    for (const auto& status : pod->status.initContainerStatuses) restarts += status.restartCount;
    for (const auto& status : pod->status.containerStatuses) restarts += status.restartCount;
  }
  return limit == 0 ? restarts > 0 : restarts >= limit;
}

void Planner::decideSuccessByPolicy() {
  if (!indexed_ || !job_.spec.successPolicy) return;
  const auto& rules = job_.spec.successPolicy->rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    int32_t have = completed_.size();
    int32_t need = rules[i].succeededCount.value_or(0);
    if (rules[i].succeededIndexes) {
      const auto wanted = IndexSet::parse(*rules[i].succeededIndexes, completions_.value_or(0));
      have = wanted.common(completed_);
      if (!rules[i].succeededCount) need = wanted.size();
    }
    if (have < need) continue;
    end("SuccessCriteriaMet", "SuccessPolicy", fmt::format("Matched rules at index {}", i));
    return;
  }
}

bool Planner::isComplete() const {
  if (!active_.empty() || !plan_.create.empty()) return false;
  return completions_ ? succeeded_ >= *completions_ : succeeded_ > 0;
}

void Planner::fillStatus() {
  auto& status = plan_.status;
  status.active = static_cast<int32_t>(active_.size() + plan_.create.size());
  status.ready = 0;
  for (const auto& pod : active_) status.ready = *status.ready + (api::isPodReady(*pod) ? 1 : 0);
  status.terminating =
      terminating_ + static_cast<int32_t>(plan_.stop.size() + plan_.dismiss.size());
}

/// The last condition, once every pod has ended and is counted.
void Planner::finish() {
  auto& status = plan_.status;
  const auto& uncounted = *status.uncountedTerminatedPods;
  const bool counted = uncounted.succeeded.empty() && uncounted.failed.empty();
  if (!counted || status.active > 0 || *status.terminating > 0 || !plan_.untrack.empty()) return;
  if (const auto* failure = condition("FailureTarget")) {
    const std::string reason = failure->reason;
    const std::string message = failure->message;
    setCondition("Failed", "True", reason, message);
    plan_.events.push_back({true, reason, message});
    return;
  }
  const auto* success = condition("SuccessCriteriaMet");
  const std::string reason = success->reason;
  const std::string message = success->message;
  setCondition("Complete", "True", reason, message);
  status.completionTime = api::Time(now_);
  if (completions_ && status.succeeded > *completions_) {
    plan_.events.push_back({true, "TooManySucceededPods",
                            "Too many succeeded pods running after completion count reached"});
  }
  plan_.events.push_back({false, "Completed", "Job completed"});
}

void Planner::setSuspended(bool suspended) {
  const auto* known = condition("Suspended");
  if (suspended) {
    plan_.status.startTime.reset();
    if (known != nullptr) return;
    setCondition("Suspended", "True", "JobSuspended", "Job suspended");
    plan_.events.push_back({false, "Suspended", "Job suspended"});
  } else if (known != nullptr) {
    setCondition("Suspended", "False", "JobResumed", "Job resumed");
    plan_.status.startTime = api::Time(now_);
    plan_.memory.started = now_;
    plan_.events.push_back({false, "Resumed", "Job resumed"});
  }
}

Plan plan(const Job& job, const std::vector<PodPointer>& pods, Memory memory, bool mayManage,
          WallTime now) {
  return Planner(job, pods, std::move(memory), now).make(mayManage);
}

}  // namespace coxswain::controllers::job
