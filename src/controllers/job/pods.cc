// Which pods to make and to delete.

#include <algorithm>
#include <utility>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/pod_order.h"
#include "controllers/job/failures.h"
#include "controllers/job/planner.h"

namespace coxswain::controllers::job {

namespace {

constexpr size_t kBurst = 500;

}  // namespace

/// Of a job that fails each pod counts as a failure; one that has succeeded has no use for them.
void Planner::stopAll() {
  stops_ = true;
  fails_ = condition("FailureTarget") != nullptr;
  (fails_ ? plan_.stop : plan_.dismiss) = std::move(active_);
  active_.clear();
}

int32_t Planner::wantedActive() const {
  const int32_t parallelism = job_.spec.parallelism.value_or(1);
  const auto have = static_cast<int32_t>(active_.size());
  if (!completions_) return succeeded_ > 0 ? have : parallelism;
  const int32_t left = *completions_ - succeeded_ - failedIndexes_.size();
  return std::clamp(left, 0, std::max(0, parallelism));
}

void Planner::manage(bool suspended) {
  if (suspended) {
    plan_.dismiss = std::move(active_);
    active_.clear();
    return;
  }
  const auto have = static_cast<int32_t>(active_.size());
  const int32_t wanted = wantedActive();
  dismiss(std::max(0, have - wanted));
  // Not both in one round: what is deleted may have to be made anew, after it is gone.
  if (!plan_.dismiss.empty()) return;
  const int32_t held = replacesFailedOnly(job_) ? terminating_ : 0;
  const int32_t missing = wanted - have - held;
  if (missing > 0) create(std::min<int32_t>(missing, kBurst));
}

/// Takes what is too much out of active_: of an indexed job all but one pod of an index, and those
/// that have none to do; then those that are missed least.
void Planner::dismiss(int32_t atLeast) {
  if (indexed_) dismissDuplicates();
  auto& gone = plan_.dismiss;
  if (std::cmp_less(gone.size(), atLeast)) sortLeastMissedFirst(active_);
  const auto more = std::max<int64_t>(0, atLeast - static_cast<int64_t>(gone.size()));
  gone.insert(gone.end(), active_.begin(), active_.begin() + more);
  active_.erase(active_.begin(), active_.begin() + more);
  if (gone.size() <= kBurst) return;
  active_.insert(active_.end(), gone.begin() + kBurst, gone.end());
  gone.resize(kBurst);
}

void Planner::dismissDuplicates() {
  const auto isSurplus = [this](const Pod& pod, std::set<int32_t>& taken) {
    const auto index = indexOf(job_, pod);
    return !index || completed_.contains(*index) || failedIndexes_.contains(*index) ||
           !taken.insert(*index).second;
  };
  std::set<int32_t> taken;
  const bool any = std::any_of(active_.begin(), active_.end(),
                               [&](const PodPointer& pod) { return isSurplus(*pod, taken); });
  if (!any) return;
  sortLeastMissedFirst(active_);
  taken.clear();
  std::vector<PodPointer> kept;
  for (auto at = active_.rbegin(); at != active_.rend(); ++at) {
    (isSurplus(**at, taken) ? plan_.dismiss : kept).push_back(*at);
  }
  std::reverse(kept.begin(), kept.end());
  active_ = std::move(kept);
}

void Planner::create(int32_t missing) {
  if (!perIndex_) {
    const auto& memory = plan_.memory;
    const auto failures = static_cast<int32_t>(memory.failures.size());
    const Duration left = memory.lastFailure + pauseAfter(failures) - now_;
    if (failures > 0 && left > Duration(0)) {
      lookAgainIn(left);
      return;
    }
  }
  if (indexed_) {
    createIndexes(missing);
  } else {
    plan_.create.resize(static_cast<size_t>(missing));
  }
}

void Planner::createIndexes(int32_t missing) {
  std::vector<int32_t> taken;
  for (const auto& pod : pods_) {
    const bool there =
        api::isPodActive(*pod) ||
        (replacesFailedOnly(job_) && pod->metadata.deletionTimestamp && !api::isPodTerminal(*pod));
    const auto index = there ? indexOf(job_, *pod) : std::nullopt;
    if (index) taken.push_back(*index);
  }
  auto busy = IndexSet::of(std::move(taken));
  busy.add(completed_);
  busy.add(failedIndexes_);
  for (const int32_t index : busy.missing(static_cast<size_t>(missing), completions_.value_or(0))) {
    NewPod made;
    made.index = index;
    const auto last = lastFailed_.find(index);
    if (last != lastFailed_.end()) {
      const auto failures = failuresWith(job_, *last->second);
      const Duration left = finishedAt(*last->second) + pauseAfter(failures.all()) - now_;
      if (left > Duration(0)) {
        lookAgainIn(left);
        continue;
      }
      made.failures = failures.counted;
      made.ignored = failures.ignored;
    }
    plan_.create.push_back(std::move(made));
  }
}

}  // namespace coxswain::controllers::job
