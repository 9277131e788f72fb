#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "apiserver/authz/authorizer.h"
#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "net/http.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Whom a caller acts as by Impersonate-* headers, if he may. One executor.
///
/// Two ways lead there (KEP-5284). Constrained: by what the user is (the caller's own node, any
/// node, a service account, somebody else), with the verb "impersonate:MODE" on the identity and
/// "impersonate-on:MODE:VERB" on what the request is about. Legacy: the verb "impersonate" on each
/// part of the identity. The way that last worked for a caller is tried first; where none does, the
/// first refusal is told. Upstream: apiserver/pkg/endpoints/filters/impersonation.
class Impersonation {
 public:
  /// `authorizer` outlives it.
  explicit Impersonation(const Authorizer& authorizer) : authorizer_(authorizer) {}

  /// Any Impersonate-* header is there.
  [[nodiscard]] static bool wanted(const net::Headers& headers);

  struct Outcome {
    UserInfo user;
    std::string constraint;  ///< "impersonate:user-info"; empty: the legacy way, or nobody
    bool impersonated = false;
  };
  /// BadRequest for parts of a user without a name; Forbidden. The headers are taken away. What
  /// `attributes` (of the request, as the caller) refers to outlives the task.
  Task<Result<Outcome>> impersonate(net::Headers& headers, Attributes attributes,
                                    std::stop_token stop);

 private:
  const Authorizer& authorizer_;
  std::unordered_map<std::string, uint8_t> lastMode_;  ///< by caller
};

}  // namespace coxswain::apiserver
