#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "net/http_client.h"

namespace coxswain::streaming {

/// Carries bytes both ways until both directions have ended, one fails, or `stop`. The end of one
/// direction is passed on; the other then has `linger` to end by itself. Closes both.
Task<void> splice(net::Stream& a, net::Stream& b, Duration linger, std::stop_token stop);

/// Passes a request that asks for an upgrade on to another server, and its answer back: after 101
/// the two connections are one. Other answers are passed on with up to 1 MiB of body. `target` is
/// path and query there; `extra` headers are added (they win). Failure: not answered yet.
Task<Status> proxyUpgrade(net::Request& request, net::ResponseWriter& response,
                          net::HttpClient& client, std::string target, net::Headers extra);

}  // namespace coxswain::streaming
