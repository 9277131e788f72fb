#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::apiserver {

/// Beyond it nothing is parsed.
inline constexpr size_t kJwtBytesMax = 64 * 1024;

/// The issuer of tokens that are kept in secrets.
inline constexpr std::string_view kLegacyIssuer = "kubernetes/serviceaccount";

/// Any signed token taken apart (RFC 7515, compact form). Nothing is verified.
struct SignedText {
  std::string algorithm;        ///< "ES256"
  std::string keyId;            ///< may be empty
  std::string payload;          ///< a JSON object
  std::string_view signedText;  ///< of the text that was parsed
  std::string signature;
};
/// BadRequest for whatever is not three parts of base64url, the first a JSON object, and for
/// extensions marked critical.
Result<SignedText> parseSignedText(std::string_view text);

/// An object that a token speaks of.
struct TokenObject {
  std::string name;  ///< empty: not in the token
  std::string uid;
};

/// What a service account token says. Times are Unix seconds.
struct TokenClaims {
  std::string issuer;
  std::string subject;  ///< "system:serviceaccount:ns:name"
  std::string id;       ///< jti; may be empty
  std::vector<std::string> audiences;
  int64_t expiresAt = 0;  ///< 0: never (tokens of secrets)
  int64_t issuedAt = 0;
  int64_t notBefore = 0;
  int64_t warnAfter = 0;  ///< 0: none
  std::string ns;
  TokenObject serviceAccount;
  TokenObject pod;
  TokenObject secret;
  TokenObject node;
};

/// A token of a service account taken apart (RFC 7519). Nothing is verified.
struct Jwt {
  SignedText text;
  TokenClaims claims;
};

/// BadRequest for whatever is not three parts of base64url with JSON objects in the first two, for
/// claims of another type, and for extensions marked critical. Unknown claims are passed over.
Result<Jwt> parseJwt(std::string_view text);

/// The first two parts, to be signed. Claims in upstream's order, those of kLegacyIssuer flat.
std::string jwtToSign(std::string_view algorithm, std::string_view keyId,
                      const TokenClaims& claims);

/// Claim `iss` alone; empty: none, or not a token. Cheap look before the rest.
std::string jwtIssuer(std::string_view text);

}  // namespace coxswain::apiserver
