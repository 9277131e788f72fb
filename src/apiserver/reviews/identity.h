#pragma once

#include "apiserver/authn/authenticator.h"
#include "apiserver/server/virtual_resources.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// Adds selfsubjectreviews (who am I) and tokenreviews (whose is that token). Both outlive them.
/// Upstream: pkg/registry/authentication.
void addIdentityReviews(VirtualResources& resources, Executor& executor,
                        Authenticator& authenticator);

}  // namespace coxswain::apiserver
