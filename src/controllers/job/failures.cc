#include "controllers/job/failures.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/job/decide.h"
#include "controllers/job/failure_policy.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::core::v1::Pod;

namespace {

constexpr Duration kPauseMin = 10s;
constexpr Duration kPauseMax = 10min;

std::optional<int32_t> numberIn(const Pod& pod, std::string_view key) {
  const auto* text = pod.metadata.annotations.get(key);
  int32_t number = 0;
  if (text == nullptr) return std::nullopt;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

/// Zero: some container has not ended, or none tells.
api::Time endOfContainers(const Pod& pod) {
  api::Time end;
  for (const auto& status : pod.status.containerStatuses) {
    if (!status.state.terminated) return {};
    const auto& at = status.state.terminated->finishedAt;
    if (end.isZero() || end < at) end = at;
  }
  return end;
}

}  // namespace

bool replacesFailedOnly(const Job& job) {
  return job.spec.podFailurePolicy || job.spec.podReplacementPolicy.value_or("") == "Failed";
}

bool hasFailed(const Job& job, const Pod& pod) {
  if (pod.status.phase == "Failed") return true;
  if (replacesFailedOnly(job)) return false;
  return pod.metadata.deletionTimestamp && pod.status.phase != "Succeeded";
}

WallTime finishedAt(const Pod& pod) {
  const auto end = endOfContainers(pod);
  if (!end.isZero()) return end.wall();
  const auto* ready = api::findPodCondition(pod.status, "Ready");
  if (ready != nullptr && ready->status == "False" && !ready->lastTransitionTime.isZero()) {
    return ready->lastTransitionTime.wall();
  }
  const auto& meta = pod.metadata;
  if (meta.deletionTimestamp) {
    constexpr int64_t kLongest = int64_t{100} * 366 * 86400;
    const auto grace =
        std::clamp<int64_t>(meta.deletionGracePeriodSeconds.value_or(0), 0, kLongest);
    return meta.deletionTimestamp->wall() - std::chrono::seconds(grace);
  }
  return meta.creationTimestamp.wall();
}

std::optional<int32_t> indexOf(const Job& job, const Pod& pod) {
  auto index = numberIn(pod, kIndexAnnotation);
  if (!index || *index >= job.spec.completions.value_or(0)) return std::nullopt;
  return index;
}

IndexFailures failuresBefore(const Pod& pod) {
  return {numberIn(pod, kIndexFailuresAnnotation).value_or(0),
          numberIn(pod, kIndexIgnoredAnnotation).value_or(0)};
}

IndexFailures failuresWith(const Job& job, const Pod& pod) {
  auto failures = failuresBefore(pod);
  ++(judgeFailure(job, pod).action == "Ignore" ? failures.ignored : failures.counted);
  return failures;
}

Duration pauseAfter(int32_t failures) {
  if (failures <= 0) return Duration(0);
  Duration pause = kPauseMin;
  for (int32_t i = 1; i < failures && pause < kPauseMax; ++i) pause *= 2;
  return std::min(pause, kPauseMax);
}

}  // namespace coxswain::controllers::job
