#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/authn/json_web_keys.h"
#include "apiserver/authn/oidc_claims.h"
#include "apiserver/authn/oidc_tokens.h"
#include "apiserver/authn/webhook_tokens.h"

/// Documents of providers and webhooks, and the claims of tokens: all of the same text, since each
/// is JSON that somebody else wrote.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain;
  using namespace coxswain::apiserver;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto keys = parseKeySet(text);
  if (keys.ok()) {
    // No key accepts an empty signature.
    for (const auto& key : *keys) {
      for (const char* algorithm : {"RS256", "PS512", "ES256", "none", ""}) {
        if (key.key.verify(algorithm, "data", "")) std::abort();
      }
    }
  }
  auto url = parseDiscovery(text, "https://i");
  if (url.ok() && !url->starts_with("https://")) std::abort();
  OidcOptions options;
  options.issuerUrl = "https://i";
  options.clientId = "c";
  options.groupsClaim = "groups";
  options.requiredClaims = {{"hd", "x"}};
  const auto now = WallTime(std::chrono::seconds(1'700'000'000));
  if (checkIdToken(text, options, now).ok() && text.find("iss") == std::string_view::npos &&
      text.find('\\') == std::string_view::npos) {
    std::abort();
  }
  auto user = userOfClaims(text, options);
  if (user.ok() && !user->name.starts_with("https://i#")) std::abort();
  auto known = parseTokenReviewAnswer(text, {"api"}, {"api"});
  if (known.ok() && known->has_value() && (*known)->audiences.empty()) std::abort();
  return 0;
}
