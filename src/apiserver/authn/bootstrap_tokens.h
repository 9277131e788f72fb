#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/authn/stored_objects.h"
#include "apiserver/authn/token_authenticator.h"

namespace coxswain::apiserver {

/// "abcdef.0123456789abcdef" in its halves; empty: not of that form.
struct BootstrapTokenText {
  std::string_view id;
  std::string_view secret;
  [[nodiscard]] static BootstrapTokenText parse(std::string_view token);
  [[nodiscard]] bool empty() const { return id.empty(); }
};

/// Tokens with which nodes join: secrets kube-system/bootstrap-token-ID of type
/// bootstrap.kubernetes.io/token. The user is system:bootstrap:ID, in system:bootstrappers and the
/// groups that the secret names. Looked up at each request. One executor.
/// Upstream: plugin/pkg/auth/authenticator/token/bootstrap.
class BootstrapTokens final : public TokenAuthenticator {
 public:
  explicit BootstrapTokens(TokenObjectLookup lookup) : lookup_(std::move(lookup)) {}
  [[nodiscard]] Recognition recognise(std::string_view token, const Audiences& audiences,
                                      WallTime now) override;

 private:
  TokenObjectLookup lookup_;
};

}  // namespace coxswain::apiserver
