#pragma once

#include <memory>
#include <string>

#include "apiserver/generic/user_info.h"
#include "apiserver/server/exchange.h"
#include "net/http_client.h"

namespace coxswain::apiserver {

/// Passes a request that may be made on to an aggregated server, who asks in headers, and its
/// answer back. Requests that do not last have 60 s. BadRequest for paths that servers might read
/// in two ways.
Task<Status> forward(Exchange& exchange, std::shared_ptr<net::HttpClient> connection);

/// 503 with that text.
Task<Status> answerUnavailable(Exchange& exchange, std::string text);

/// Takes credentials, impersonation and identities that the client sent out of the headers, and
/// puts the user's in: X-Remote-User, -Uid, -Group, -Extra-*. ServiceUnavailable for a user whom
/// headers cannot name.
Status setIdentity(net::Headers& headers, const UserInfo& user);

/// No empty, "." or ".." segments, nor escaped slashes: what was authorized is what is meant.
bool isPlainPath(std::string_view path);

}  // namespace coxswain::apiserver
