#pragma once

#include "apiserver/flow_control/classifier.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/server/exchange.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

// How much of the server one request takes.

/// What requests share, each within the server's bounds.
struct Budgets {
  ByteBudget bodies;        ///< of requests that are being read and decoded
  ByteBudget lists;         ///< of lists that are being made and sent
  Duration requestTimeout;  ///< for a body to arrive
};

/// Streams that last (exec, attach, port-forward, proxies, logs) hold none at all, but watches do.
bool holdsSeats(const RequestInfo& info);

/// A UUID of the next 128 bits that `state` leads to.
std::string makeAuditId(uint64_t& state);

/// Views into the exchange.
flow::RequestDigest digestOf(const Exchange& exchange);

/// Seats of a request, 1 to 10: a list by how many objects it has to go through, a write by how
/// many watchers its event goes to. `registry` null: 1.
uint32_t seatsOf(const Exchange& exchange, const GenericRegistry* registry);

/// The whole body, at most what upstream takes, within the server's budget (of what is made of it,
/// too) and time. RequestEntityTooLarge, TooManyRequests, Timeout.
Task<Result<std::string>> readBody(Exchange& exchange);
/// One that is passed on as it is: at most `bytesMax`, within the same budget and time.
Task<Result<std::string>> readRawBody(Exchange& exchange, size_t bytesMax);

/// Claims what the answer to a list may take while it is sent. TooManyRequests.
Status claimList(Exchange& exchange, const ListAnswer& answer);
/// It is made, and so large.
void settleList(Exchange& exchange, size_t bytes);

}  // namespace coxswain::apiserver
