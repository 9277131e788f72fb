#pragma once

#include <optional>

#include "apiserver/authz/authorizer.h"
#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// Whom the caller acts as by Impersonate-* headers; nothing: as himself. BadRequest for groups
/// without a user; Forbidden where he may not (verb impersonate on users, groups, serviceaccounts,
/// uids, userextras). Upstream: apiserver/pkg/endpoints/filters/impersonation.go.
Result<std::optional<UserInfo>> impersonatedUser(const net::Headers& headers,
                                                 const UserInfo& caller,
                                                 const Authorizer& authorizer);

}  // namespace coxswain::apiserver
