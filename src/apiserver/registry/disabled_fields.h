#pragma once

#include "api/reflect/info.h"

namespace coxswain::apiserver {

/// Clears the fields of features that are off in 1.36 (shared/api/features.tsv) wherever they stand
/// in `next`, but those that `current` (null: none) uses already. Costs nothing for kinds that have
/// none of them, and looks only where they can be. Any thread.
void dropDisabledFields(const api::MessageInfo& info, void* next, const void* current);

}  // namespace coxswain::apiserver
