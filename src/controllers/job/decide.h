#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::job {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// On every pod of a job: it stays until its end has been counted.
inline constexpr std::string_view kTrackingFinalizer = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view kIndexAnnotation = "batch.kubernetes.io/job-completion-index";
inline constexpr std::string_view kIndexFailuresAnnotation =
    "batch.kubernetes.io/job-index-failure-count";
inline constexpr std::string_view kIndexIgnoredAnnotation =
    "batch.kubernetes.io/job-index-ignored-failure-count";

bool isTracked(const api::core::v1::Pod& pod);
bool isIndexed(const api::batch::v1::Job& job);
/// Has condition Complete or Failed.
bool isFinished(const api::batch::v1::Job& job);

/// What is remembered of a job that runs. Losing it costs a pause, no count.
struct Memory {
  std::set<std::string> failures;  ///< in a row: uids of pods, the first few; twice counts once
  WallTime lastFailure{};
  WallTime started{};  ///< status.startTime, which has whole seconds only
};

struct NewPod {
  std::optional<int32_t> index;
  int32_t failures = 0;  ///< of this index so far
  int32_t ignored = 0;   ///< failures of this index that the policy ignored
};

struct Event {
  bool warning = false;
  std::string reason;
  std::string message;
};

/// What to do about a job, in this order: pods are made and deleted, the status is written, then
/// finalizers are removed from pods whose end is in it.
struct Plan {
  std::vector<NewPod> create;
  std::vector<PodPointer> dismiss;  ///< no longer wanted: not counted, so untracked and deleted
  std::vector<PodPointer> stop;     ///< of a job that has ended: deleted, and untracked below
  api::batch::v1::JobStatus status;
  std::vector<PodPointer> untrack;
  std::vector<Event> events;
  Memory memory;
  Duration again{};  ///< when to look again; 0: when something changes
};

/// `pods` are the job's, of any phase. `mayManage`: the cache shows what was done before; else no
/// pods are made or deleted.
/// Upstream: syncJob of pkg/controller/job/job_controller.go.
Plan plan(const api::batch::v1::Job& job, const std::vector<PodPointer>& pods, Memory memory,
          bool mayManage, WallTime now);

/// The pod made from the template, with finalizer, and with its index where it has one.
void shapePod(const api::batch::v1::Job& job, const NewPod& wanted, api::core::v1::Pod& pod);

}  // namespace coxswain::controllers::job
