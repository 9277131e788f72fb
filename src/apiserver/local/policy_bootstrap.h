#pragma once

#include <stop_token>

#include "base/status.h"
#include "client/client.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Makes the roles and bindings that every cluster begins with where they are missing, and adds to
/// those that lack something, as the annotation autoupdate lets it; `parts`: those of our own parts
/// too. All at once, so that the store commits them together; no write where nothing is missing.
/// `client` may do everything. Upstream: pkg/registry/rbac/rest, post-start hook.
Task<Status> ensurePolicy(client::Client& client, bool parts, std::stop_token stop);

}  // namespace coxswain::apiserver
