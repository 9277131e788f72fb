#pragma once

#include <optional>
#include <string_view>

#include "api/gen/batch_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver {

// Rules of Jobs. Internal to batch/.

/// Of the spec without its selector, which the template of a CronJob has not yet.
void checkJobSpec(const api::batch::v1::JobSpec& spec, const api::FieldPath& path,
                  api::FieldErrors& errors);
/// All rules of status, those of a change included.
void checkJobStatus(const api::batch::v1::Job& next, const api::batch::v1::Job& current,
                    api::FieldErrors& errors);

void setFailurePolicyDefaults(api::batch::v1::JobSpec& spec);

/// "0,2-4": how many there are. BadRequest with upstream's text for what is no ascending list of
/// indexes below `completions`.
Result<int64_t> countIndexes(std::string_view text, int64_t completions);

/// The first index that is in both lists; parts of them that cannot be read are left out.
std::optional<int64_t> commonIndex(std::string_view completed, std::string_view failed,
                                   int64_t completions);

inline bool isIndexed(const api::batch::v1::JobSpec& spec) {
  return spec.completionMode == api::batch::v1::kIndexedCompletion;
}

}  // namespace coxswain::apiserver
