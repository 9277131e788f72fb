#include "apiserver/authn/oidc_claims.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>

#include "api/codec/value.h"
#include "api/meta/time.h"
#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;

constexpr std::string_view kAlgorithms[] = {"RS256", "RS384", "RS512", "ES256", "ES384",
                                            "ES512", "PS256", "PS384", "PS512"};
/// Clocks of issuers may go before ours.
constexpr int64_t kNotBeforeLeeway = 5 * 60;
constexpr double kSecondsMax = 1e15;

Result<json::object> claimsOf(std::string_view payload) {
  auto value = api::parseJsonValue(payload);
  if (!value.ok() || !value->is_object()) {
    return unauthorized("oidc: parse claims: the token's payload is not a JSON object");
  }
  return std::move(value->get_object());
}

std::string_view goKind(const json::value& value) {
  switch (value.kind()) {
    case json::kind::bool_:
      return "bool";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    case json::kind::string:
      return "string";
    default:
      return "number";
  }
}

Status wrongType(const json::value& value, std::string_view wanted) {
  return unauthorized("json: cannot unmarshal " + std::string(goKind(value)) +
                      " into Go value of type " + std::string(wanted));
}

Result<std::string> textClaim(const json::object& claims, const std::string& name) {
  const auto* value = claims.if_contains(name);
  if (!value) return unauthorized("claim not present");
  if (value->is_null()) return std::string();
  if (!value->is_string()) return wrongType(*value, "string");
  return std::string(value->get_string());
}

std::optional<int64_t> timeClaim(const json::object& claims, std::string_view name) {
  const auto* value = claims.if_contains(name);
  if (!value) return std::nullopt;
  if (const auto* whole = value->if_int64()) return *whole;
  const auto* number = value->if_double();
  if (!number || !std::isfinite(*number) || std::fabs(*number) > kSecondsMax) return std::nullopt;
  return static_cast<int64_t>(*number);
}

/// A text, or a list of texts.
Result<std::vector<std::string>> listClaim(const json::value& value) {
  std::vector<std::string> out;
  if (value.is_null()) return out;
  if (value.is_string()) {
    out.emplace_back(value.get_string());
    return out;
  }
  if (!value.is_array()) return wrongType(value, "string");
  for (const auto& one : value.get_array()) {
    if (!one.is_string()) return wrongType(value, "string");
    out.emplace_back(one.get_string());
  }
  return out;
}

std::string goList(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const auto& one : values) out += (out.size() > 1 ? " " : "") + api::goQuote(one);
  return out + "]";
}

Status checkEmail(const json::object& claims) {
  const auto* verified = claims.if_contains("email_verified");
  if (!verified) return {};
  if (!verified->is_bool()) {
    return unauthorized("oidc: parse 'email_verified' claim: " +
                        wrongType(*verified, "bool").message());
  }
  return verified->get_bool() ? Status() : unauthorized("oidc: email not verified");
}

}  // namespace

Status OidcOptions::check() const {
  if (issuerUrl.empty() || clientId.empty()) {
    return badRequest(
        "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are "
        "set");
  }
  if (!issuerUrl.starts_with("https://")) {
    return badRequest("oidc-issuer-url: Invalid value: " + api::goQuote(issuerUrl) +
                      ": URL scheme must be https");
  }
  if (usernameClaim.empty()) return badRequest("oidc-username-claim must not be empty");
  for (const auto& one : signingAlgorithms) {
    if (std::find(std::begin(kAlgorithms), std::end(kAlgorithms), one) == std::end(kAlgorithms)) {
      return badRequest("oidc: unsupported signing alg: " + api::goQuote(one));
    }
  }
  return {};
}

Status checkIdToken(std::string_view payload, const OidcOptions& options, WallTime now) {
  TRY(auto claims, claimsOf(payload));
  auto issuer = textClaim(claims, "iss").valueOr("");
  if (issuer == "accounts.google.com") issuer = "https://" + issuer;
  if (issuer != options.issuerUrl) {
    return unauthorized("oidc: id token issued by a different provider, expected " +
                        api::goQuote(options.issuerUrl) + " got " + api::goQuote(issuer));
  }
  const auto* audience = claims.if_contains("aud");
  auto audiences = audience ? listClaim(*audience) : std::vector<std::string>();
  if (!audiences.ok()) return audiences.status();
  if (std::find(audiences->begin(), audiences->end(), options.clientId) == audiences->end()) {
    return unauthorized("oidc: expected audience " + api::goQuote(options.clientId) + " got " +
                        goList(*audiences));
  }
  const auto seconds = api::Time(now).unix();
  const auto expires = timeClaim(claims, "exp").value_or(api::Time().unix());
  if (expires <= seconds) {
    return unauthorized(
        "oidc: token is expired (Token Expiry: " + api::Time::fromUnix(expires).str() + ")");
  }
  const auto notBefore = timeClaim(claims, "nbf");
  if (notBefore && seconds + kNotBeforeLeeway < *notBefore) {
    return unauthorized(
        "oidc: current time " + api::Time(now).str() +
        " before the nbf (not before) time: " + api::Time::fromUnix(*notBefore).str());
  }
  return {};
}

Result<UserInfo> userOfClaims(std::string_view payload, const OidcOptions& options) {
  TRY(auto claims, claimsOf(payload));
  auto name = textClaim(claims, options.usernameClaim);
  const auto claim = api::goQuote(options.usernameClaim);
  if (!name.ok()) {
    return unauthorized("oidc: parse username claims " + claim + ": " + name.status().message());
  }
  if (name->empty()) return unauthorized("oidc: username claim " + claim + " is empty");
  const bool email = options.usernameClaim == "email";
  if (email) TRY_STATUS(checkEmail(claims));
  UserInfo user;
  if (options.usernamePrefix.empty()) {
    if (!email) user.name = options.issuerUrl + "#";
  } else if (options.usernamePrefix != "-") {
    user.name = options.usernamePrefix;
  }
  user.name += *name;
  const auto* groups =
      options.groupsClaim.empty() ? nullptr : claims.if_contains(options.groupsClaim);
  if (groups) {
    auto list = listClaim(*groups);
    if (!list.ok()) {
      return unauthorized("oidc: parse groups claim " + api::goQuote(options.groupsClaim) + ": " +
                          list.status().message());
    }
    for (auto& one : *list) user.groups.push_back(options.groupsPrefix + one);
  }
  for (const auto& [required, value] : options.requiredClaims) {
    if (!claims.contains(required)) {
      return unauthorized("oidc: required claim " + required + " not present in ID token");
    }
    auto actual = textClaim(claims, required);
    if (!actual.ok()) {
      return unauthorized("oidc: parse claim " + required + ": " + actual.status().message());
    }
    if (*actual != value) {
      return unauthorized("oidc: required claim " + required +
                          " value does not match. Got = " + *actual + ", want = " + value);
    }
  }
  return user;
}

}  // namespace coxswain::apiserver
