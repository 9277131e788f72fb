#pragma once

#include <stop_token>
#include <string>

#include "base/time.h"
#include "client/client.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::controllers {

struct DisruptionReason {
  std::string reason;  ///< empty: no condition
  std::string message;
  bool fail = false;  ///< the phase becomes Failed too, unless it has ended
};

/// Condition DisruptionTarget: says why a controller is about to delete the pod. No write where it
/// is there already.
Task<Status> markDisrupted(client::Client& client, const api::core::v1::Pod& pod,
                           DisruptionReason why, WallTime now, std::stop_token stop);

}  // namespace coxswain::controllers
