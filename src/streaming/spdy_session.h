#pragma once

#include <memory>

#include "streaming/session.h"
#include "streaming/spdy_link.h"
#include "streaming/upgrader.h"

/// Remote commands over SPDY/3.1: one stream each for error, stdin, stdout, stderr, resize, told
/// apart by the header streamType. Versions v4.channel.k8s.io down to none at all.
namespace coxswain::streaming {

/// Upgrades and waits (30 s at most) until the client has opened the streams. What fails before the
/// upgrade has been answered.
Task<Result<std::unique_ptr<ServerSession>>> acceptSpdyCommand(net::Request& request,
                                                               net::ResponseWriter& response,
                                                               StreamSet streams,
                                                               std::stop_token stop);

/// `request` names the target ("POST /exec/TOKEN"); upgrade headers are added.
Task<Result<std::unique_ptr<ClientSession>>> dialSpdyCommand(Upgrader& client,
                                                             net::ClientRequest request,
                                                             StreamSet streams,
                                                             std::stop_token stop);

}  // namespace coxswain::streaming
