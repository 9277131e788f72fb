#pragma once

#include <memory>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/server/metrics.h"
#include "client/client.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// A watch on a registry as clients see one. Called on `executor`, the server's; the watch itself
/// may be used and destroyed on any. `after` 0: first what is there, as Added. The registry
/// outlives it.
Result<std::unique_ptr<client::Watch>> openLocalWatch(Executor& executor,
                                                      const GenericRegistry& registry,
                                                      ListRequest selection,
                                                      storage::Revision after, bool bookmarks,
                                                      ServerMetrics::Watching counted);

}  // namespace coxswain::apiserver
