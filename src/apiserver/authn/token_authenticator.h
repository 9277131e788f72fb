#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "base/time.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Whom tokens are for; "https://kubernetes.default.svc".
using Audiences = std::vector<std::string>;

/// Somebody who was recognised, and what is to be told about how.
struct Authenticated {
  UserInfo user;
  Audiences audiences = {};                ///< of a token: which of the wanted ones it is for
  std::vector<std::string> warnings = {};  ///< for the client
  std::vector<std::pair<std::string, std::string>> annotations = {};  ///< for the audit log
};

/// Nothing: this is no credential of that kind, somebody else may know it. A failure: it is, but
/// is not good; others may still know it, and the failure's message is remembered.
using Recognition = Result<std::optional<Authenticated>>;

/// Vouches for bearer tokens by what this process knows. One executor.
class TokenAuthenticator {
 public:
  virtual ~TokenAuthenticator() = default;
  /// `audiences` is not empty: the token must be for one of them.
  [[nodiscard]] virtual Recognition recognise(std::string_view token, const Audiences& audiences,
                                              WallTime now) = 0;
};

/// Vouches for bearer tokens by asking elsewhere. One executor.
class RemoteTokenAuthenticator {
 public:
  virtual ~RemoteTokenAuthenticator() = default;
  /// A cheap look; false: certainly not one of its tokens.
  [[nodiscard]] virtual bool concerns(std::string_view token) const = 0;
  /// Failures that may pass (Unreachable, ServiceUnavailable, Timeout, Canceled) are no verdict.
  virtual Task<Recognition> ask(std::string token, Audiences audiences, std::stop_token stop) = 0;
  /// Ends connections; always, before the executor stops.
  virtual Task<void> close() = 0;
};

/// What is in both, in the order of `a`.
[[nodiscard]] Audiences intersection(const Audiences& a, const Audiences& b);

}  // namespace coxswain::apiserver
