#pragma once

#include "cli/cmd/action.h"

namespace coxswain::cli {

/// Sets or clears spec.unschedulable and says so.
Task<Status> cordonNode(Session& session, ObjectClient& client, const Info& info, bool on,
                        Action& action);

}  // namespace coxswain::cli
