#pragma once

#include <string>

#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// The token a request brings: "Authorization: Bearer TOKEN", else, for browsers, the subprotocol
/// "base64url.bearer.authorization.k8s.io.TOKEN" of a WebSocket upgrade. Empty: none. Unauthorized
/// where a subprotocol is no token, or comes alone or twice.
[[nodiscard]] Result<std::string> bearerToken(const net::Headers& headers);

/// Takes the token away, so that nobody further on gets it; other subprotocols stay.
void removeBearerToken(net::Headers& headers);

}  // namespace coxswain::apiserver
