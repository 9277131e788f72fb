#include "controllers/bootstraptokens/token_secret.h"

#include <algorithm>

#include "api/meta/base64.h"
#include "api/meta/time.h"
#include "net/signing.h"

namespace coxswain::controllers::bootstraptokens {
namespace {

constexpr std::string_view kNamePrefix = "bootstrap-token-";

std::string text(const api::core::v1::Secret& secret, std::string_view key) {
  const auto* value = secret.data.get(key);
  return value ? value->data : std::string();
}

bool isLowerAlnum(std::string_view text, size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

}  // namespace

std::optional<TokenSecret> readTokenSecret(const api::core::v1::Secret& secret) {
  if (secret.type != kTokenType) return std::nullopt;
  TokenSecret out;
  out.id = text(secret, "token-id");
  out.secret = text(secret, "token-secret");
  if (!isLowerAlnum(out.id, 6) || !isLowerAlnum(out.secret, 16)) return std::nullopt;
  if (secret.metadata.name != std::string(kNamePrefix) + out.id) return std::nullopt;
  out.signing = text(secret, "usage-bootstrap-signing") == "true";
  if (auto expiration = text(secret, "expiration"); !expiration.empty()) {
    auto at = api::Time::parse(expiration);
    out.expiresAt = at.ok() ? at->wall() : WallTime();
  }
  return out;
}

std::string detachedSignature(const TokenSecret& token, std::string_view content) {
  const auto header = api::base64UrlEncode("{\"alg\":\"HS256\",\"kid\":\"" + token.id + "\"}");
  const auto signedText = header + "." + api::base64UrlEncode(content);
  return header + ".." +
         api::base64UrlEncode(net::hmacSha256(token.id + "." + token.secret, signedText));
}

}  // namespace coxswain::controllers::bootstraptokens
