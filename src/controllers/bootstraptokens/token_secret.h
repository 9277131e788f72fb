#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::bootstraptokens {

inline constexpr std::string_view kTokenType = "bootstrap.kubernetes.io/token";

/// What a secret for joining says.
struct TokenSecret {
  std::string id;
  std::string secret;
  bool signing = false;               ///< may sign the cluster's information
  std::optional<WallTime> expiresAt;  ///< nothing: never
};

/// Nothing: the secret is none, or not named after its id. A time that cannot be read has passed.
std::optional<TokenSecret> readTokenSecret(const api::core::v1::Secret& secret);

/// "header..signature" (JWS, HS256, detached) of `content` by a token.
std::string detachedSignature(const TokenSecret& token, std::string_view content);

}  // namespace coxswain::controllers::bootstraptokens
