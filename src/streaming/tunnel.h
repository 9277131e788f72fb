#pragma once

#include <memory>

#include "net/http_client.h"
#include "net/websocket/websocket.h"

namespace coxswain::streaming {

/// The WebSocket subprotocol that carries a SPDY connection's bytes in binary messages, as kubectl
/// does from 1.31 on. Upstream: KEP 4006, client-go tools/portforward.
inline constexpr std::string_view kTunnelProtocol = "SPDY/3.1+portforward.k8s.io";

/// A Stream over the binary messages of a WebSocket. Ending the writing direction is a close frame,
/// which ends the other one soon, too.
std::unique_ptr<net::Stream> tunnelOver(std::unique_ptr<net::WebSocket> socket);

}  // namespace coxswain::streaming
