#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/authentication_v1.h"
#include "api/reflect/object.h"
#include "apiserver/authn/jwt.h"
#include "apiserver/authn/secret_cache.h"
#include "apiserver/authn/stored_objects.h"
#include "apiserver/authn/token_authenticator.h"
#include "base/metric_sink.h"
#include "net/signing.h"
#include "runtime/random.h"

namespace coxswain::apiserver {

/// What --service-account-* and --api-audiences say.
struct TokenOptions {
  std::string issuer;                        ///< of what is issued
  std::vector<std::string> acceptedIssuers;  ///< more whose tokens count
  std::vector<std::string> audiences;        ///< of this API server; empty: all the issuers
  std::string signingKeyPem;                 ///< empty: no token is issued
  std::vector<std::string> keysPem;          ///< who may have signed; empty: the signing key
  bool lookup = true;                        ///< tokens kept in secrets count while these are there
  bool extendExpiration = true;    ///< tokens of pods' volumes live a year, and warn after an hour
  int64_t maxExpirationSeconds{};  ///< longer wishes are shortened; 0: no limit
  std::string jwksUrl;             ///< told in the OpenID document; empty: this server's own
};

/// Issues and checks tokens of service accounts. One executor. Upstream: pkg/serviceaccount.
///
/// A token counts while its account, and the pod, secret or node it is bound to, exist with the
/// same uid and are not past their deletion by more than a minute: this is looked up at every
/// request; signatures are checked once.
class ServiceAccountTokens final : public TokenAuthenticator {
 public:
  /// Told that a secret's token was used on a day ("2024-01-31") that the secret does not tell yet,
  /// once a day and secret.
  using UsedTokenSink = std::function<void(std::string ns, std::string secret, std::string day)>;

  /// BadRequest for keys that are none, and limits that cannot be.
  static Result<std::unique_ptr<ServiceAccountTokens>> create(TokenOptions options,
                                                              TokenObjectLookup lookup,
                                                              Random& random);
  void onUsedSecret(UsedTokenSink sink) { usedSecret_ = std::move(sink); }

  [[nodiscard]] Recognition recognise(std::string_view token, const Audiences& audiences,
                                      WallTime now) override;
  /// Uses of tokens by their kind.
  void tell(MetricSink& sink) const;
  /// Of this API server.
  [[nodiscard]] const Audiences& audiences() const { return options_.audiences; }

  struct Issued {
    std::vector<std::string> warnings;
    std::string credentialId;  ///< "JTI=..."
  };
  /// What was not said is said; Conflict and Invalid where the request cannot be. Before admission
  /// looks at it; issue() does it too.
  [[nodiscard]] Status prepare(api::authentication::v1::TokenRequest& request,
                               const api::ConstObject& account) const;
  /// Fills `request.status`, and in `request.spec` what was not said. `account` is the stored one.
  /// Invalid, BadRequest, NotFound, Conflict as the client gets them.
  [[nodiscard]] Result<Issued> issue(api::authentication::v1::TokenRequest& request,
                                     const api::ConstObject& account, WallTime now);

  /// Documents of /.well-known/openid-configuration and /openid/v1/jwks. `ownJwksUrl` where the
  /// options name none.
  [[nodiscard]] std::string openIdConfiguration(std::string_view ownJwksUrl) const;
  [[nodiscard]] std::string keySet() const;
  /// An issuer without https cannot be discovered: no documents.
  [[nodiscard]] bool discoverable() const { return options_.issuer.starts_with("https://"); }

 private:
  ServiceAccountTokens(TokenOptions options, TokenObjectLookup lookup, Random& random);
  [[nodiscard]] Status checkSignature(const SignedText& text) const;
  [[nodiscard]] Result<const TokenClaims*> checkedClaims(std::string_view token, WallTime now);
  [[nodiscard]] bool accepts(std::string_view issuer) const;
  [[nodiscard]] Result<Authenticated> checkBound(const TokenClaims& claims, WallTime now) const;
  [[nodiscard]] Result<Authenticated> checkLegacy(std::string_view token, const TokenClaims& claims,
                                                  WallTime now);
  void noteUse(const api::ConstObject& secret, WallTime now);
  [[nodiscard]] Result<bool> bind(const api::authentication::v1::BoundObjectReference& reference,
                                  std::string_view ns, TokenClaims& claims) const;

  TokenOptions options_;
  TokenObjectLookup lookup_;
  Random& random_;
  std::vector<net::SigningKey> signing_;  // one or none
  std::vector<net::PublicKey> keys_;
  SecretCache<TokenClaims> checked_;  // whose signature was found good
  UsedTokenSink usedSecret_;
  struct Uses {
    uint64_t valid = 0;  ///< of those that warn after an hour: before it
    uint64_t stale = 0;  ///< after it
    uint64_t legacy = 0;
    uint64_t legacyManual = 0;
    uint64_t legacyAutomatic = 0;
    uint64_t legacyInvalid = 0;
  };
  mutable Uses uses_;
  std::vector<std::pair<std::string, std::string>> used_;  // "ns/secret" and the day it was told
};

/// The token that is kept in a secret. `uid` is the account's.
Result<std::string> signLegacyToken(const net::SigningKey& key, std::string_view ns,
                                    std::string_view account, std::string_view uid,
                                    std::string_view secret);

}  // namespace coxswain::apiserver
