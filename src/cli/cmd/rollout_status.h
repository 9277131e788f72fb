#pragma once

#include <string>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// How far a roll-out is, in kubectl's words.
struct RolloutStatus {
  std::string message;
  bool done = false;
};

/// Of a Deployment, DaemonSet or StatefulSet; `revision` 0: the latest. Fault where it failed, or
/// the kind has no roll-outs.
Result<RolloutStatus> rolloutStatus(const json::value& object, int64_t revision);

}  // namespace coxswain::cli
