#pragma once

#include <memory>
#include <string>

#include "net/url.h"
#include "streaming/session.h"
#include "streaming/upgrader.h"

namespace coxswain::streaming {

/// Serves whichever protocol the client asks for. Where that fails, the client has been answered.
Task<Result<std::unique_ptr<ServerSession>>> acceptRemoteCommand(net::Request& request,
                                                                 net::ResponseWriter& response,
                                                                 StreamSet streams,
                                                                 std::stop_token stop);

enum class Transport { Spdy, WebSocket };

/// SPDY for container runtimes, WebSocket for API servers. Failures have the server's HTTP code and
/// the body as their message.
Task<Result<std::unique_ptr<ClientSession>>> dialRemoteCommand(Transport transport,
                                                               Upgrader& client,
                                                               net::ClientRequest request,
                                                               StreamSet streams,
                                                               std::stop_token stop);

/// The same by an HttpClient as it is.
Task<Result<std::unique_ptr<ClientSession>>> dialRemoteCommand(Transport transport,
                                                               net::HttpClient& client,
                                                               net::ClientRequest request,
                                                               StreamSet streams,
                                                               std::stop_token stop);

/// Does the request ask for an upgrade that this library serves?
bool isStreamingRequest(const net::Request& request);

/// Of a kubelet's request (input, output, error, tty = 1). BadRequest when none is asked for. With
/// a tty there is no stderr.
Result<StreamSet> streamsOfKubeletQuery(const net::Query& query);

/// Connects the two ends until the command has ended, the client is gone, or `stop`: each byte goes
/// through with back pressure, the end of stdin is passed on, and so is the outcome. Closes both.
/// The result is how the command ended, as far as this end knows.
Task<Outcome> bridge(ServerSession& server, ClientSession& client, std::stop_token stop);

}  // namespace coxswain::streaming
