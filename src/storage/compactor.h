#pragma once

#include <stop_token>

#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::storage {

/// Every `interval` forgets what was superseded before the previous time, so that a paged list or a
/// watch may lag between one and two intervals. Upstream's interval: 5 minutes. Does nothing while
/// nothing is written. Ends when stopped; `store` outlives it.
Task<void> compactPeriodically(Store& store, Duration interval, std::stop_token stop);

}  // namespace coxswain::storage
