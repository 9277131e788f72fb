#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/authn/token_authenticator.h"

namespace coxswain::apiserver {

/// What --oidc-* say.
struct OidcOptions {
  std::string issuerUrl;  ///< https, as tokens name it
  std::string clientId;   ///< the audience tokens must have
  std::string usernameClaim = "sub";
  /// Empty: the issuer and "#", but for claim "email", which has none; "-": none.
  std::string usernamePrefix;
  std::string groupsClaim;  ///< empty: no groups
  std::string groupsPrefix;
  std::vector<std::pair<std::string, std::string>> requiredClaims;  ///< with these values
  std::vector<std::string> signingAlgorithms = {"RS256"};

  /// BadRequest in upstream's words.
  [[nodiscard]] Status check() const;
};

/// Is the token for that client, from that issuer, and good now? Unauthorized says why not.
/// `payload` is the claims' JSON; its signature is the caller's to check.
Status checkIdToken(std::string_view payload, const OidcOptions& options, WallTime now);

/// Who the claims speak for. Unauthorized says which claim is not as it must be.
Result<UserInfo> userOfClaims(std::string_view payload, const OidcOptions& options);

}  // namespace coxswain::apiserver
