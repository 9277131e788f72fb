#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "net/http_client.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

struct Exchange;

/// Where a request goes on to.
struct ProxyTarget {
  std::shared_ptr<net::HttpClient> client;
  std::string target;        ///< path and query there
  bool userHeaders = false;  ///< Authorization and cookies of the caller are passed on (never to
                             ///< kubelets, which know us by our certificate)
  std::string prefix;        ///< put before the path of a Location header; empty: left alone
};

/// Passes a request on, once its body (up to 16 MiB, within the server's budget) is here, and its
/// answer back as it comes; connections that are upgraded are joined. Failure: nothing was answered
/// yet (ServiceUnavailable where the other end cannot be reached).
Task<Status> proxyRequest(Exchange& exchange, ProxyTarget target);

/// Copies a body that is arriving to a response that was started. Unfinished bodies end the
/// response without its end.
Task<Status> copyBody(net::ClientResponse& from, net::ResponseWriter& to, std::stop_token stop);

/// Does the client ask to speak something else on this connection?
bool asksForUpgrade(const net::Request& request);

}  // namespace coxswain::apiserver
