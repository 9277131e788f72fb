#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "proxy/model.h"
#include "runtime/process.h"

namespace coxswain::proxy {

// The kernel keeps sending a UDP flow where its first packet went. TCP finds out by itself.

/// Flows that must not go on. Without an endpoint: whatever they were led to, nothing included.
struct StaleFlow {
  Family family = Family::V4;
  std::optional<api::IpAddress> destination;  ///< none: any address (a node port)
  uint16_t port = 0;
  std::optional<api::IpAddress> endpoint;
  auto operator<=>(const StaleFlow&) const = default;
};

/// What a change of a service leaves behind: flows to endpoints that are no more, and flows that
/// found none while there was none. UDP only.
std::vector<StaleFlow> staleFlows(const std::vector<ServicePort>& before,
                                  const std::vector<ServicePort>& after);

/// Makes the kernel forget them (`conntrack -D`). NotFound: there is no such program.
Task<Status> forgetFlows(ProcessRunner& processes, std::vector<StaleFlow> flows,
                         std::stop_token stop);

}  // namespace coxswain::proxy
