// Pods that have ended: first their uids are in the status, then they lose their finalizer, then
// the counters grow. An index counts by itself, so successes of an indexed job need no uids.

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/job/failure_policy.h"
#include "controllers/job/failures.h"
#include "controllers/job/planner.h"

namespace coxswain::controllers::job {

namespace {

constexpr size_t kFailuresMax = 7;     // more do not make the pause longer
constexpr size_t kUncountedMax = 500;  // keeps the object small

}  // namespace

void Planner::sort() {
  for (const auto& pod : pods_) {
    if (api::isPodActive(*pod)) {
      active_.push_back(pod);
    } else if (pod->metadata.deletionTimestamp && !api::isPodTerminal(*pod)) {
      ++terminating_;
    }
  }
}

/// What ended before, and whose finalizers are gone by now, moves into the counters.
void Planner::settle() {
  auto& status = plan_.status;
  auto& uncounted = status.uncountedTerminatedPods.getOrCreate();
  if (uncounted.succeeded.empty() && uncounted.failed.empty()) return;
  std::set<std::string_view> tracked;
  for (const auto& pod : pods_) {
    if (isTracked(*pod)) tracked.insert(pod->metadata.uid);
  }
  const auto settled = [&tracked](std::vector<std::string>& uids) {
    return static_cast<int32_t>(
        std::erase_if(uids, [&tracked](const std::string& uid) { return !tracked.contains(uid); }));
  };
  status.succeeded += settled(uncounted.succeeded);
  status.failed += settled(uncounted.failed);
  uncounted_.insert(uncounted.succeeded.begin(), uncounted.succeeded.end());
  uncounted_.insert(uncounted.failed.begin(), uncounted.failed.end());
}

void Planner::findEnded() {
  std::vector<PodPointer> succeeded;
  std::vector<PodPointer> failed;
  std::vector<int32_t> indexes;
  int32_t counted = 0;
  for (const auto& pod : pods_) {
    const auto index = indexed_ ? indexOf(job_, *pod) : std::nullopt;
    if (indexed_ && !index) continue;
    const bool fails = hasFailed(job_, *pod);
    const auto verdict = fails ? judgeFailure(job_, *pod) : FailureVerdict();
    if (verdict.action == "FailJob" && failJob_.empty()) failJob_ = verdict.message;
    if (!isTracked(*pod) || uncounted_.contains(pod->metadata.uid)) continue;
    if (pod->status.phase == "Succeeded") {
      succeeded.push_back(pod);
      if (index) indexes.push_back(*index);
    } else if (fails) {
      failed.push_back(pod);
      counted += verdict.action == "Ignore" ? 0 : 1;
    }
  }
  const auto& status = plan_.status;
  const auto& uncounted = *status.uncountedTerminatedPods;
  completed_ = completedBefore_;
  completed_.add(IndexSet::of(std::move(indexes)));
  succeeded_ = indexed_ ? completed_.size()
                        : status.succeeded + static_cast<int32_t>(uncounted.succeeded.size()) +
                              static_cast<int32_t>(succeeded.size());
  failed_ = status.failed + static_cast<int32_t>(uncounted.failed.size()) + counted;
  if (perIndex_) findFailedIndexes();
  noteFailures(succeeded, failed);
}

/// Indexes that failed too often, and for others the pod that says how often they did.
void Planner::findFailedIndexes() {
  std::vector<int32_t> over;
  std::vector<std::pair<int32_t, PodPointer>> failures;
  for (const auto& pod : pods_) {
    const auto index = indexOf(job_, *pod);
    if (!index || !hasFailed(job_, *pod)) continue;
    failures.emplace_back(*index, pod);
    const auto action = judgeFailure(job_, *pod).action;
    const bool last =
        action == "FailIndex" ||
        (action != "Ignore" && failuresBefore(*pod).counted >= *job_.spec.backoffLimitPerIndex);
    if (last && !completed_.contains(*index)) over.push_back(*index);
  }
  failedIndexes_.add(IndexSet::of(std::move(over)));
  if (failures.empty()) return;
  std::set<int32_t> running;
  for (const auto& pod : active_) {
    if (const auto index = indexOf(job_, *pod)) running.insert(*index);
  }
  for (auto& [index, pod] : failures) {
    if (running.contains(index) || completed_.contains(index) || failedIndexes_.contains(index)) {
      continue;
    }
    auto& last = lastFailed_[index];
    const bool later = !last || (failuresBefore(*last).all() <= failuresBefore(*pod).all() &&
                                 finishedAt(*last) <= finishedAt(*pod));
    if (later) last = pod;
  }
}

/// Failures in a row, which make the next pods wait: those after the last success.
void Planner::noteFailures(const std::vector<PodPointer>& succeeded,
                           const std::vector<PodPointer>& failed) {
  auto& memory = plan_.memory;
  WallTime lastSuccess{};
  for (const auto& pod : succeeded) lastSuccess = std::max(lastSuccess, finishedAt(*pod));
  if (!succeeded.empty()) {
    memory.failures.clear();
    memory.lastFailure = {};
  }
  for (const auto& pod : failed) {
    const auto at = finishedAt(*pod);
    if (!succeeded.empty() && at <= lastSuccess) continue;
    if (memory.failures.size() < kFailuresMax) memory.failures.insert(pod->metadata.uid);
    memory.lastFailure = std::max(memory.lastFailure, at);
  }
}

bool Planner::isUncountedFull() const {
  const auto& uncounted = *plan_.status.uncountedTerminatedPods;
  return uncounted.succeeded.size() + uncounted.failed.size() + newIndexes_ >= kUncountedMax;
}

void Planner::count() {
  std::vector<PodPointer> order;
  for (const auto& pod : pods_) {
    if (isTracked(*pod)) order.push_back(pod);
  }
  if (indexed_) {
    std::stable_sort(order.begin(), order.end(), [this](const auto& a, const auto& b) {
      return indexOf(job_, *a).value_or(-1) < indexOf(job_, *b).value_or(-1);
    });
  }
  completed_ = completedBefore_;
  std::set<std::string_view> dismissed;
  for (const auto& pod : plan_.dismiss) dismissed.insert(pod->metadata.uid);
  for (const auto& pod : order) {
    if (dismissed.contains(pod->metadata.uid)) continue;
    if (mayUntrack(pod)) plan_.untrack.push_back(pod);
    if (uncounted_.contains(pod->metadata.uid)) continue;
    if (pod->status.phase == "Succeeded") {
      countSuccess(pod);
    } else if (fails_ || hasFailed(job_, *pod)) {
      countFailure(pod);
    }
    // The rest in the next round, which the writes of this one bring about.
    if (isUncountedFull()) break;
  }
  auto& status = plan_.status;
  if (!indexed_) return;
  status.succeeded = completed_.size();
  status.completedIndexes = completed_.str();
  if (perIndex_) status.failedIndexes = failedIndexes_.str();
}

void Planner::countSuccess(const PodPointer& pod) {
  if (!indexed_) {
    plan_.status.uncountedTerminatedPods->succeeded.push_back(pod->metadata.uid);
    return;
  }
  const auto index = indexOf(job_, *pod);
  if (!index || completedBefore_.contains(*index)) return;
  completed_.add(*index);
  ++newIndexes_;
}

void Planner::countFailure(const PodPointer& pod) {
  if (indexed_ && !indexOf(job_, *pod)) return;
  if (judgeFailure(job_, *pod).action == "Ignore") return;
  plan_.status.uncountedTerminatedPods->failed.push_back(pod->metadata.uid);
}

bool Planner::mayUntrack(const PodPointer& pod) const {
  if (job_.metadata.deletionTimestamp || stops_ || pod->status.phase == "Succeeded") return true;
  if (!hasFailed(job_, *pod)) return false;
  if (!perIndex_) return true;
  const auto index = indexOf(job_, *pod);
  if (!index) return true;
  const auto last = lastFailed_.find(*index);
  return last == lastFailed_.end() || last->second != pod;
}

}  // namespace coxswain::controllers::job
