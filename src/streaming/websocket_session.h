#pragma once

#include <memory>

#include "streaming/session.h"
#include "streaming/upgrader.h"

/// Remote commands over a WebSocket: every message is a channel number and bytes (channel.h).
/// Versions v5 (standard input can be half-closed) and v4, their base64 forms, and the nameless
/// first one.
namespace coxswain::streaming {

Task<Result<std::unique_ptr<ServerSession>>> acceptWebSocketCommand(net::Request& request,
                                                                    net::ResponseWriter& response,
                                                                    StreamSet streams,
                                                                    std::stop_token stop);

/// Offers v5, then v4.
Task<Result<std::unique_ptr<ClientSession>>> dialWebSocketCommand(Upgrader& client,
                                                                  net::ClientRequest request,
                                                                  StreamSet streams,
                                                                  std::stop_token stop);

}  // namespace coxswain::streaming
