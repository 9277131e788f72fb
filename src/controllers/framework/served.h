#pragma once

#include <stop_token>
#include <vector>

#include "client/client.h"

namespace coxswain::controllers {

/// Those of storedCollections() that the server has and lets us see, without events. Asks again
/// while there is no answer. Canceled.
Task<Result<std::vector<const client::ResourceType*>>> servedCollections(client::Client& client,
                                                                         std::stop_token stop);

}  // namespace coxswain::controllers
