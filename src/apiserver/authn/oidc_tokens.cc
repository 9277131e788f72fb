#include "apiserver/authn/oidc_tokens.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

const Logger kLog("apiserver.oidc");

constexpr std::string_view kWellKnown = "/.well-known/openid-configuration";
/// Between two attempts to reach the provider, or to get newer keys.
constexpr auto kTryAgainAfter = 1s;

/// Gives a permit back when its scope ends.
class Permit {
 public:
  explicit Permit(Semaphore& semaphore) : semaphore_(semaphore) {}
  ~Permit() { semaphore_.release(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

 private:
  Semaphore& semaphore_;
};

Status notReady() {
  return serviceUnavailable("oidc: authenticator not initialized");
}

}  // namespace

Result<std::string> parseDiscovery(std::string_view document, std::string_view issuer) {
  TRY(auto value, api::parseJsonValue(document));
  const auto* members = value.if_object();
  const auto text = [members](std::string_view name) {
    const auto* one = members ? members->if_contains(name) : nullptr;
    return one && one->is_string() ? std::string(one->get_string()) : std::string();
  };
  if (text("issuer") != issuer) {
    return badRequest("oidc: issuer did not match the issuer returned by provider, expected " +
                      api::goQuote(issuer) + " got " + api::goQuote(text("issuer")));
  }
  auto url = text("jwks_uri");
  if (!url.starts_with("https://")) return badRequest("oidc: the provider names no https jwks_uri");
  return url;
}

bool OidcTokens::concerns(std::string_view token) const {
  const auto issuer = jwtIssuer(token);
  if (issuer.empty()) return false;
  return issuer == options_.issuerUrl ||
         (issuer == "accounts.google.com" && options_.issuerUrl == "https://accounts.google.com");
}

bool OidcTokens::signatureFits(const SignedText& text) const {
  return std::any_of(keys_.begin(), keys_.end(), [&text](const JsonWebKey& key) {
    if (!text.keyId.empty() && !key.id.empty() && key.id != text.keyId) return false;
    return key.key.verify(text.algorithm, text.signedText, text.signature);
  });
}

Task<Status> OidcTokens::discover(std::stop_token stop) {
  auto issuer = options_.issuerUrl;
  if (issuer.ends_with('/')) issuer.pop_back();
  CO_TRY(auto document, co_await documents_->get(issuer + std::string(kWellKnown), stop));
  CO_TRY(keysUrl_, parseDiscovery(document, options_.issuerUrl));
  co_return Status();
}

Task<Status> OidcTokens::refreshKeys(uint64_t seen, std::stop_token stop) {
  CO_TRY_STATUS(co_await fetching_.acquire(stop));
  const Permit permit(fetching_);
  // Somebody else was faster, or it was tried a moment ago.
  if (generation_ > seen) co_return Status();
  const auto now = executor_.now();
  if (tried_ && now < *tried_ + kTryAgainAfter) {
    co_return tooManyRequests("keys were fetched a moment ago", 1);
  }
  tried_ = now;
  if (keysUrl_.empty()) CO_TRY_STATUS(co_await discover(stop));
  auto document = co_await documents_->get(keysUrl_, stop);
  if (!document.ok()) {
    keysUrl_.clear();  // it may have moved
    co_return document.status();
  }
  CO_TRY(keys_, parseKeySet(*document));
  ++generation_;
  co_return Status();
}

Task<Status> OidcTokens::checkSignature(const SignedText& text, std::stop_token stop) {
  const auto& algorithms = options_.signingAlgorithms;
  if (std::find(algorithms.begin(), algorithms.end(), text.algorithm) == algorithms.end()) {
    std::string list;
    for (const auto& one : algorithms) list += (list.empty() ? "" : " ") + api::goQuote(one);
    co_return unauthorized("oidc: id token signed with unsupported algorithm, expected [" + list +
                           "] got " + api::goQuote(text.algorithm));
  }
  if (signatureFits(text)) co_return Status();
  Status fetched = co_await refreshKeys(generation_, stop);
  if (!fetched.ok() && !isCanceled(fetched) && !isTooManyRequests(fetched)) {
    kLog.warn("provider's keys could not be fetched",
              {{"issuer", options_.issuerUrl}, {"why", fetched}});
  }
  if (generation_ == 0) co_return notReady();
  if (signatureFits(text)) co_return Status();
  if (!fetched.ok()) {
    co_return serviceUnavailable("failed to verify signature: fetching keys " + fetched.message());
  }
  co_return unauthorized("failed to verify signature: failed to verify id token signature");
}

Task<Recognition> OidcTokens::ask(std::string token, Audiences audiences, std::stop_token stop) {
  if (!concerns(token)) co_return std::nullopt;
  auto both = intersection(audiences, apiAudiences_);
  if (both.empty()) co_return std::nullopt;
  auto text = parseSignedText(token);
  if (!text.ok()) co_return std::nullopt;
  Status good = checkIdToken(text->payload, options_, executor_.wallNow());
  if (good.ok()) good = co_await checkSignature(*text, std::move(stop));
  if (!good.ok()) {
    if (good.reason() != Reason::Unauthorized) co_return good;
    co_return unauthorized("oidc: verify token: " + good.message());
  }
  Authenticated out;
  CO_TRY(out.user, userOfClaims(text->payload, options_));
  out.audiences = std::move(both);
  co_return out;
}

}  // namespace coxswain::apiserver
