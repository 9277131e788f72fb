#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "apiserver/generic/user_info.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// Static bearer tokens: lines of `token,user,uid,"group1,group2"` (--token-auth-file).
class StaticTokens {
 public:
  static Result<StaticTokens> parse(std::string_view text);
  static Result<StaticTokens> load(const std::string& path);
  /// Null: unknown token.
  [[nodiscard]] const UserInfo* find(std::string_view token) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, UserInfo, Hash, std::equal_to<>> users_;
};

}  // namespace coxswain::apiserver
