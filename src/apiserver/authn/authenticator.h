#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/authn/static_tokens.h"
#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// Decides who sent a request: a client certificate that the CA signed (CN user, O groups), else a
/// bearer token: a static one, or a service account's. Nothing of these: system:anonymous, where
/// that is allowed; something that nobody vouches for: Unauthorized. One executor.
class Authenticator {
 public:
  struct Options {
    StaticTokens tokens;
    std::unique_ptr<ServiceAccountTokens> accounts;  ///< null: none are known
    bool anonymous = true;  ///< false: requests without credentials are Unauthorized as well
  };
  explicit Authenticator(Options options) : options_(std::move(options)) {}

  [[nodiscard]] Result<UserInfo> authenticate(const net::Request& request, WallTime now);
  /// A bearer token alone, as TokenReview asks. `audiences` empty: those of this API server.
  [[nodiscard]] Result<ServiceAccountTokens::Verified> authenticateToken(
      std::string_view token, const std::vector<std::string>& audiences, WallTime now);
  /// Null: none are known.
  [[nodiscard]] ServiceAccountTokens* accounts() const { return options_.accounts.get(); }

 private:
  [[nodiscard]] Result<UserInfo> byCertificate(const std::string& der);
  Options options_;
  /// Who certificates seen before (DER) speak for: reading one takes some 20 us.
  std::unordered_map<std::string, UserInfo> certificates_;
};

}  // namespace coxswain::apiserver
