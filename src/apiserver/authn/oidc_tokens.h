#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/authn/json_web_keys.h"
#include "apiserver/authn/jwt.h"
#include "apiserver/authn/oidc_claims.h"
#include "apiserver/authn/token_authenticator.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {

/// Documents of other servers.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  /// The body of a successful answer to GET. Unreachable where nobody answers.
  virtual Task<Result<std::string>> get(std::string url, std::stop_token stop) = 0;
  virtual Task<void> close() = 0;
};

/// Tokens of an OpenID Connect provider. Who it is and its keys are fetched when the first token of
/// it comes, and its keys again when a token is signed by none of them (once a second at most).
/// While the provider cannot be reached its tokens do not count. One executor.
/// Upstream: apiserver/plugin/pkg/authenticator/token/oidc.
class OidcTokens final : public RemoteTokenAuthenticator {
 public:
  /// `options` have passed check(); `apiAudiences` are this API server's.
  OidcTokens(Executor& executor, OidcOptions options, Audiences apiAudiences,
             std::unique_ptr<DocumentSource> documents)
      : executor_(executor),
        options_(std::move(options)),
        apiAudiences_(std::move(apiAudiences)),
        documents_(std::move(documents)) {}

  [[nodiscard]] bool concerns(std::string_view token) const override;
  Task<Recognition> ask(std::string token, Audiences audiences, std::stop_token stop) override;
  Task<void> close() override { co_await documents_->close(); }

 private:
  [[nodiscard]] bool signatureFits(const SignedText& text) const;
  Task<Status> discover(std::stop_token stop);
  /// Keys that are newer than those of `seen`. TooManyRequests: they were fetched a moment ago.
  Task<Status> refreshKeys(uint64_t seen, std::stop_token stop);
  Task<Status> checkSignature(const SignedText& text, std::stop_token stop);

  Executor& executor_;
  const OidcOptions options_;
  const Audiences apiAudiences_;
  std::unique_ptr<DocumentSource> documents_;
  Semaphore fetching_{1};
  std::string keysUrl_;  // empty: not discovered yet
  std::vector<JsonWebKey> keys_;
  uint64_t generation_ = 0;  // of the keys; 0: none yet
  std::optional<MonotonicTime> tried_;
};

/// "jwks_uri" of a discovery document that is about `issuer`. BadRequest says what is wrong.
Result<std::string> parseDiscovery(std::string_view document, std::string_view issuer);

}  // namespace coxswain::apiserver
