#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "controllers/endpointslice/tracker.h"

namespace coxswain::controllers::endpointslice {

/// Carries out what packSlices decided for `owner`, noting each write in `tracker`. Ends at the
/// first failure; slices that are gone, and creates in a namespace that goes away, are none.
Task<Status> writeSlices(client::Client& client, SliceTracker& tracker, std::string owner,
                         SliceChanges changes, std::stop_token stop);

}  // namespace coxswain::controllers::endpointslice
