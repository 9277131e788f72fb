#include "controllers/job/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/job/failure_policy.h"
#include "controllers/job/indexes.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::batch::v1::JobCondition;
using api::core::v1::Pod;

namespace {

constexpr size_t kBurst = 500;
constexpr Duration kBackoffMin = 10s;
constexpr Duration kBackoffMax = 10min;
constexpr size_t kFailuresMax = 7;
constexpr std::string_view kIndex = "batch.kubernetes.io/job-completion-index";
constexpr std::string_view kIndexFailures = "batch.kubernetes.io/job-index-failure-count";

std::optional<int32_t> numberIn(const api::Map<std::string>& annotations, std::string_view key) {
  const auto* text = annotations.get(key);
  int32_t number = 0;
  if (text == nullptr) return std::nullopt;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

WallTime endOf(const Pod& pod, WallTime now) {
  WallTime end{};
  for (const auto& status : pod.status.containerStatuses) {
    if (status.state.terminated) end = std::max(end, status.state.terminated->finishedAt.wall());
  }
  return end > WallTime{} ? end : now;
}

class Planner {
 public:
  Planner(const Job& job, const std::vector<PodPointer>& pods, Backoff backoff, WallTime now)
      : job_(job), pods_(pods), now_(now), indexed_(isIndexed(job)) {
    plan_.backoff = backoff;
    plan_.status = job.status;
    completions_ = job.spec.completions;
    if (indexed_) {
      const int32_t end = completions_.value_or(0);
      completed_ = IndexSet::parse(job.status.completedIndexes, end);
      failedIndexes_ = IndexSet::parse(job.status.failedIndexes.value_or(""), end);
    }
  }

  Plan make(bool mayManage) {
    auto& status = plan_.status;
    if (isFinished(job_)) {
      untrackAll();
      return std::move(plan_);
    }
    const bool suspended = job_.spec.suspend.value_or(false);
    if (!status.startTime && !suspended) status.startTime = api::Time(now_);
    sort();
    track();
    decideEnd();
    if (mayManage && !job_.metadata.deletionTimestamp) {
      if (ends_) {
        plan_.stop = active_;
        active_.clear();
      } else {
        manage(suspended);
      }
    }
    fillStatus();
    if (ends_) {
      finish();
    } else {
      setSuspended(suspended);
    }
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool replacesFailedOnly() const {
    return job_.spec.podFailurePolicy || job_.spec.podReplacementPolicy.value_or("") == "Failed";
  }
  /// A pod that is being deleted may never say how it ended.
  [[nodiscard]] bool hasFailed(const Pod& pod) const {
    if (pod.status.phase == "Failed") return true;
    if (replacesFailedOnly()) return false;
    return pod.metadata.deletionTimestamp && pod.status.phase != "Succeeded";
  }
  [[nodiscard]] std::optional<int32_t> indexOf(const Pod& pod) const {
    auto index = numberIn(pod.metadata.annotations, kIndex);
    if (!index || *index >= completions_.value_or(0)) return std::nullopt;
    return index;
  }
  [[nodiscard]] const JobCondition* condition(std::string_view type) const {
    for (const auto& known : plan_.status.conditions) {
      if (known.type == type && known.status == "True") return &known;
    }
    return nullptr;
  }
  void setCondition(std::string_view type, std::string_view value, std::string_view reason,
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

  void untrackAll() {
    for (const auto& pod : pods_) {
      if (isTracked(*pod)) plan_.untrack.push_back(pod);
    }
  }

  void sort() {
    for (const auto& pod : pods_) {
      if (api::isPodActive(*pod)) {
        active_.push_back(pod);
      } else if (pod->metadata.deletionTimestamp && !api::isPodTerminal(*pod)) {
        ++terminating_;
      }
    }
  }

  /// What ended before, and whose finalizers are gone by now, moves into the counters.
  void settle(std::vector<std::string>& uncounted, int32_t& counter,
              const std::map<std::string, PodPointer>& tracked) {
    std::vector<std::string> left;
    for (auto& uid : uncounted) {
      if (tracked.contains(uid)) {
        left.push_back(std::move(uid));
      } else {
        ++counter;
      }
    }
    uncounted = std::move(left);
  }

  void track() {
    auto& status = plan_.status;
    auto& uncounted = status.uncountedTerminatedPods.getOrCreate();
    std::map<std::string, PodPointer> tracked;
    for (const auto& pod : pods_) {
      if (isTracked(*pod)) tracked.emplace(pod->metadata.uid, pod);
    }
    settle(uncounted.succeeded, status.succeeded, tracked);
    settle(uncounted.failed, status.failed, tracked);
    const std::set<std::string> before(uncounted.succeeded.begin(), uncounted.succeeded.end());
    const std::set<std::string> failedBefore(uncounted.failed.begin(), uncounted.failed.end());
    for (const auto& [uid, pod] : tracked) {
      if (before.contains(uid) || failedBefore.contains(uid)) {
        plan_.untrack.push_back(pod);
      } else if (pod->status.phase == "Succeeded") {
        countSuccess(*pod, uncounted.succeeded);
        plan_.untrack.push_back(pod);
      } else if (hasFailed(*pod)) {
        countFailure(*pod, uncounted.failed);
        plan_.untrack.push_back(pod);
      }
    }
    if (indexed_) status.succeeded = completed_.size();
    succeeded_ = status.succeeded + static_cast<int32_t>(uncounted.succeeded.size());
    failed_ = status.failed + static_cast<int32_t>(uncounted.failed.size());
  }

  void countSuccess(const Pod& pod, std::vector<std::string>& uncounted) {
    plan_.backoff = {};
    if (!indexed_) {
      uncounted.push_back(pod.metadata.uid);
    } else if (auto index = indexOf(pod)) {
      completed_.add(*index);
    }
  }

  void countFailure(const Pod& pod, std::vector<std::string>& uncounted) {
    auto verdict = judgeFailure(job_, pod);
    if (verdict.action == "FailJob" && failJob_.empty()) failJob_ = verdict.message;
    if (verdict.action == "Ignore") return;
    // More do not make the pause longer.
    if (plan_.backoff.failures.size() < kFailuresMax) {
      plan_.backoff.failures.insert(pod.metadata.uid);
    }
    plan_.backoff.lastFailure = std::max(plan_.backoff.lastFailure, endOf(pod, now_));
    const auto index = indexed_ ? indexOf(pod) : std::nullopt;
    if (indexed_ && !index) return;
    uncounted.push_back(pod.metadata.uid);
    if (!index || !job_.spec.backoffLimitPerIndex) return;
    const bool over = numberIn(pod.metadata.annotations, kIndexFailures).value_or(0) >=
                      *job_.spec.backoffLimitPerIndex;
    if ((over || verdict.action == "FailIndex") && !completed_.contains(*index)) {
      failedIndexes_.add(*index);
    }
  }

  void end(std::string_view type, std::string_view reason, std::string message) {
    if (condition("FailureTarget") || condition("SuccessCriteriaMet")) return;
    setCondition(type, "True", reason, std::move(message));
  }
  void fail(std::string_view reason, std::string message) {
    end("FailureTarget", reason, std::move(message));
  }

  void decideEnd() {
    if (!failJob_.empty()) fail("PodFailurePolicy", failJob_);
    succeedByPolicy();
    const auto& spec = job_.spec;
    const int32_t limit = spec.backoffLimit.value_or(6);
    if (failed_ > limit || restartsExceed(limit)) {
      fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    }
    const auto& start = plan_.status.startTime;
    if (spec.activeDeadlineSeconds && start && !spec.suspend.value_or(false)) {
      const Duration left =
          start->wall() + std::chrono::seconds(*spec.activeDeadlineSeconds) - now_;
      if (left <= Duration(0)) {
        fail("DeadlineExceeded", "Job was active longer than specified deadline");
      } else {
        plan_.again = left;
      }
    }
    if (indexed_ && spec.backoffLimitPerIndex) {
      if (spec.maxFailedIndexes && failedIndexes_.size() > *spec.maxFailedIndexes) {
        fail("MaxFailedIndexesExceeded",
             "Job has exceeded the specified maximal number of failed indexes");
      } else if (!failedIndexes_.empty() &&
                 failedIndexes_.size() + completed_.size() >= completions_.value_or(0)) {
        fail("FailedIndexes", "Job has failed indexes");
      }
    }
    const bool complete = completions_ ? succeeded_ >= *completions_
                                       : succeeded_ > 0 && active_.empty() && terminating_ == 0;
    if (complete) {
      end("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods");
    }
    ends_ = condition("FailureTarget") || condition("SuccessCriteriaMet");
  }

  [[nodiscard]] bool restartsExceed(int32_t limit) const {
    if (job_.spec.template_.spec.restartPolicy != "OnFailure") return false;
    int32_t restarts = 0;
    for (const auto& pod : active_) restarts += api::podRestarts(*pod);
    return limit == 0 ? restarts > 0 : restarts >= limit;
  }

  void succeedByPolicy() {
    if (!indexed_ || !job_.spec.successPolicy) return;
    const auto& rules = job_.spec.successPolicy->rules;
    for (size_t i = 0; i < rules.size(); ++i) {
      int32_t have = completed_.size();
      int32_t need = rules[i].succeededCount.value_or(0);
      if (rules[i].succeededIndexes) {
        const auto wanted = IndexSet::parse(*rules[i].succeededIndexes, completions_.value_or(0));
        have = 0;
        for (int32_t index = 0; index < completions_.value_or(0); ++index) {
          have += wanted.contains(index) && completed_.contains(index) ? 1 : 0;
        }
        if (!rules[i].succeededCount) need = wanted.size();
      }
      if (have < need) continue;
      end("SuccessCriteriaMet", "SuccessPolicy", fmt::format("Matched rules at index {}", i));
      return;
    }
  }

  void manage(bool suspended) {
    if (suspended) {
      plan_.dismiss = std::move(active_);
      active_.clear();
      return;
    }
    dismissDuplicates();
    const int32_t parallelism = job_.spec.parallelism.value_or(1);
    const auto have = static_cast<int32_t>(active_.size());
    int32_t want = have;
    if (completions_) {
      const int32_t done = succeeded_ + failedIndexes_.size();
      want = std::clamp(*completions_ - done, 0, parallelism);
    } else if (succeeded_ == 0 || have > parallelism) {
      want = parallelism;
    }
    for (int32_t i = want; i < have; ++i) {
      plan_.dismiss.push_back(active_.back());
      active_.pop_back();
    }
    const int32_t held = replacesFailedOnly() ? static_cast<int32_t>(terminating_) : 0;
    int32_t missing = want - have - held;
    if (missing <= 0) return;
    if (!plan_.backoff.failures.empty()) {
      const auto doublings = plan_.backoff.failures.size() - 1;
      const Duration wait = std::min(kBackoffMax, kBackoffMin * (1 << doublings));
      const Duration left = plan_.backoff.lastFailure + wait - now_;
      if (left > Duration(0)) {
        plan_.again = plan_.again == Duration(0) ? left : std::min(plan_.again, left);
        return;
      }
    }
    missing = std::min<int32_t>(missing, kBurst);
    if (indexed_) {
      createIndexes(missing);
    } else {
      plan_.create.resize(static_cast<size_t>(missing));
    }
  }

  /// Of an indexed job: one active pod for each index that is not done.
  void dismissDuplicates() {
    if (!indexed_) {
      std::stable_sort(active_.begin(), active_.end(), [](const auto& a, const auto& b) {
        return api::isPodReady(*a) > api::isPodReady(*b);
      });
      return;
    }
    std::vector<PodPointer> kept;
    for (const auto& pod : active_) {
      const auto index = indexOf(*pod);
      const bool wanted = index && !completed_.contains(*index) &&
                          !failedIndexes_.contains(*index) && taken_.insert(*index).second;
      (wanted ? kept : plan_.dismiss).push_back(pod);
    }
    // Surplus goes from the highest index.
    std::sort(kept.begin(), kept.end(),
              [this](const auto& a, const auto& b) { return *indexOf(*a) < *indexOf(*b); });
    active_ = std::move(kept);
  }

  void createIndexes(int32_t missing) {
    std::map<int32_t, int32_t> failures;
    for (const auto& pod : pods_) {
      if (pod->status.phase != "Failed" && !pod->metadata.deletionTimestamp) continue;
      const auto index = indexOf(*pod);
      if (!index) continue;
      auto& most = failures[*index];
      most = std::max(most, numberIn(pod->metadata.annotations, kIndexFailures).value_or(0) + 1);
    }
    for (int32_t index = 0; index < completions_.value_or(0) && missing > 0; ++index) {
      if (taken_.contains(index) || completed_.contains(index) || failedIndexes_.contains(index)) {
        continue;
      }
      plan_.create.push_back({index, failures[index]});
      --missing;
    }
  }

  void fillStatus() {
    auto& status = plan_.status;
    status.active = static_cast<int32_t>(active_.size() + plan_.create.size());
    status.ready = 0;
    for (const auto& pod : active_) status.ready = *status.ready + (api::isPodReady(*pod) ? 1 : 0);
    status.terminating = static_cast<int32_t>(terminating_ + plan_.stop.size());
    if (!indexed_) return;
    status.completedIndexes = completed_.str();
    if (job_.spec.backoffLimitPerIndex) status.failedIndexes = failedIndexes_.str();
  }

  /// The last condition, once every pod has ended and is counted.
  void finish() {
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
    plan_.events.push_back({false, "Completed", "Job completed"});
  }

  void setSuspended(bool suspended) {
    const auto* known = condition("Suspended");
    if (suspended) {
      plan_.status.startTime.reset();
      if (known != nullptr) return;
      setCondition("Suspended", "True", "JobSuspended", "Job suspended");
      plan_.events.push_back({false, "Suspended", "Job suspended"});
    } else if (known != nullptr) {
      setCondition("Suspended", "False", "JobResumed", "Job resumed");
      plan_.status.startTime = api::Time(now_);
      plan_.events.push_back({false, "Resumed", "Job resumed"});
    }
  }

  const Job& job_;
  const std::vector<PodPointer>& pods_;
  WallTime now_;
  bool indexed_;
  std::optional<int32_t> completions_;
  IndexSet completed_;
  IndexSet failedIndexes_;
  std::vector<PodPointer> active_;
  size_t terminating_ = 0;
  std::set<int32_t> taken_;
  int32_t succeeded_ = 0;  ///< with those not yet counted
  int32_t failed_ = 0;
  std::string failJob_;
  bool ends_ = false;
  Plan plan_;
};

}  // namespace

Plan plan(const Job& job, const std::vector<PodPointer>& pods, Backoff backoff, bool mayManage,
          WallTime now) {
  return Planner(job, pods, backoff, now).make(mayManage);
}

}  // namespace coxswain::controllers::job
