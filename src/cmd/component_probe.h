#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// Asks https://127.0.0.1:PORT/healthz of a part of the control plane on this machine, whoever
/// signed its certificate, as kube-apiserver does for componentstatuses. Answers what it says; a
/// failure where that is no success, or where nobody answers within five seconds. `reactor`
/// outlives it.
std::function<Task<Result<std::string>>(std::stop_token)> healthProbe(Reactor& reactor,
                                                                      uint16_t port);

}  // namespace coxswain::cmd
