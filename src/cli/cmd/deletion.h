#pragma once

#include <string>

#include "base/status.h"
#include "base/time.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

/// Waits until the object is gone, or another one (by uid; empty: any) has its name. `timeout` 0:
/// forever. Timeout otherwise.
Task<Status> waitUntilGone(ObjectClient& client, const ApiResource& resource, std::string ns,
                           std::string name, std::string uid, Duration timeout);

}  // namespace coxswain::cli
