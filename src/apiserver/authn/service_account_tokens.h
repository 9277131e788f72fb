#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/gen/authentication_v1.h"
#include "api/reflect/object.h"
#include "apiserver/authn/jwt.h"
#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "base/time.h"
#include "net/signing.h"
#include "runtime/random.h"

namespace coxswain::apiserver {

/// What tokens are bound to, as it is stored now: "serviceaccounts", "pods", "secrets" or "nodes".
/// NotFound where there is none.
using TokenObjectLookup = std::function<Result<api::ConstObject>(
    std::string_view resource, std::string_view ns, std::string_view name)>;

/// What --service-account-* and --api-audiences say.
struct TokenOptions {
  std::string issuer;
  std::vector<std::string> audiences;  ///< of this API server; empty: the issuer
  std::string signingKeyPem;           ///< empty: no token is issued
  std::vector<std::string> keysPem;    ///< who may have signed; empty: the signing key
};

/// Issues and checks tokens of service accounts. One executor. Upstream: pkg/serviceaccount.
class ServiceAccountTokens {
 public:
  /// BadRequest for keys that are none.
  static Result<std::unique_ptr<ServiceAccountTokens>> create(TokenOptions options,
                                                              TokenObjectLookup lookup,
                                                              Random& random);

  /// Who a token speaks for, and for which of `audiences` (empty: those of this API server) it is.
  /// Unauthorized says why not: signature, times, audience, or what it is bound to is gone.
  struct Verified {
    UserInfo user;
    std::vector<std::string> audiences;
  };
  [[nodiscard]] Result<Verified> verify(std::string_view token,
                                        const std::vector<std::string>& audiences, WallTime now);
  /// Looks like one of ours (by its issuer): nobody else need look at it.
  [[nodiscard]] bool isOurs(std::string_view token) const;

  /// Fills `request.status`, and in `request.spec` what was not said. `account` is the stored one.
  /// Invalid, BadRequest, NotFound, Conflict as the client gets them.
  [[nodiscard]] Status issue(api::authentication::v1::TokenRequest& request,
                             const api::ConstObject& account, WallTime now);

  /// Documents of /.well-known/openid-configuration and /openid/v1/jwks.
  [[nodiscard]] std::string openIdConfiguration(std::string_view jwksUrl) const;
  [[nodiscard]] std::string keySet() const;

 private:
  ServiceAccountTokens(TokenOptions options, TokenObjectLookup lookup, Random& random)
      : options_(std::move(options)), lookup_(std::move(lookup)), random_(random) {}
  [[nodiscard]] bool signatureFits(const Jwt& jwt) const;
  [[nodiscard]] Result<TokenClaims> checkedClaims(std::string_view token);
  [[nodiscard]] Status checkBound(const TokenClaims& claims, WallTime now) const;
  [[nodiscard]] Status bind(const api::authentication::v1::BoundObjectReference& reference,
                            std::string_view ns, TokenClaims& claims) const;

  TokenOptions options_;
  TokenObjectLookup lookup_;
  Random& random_;
  std::vector<net::SigningKey> signing_;  // one or none
  std::vector<net::PublicKey> keys_;
  /// Tokens whose signature was found good: checking costs a tenth of a millisecond.
  std::unordered_map<std::string, TokenClaims> checked_;
};

}  // namespace coxswain::apiserver
