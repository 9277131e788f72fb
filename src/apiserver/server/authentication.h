#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/generic/user_info.h"
#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// Static bearer tokens: lines of `token,user,uid,"group1,group2"` (--token-auth-file).
class StaticTokens {
 public:
  static Result<StaticTokens> parse(std::string_view text);
  static Result<StaticTokens> load(const std::string& path);
  /// Null: unknown token.
  [[nodiscard]] const UserInfo* find(std::string_view token) const;

 private:
  std::unordered_map<std::string, UserInfo> users_;
};

/// Decides who sent a request: a client certificate that the CA signed (CN user, O groups), else a
/// bearer token. Unauthorized where nobody vouches for it.
class Authenticator {
 public:
  explicit Authenticator(StaticTokens tokens) : tokens_(std::move(tokens)) {}
  [[nodiscard]] Result<UserInfo> authenticate(const net::Request& request) const;

 private:
  StaticTokens tokens_;
};

}  // namespace coxswain::apiserver
