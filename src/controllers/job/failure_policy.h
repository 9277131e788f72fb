#pragma once

#include <string>
#include <string_view>

#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"

namespace coxswain::controllers::job {

struct FailureVerdict {
  std::string_view action = "Count";  ///< Count, Ignore, FailJob or FailIndex
  std::string message;                ///< of FailJob
};

/// What the job's pod failure policy says of a failed pod: the first rule that matches decides.
FailureVerdict judgeFailure(const api::batch::v1::Job& job, const api::core::v1::Pod& pod);

}  // namespace coxswain::controllers::job
