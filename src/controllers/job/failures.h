#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace coxswain::api::batch::v1 {
struct Job;
}
namespace coxswain::api::core::v1 {
struct Pod;
}

// What a pod tells of its end and of those before it.
namespace coxswain::controllers::job {

/// A pod is replaced only once it has ended, not already when it is being deleted.
bool replacesFailedOnly(const api::batch::v1::Job& job);
/// It failed; or it is being deleted, and may never say how it ended.
bool hasFailed(const api::batch::v1::Job& job, const api::core::v1::Pod& pod);
/// When it ended, as exactly as it tells: by its containers, by when it stopped being ready, by its
/// deletion, or else when it was made.
WallTime finishedAt(const api::core::v1::Pod& pod);

/// The completion index; nothing where it has none below spec.completions.
std::optional<int32_t> indexOf(const api::batch::v1::Job& job, const api::core::v1::Pod& pod);

/// Failures of an index before the pod that carries the numbers.
struct IndexFailures {
  int32_t counted = 0;
  int32_t ignored = 0;  ///< by the pod failure policy
  [[nodiscard]] int32_t all() const { return counted + ignored; }
};
IndexFailures failuresBefore(const api::core::v1::Pod& pod);
/// With that of the pod itself, which failed.
IndexFailures failuresWith(const api::batch::v1::Job& job, const api::core::v1::Pod& pod);

/// How long to wait after the last of so many failures in a row: 10 s doubling to 10 min.
Duration pauseAfter(int32_t failures);

}  // namespace coxswain::controllers::job
