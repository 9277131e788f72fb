#include "apiserver/authn/jwt.h"

#include <boost/json/value.hpp>
#include <cmath>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;

constexpr size_t kAudiencesMax = 100;
constexpr double kSecondsMax = 1e15;

Result<std::string> decodePart(std::string_view part) {
  auto bytes = api::base64UrlDecode(part);
  if (!bytes) return badRequest("token: a part is not base64url");
  return std::move(*bytes);
}

Result<json::value> parsePart(std::string_view bytes) {
  TRY(auto value, api::parseJsonValue(bytes));
  if (!value.is_object()) return badRequest("token: a part is not a JSON object");
  return value;
}

/// Absent: stays as it is.
Status readText(const json::object& from, std::string_view name, std::string& to) {
  const auto* value = from.if_contains(name);
  if (!value) return {};
  if (!value->is_string()) {
    return badRequest("token: \"" + std::string(name) + "\" is not text");
  }
  to.assign(value->get_string().data(), value->get_string().size());
  return {};
}

Status readTime(const json::object& from, std::string_view name, int64_t& to) {
  const auto* value = from.if_contains(name);
  if (!value) return {};
  if (const auto* whole = value->if_int64()) {
    to = *whole;
  } else if (const auto* number = value->if_double();
             number && std::isfinite(*number) && std::fabs(*number) < kSecondsMax) {
    to = static_cast<int64_t>(*number);
  } else {
    return badRequest("token: \"" + std::string(name) + "\" is not a time");
  }
  return {};
}

Status readAudiences(const json::object& from, std::vector<std::string>& to) {
  const auto* value = from.if_contains("aud");
  if (!value) return {};
  if (value->is_string()) {
    to.emplace_back(value->get_string().data(), value->get_string().size());
    return {};
  }
  if (!value->is_array() || value->get_array().size() > kAudiencesMax) {
    return badRequest("token: \"aud\" is neither text nor a short list");
  }
  for (const auto& one : value->get_array()) {
    if (!one.is_string()) return badRequest("token: an audience is not text");
    to.emplace_back(one.get_string().data(), one.get_string().size());
  }
  return {};
}

Status readObject(const json::object& from, std::string_view name, TokenObject& to) {
  const auto* value = from.if_contains(name);
  if (!value || value->is_null()) return {};
  if (!value->is_object()) {
    return badRequest("token: \"" + std::string(name) + "\" is not an object");
  }
  TRY_STATUS(readText(value->get_object(), "name", to.name));
  return readText(value->get_object(), "uid", to.uid);
}

Status readPrivateClaims(const json::object& from, TokenClaims& claims) {
  const auto* value = from.if_contains("kubernetes.io");
  if (!value || value->is_null()) return {};
  if (!value->is_object()) return badRequest("token: \"kubernetes.io\" is not an object");
  const auto& own = value->get_object();
  TRY_STATUS(readText(own, "namespace", claims.ns));
  TRY_STATUS(readObject(own, "serviceaccount", claims.serviceAccount));
  TRY_STATUS(readObject(own, "pod", claims.pod));
  TRY_STATUS(readObject(own, "secret", claims.secret));
  TRY_STATUS(readObject(own, "node", claims.node));
  return readTime(own, "warnafter", claims.warnAfter);
}

/// Tokens of secrets (issuer kubernetes/serviceaccount) have flat names.
Status readLegacyClaims(const json::object& from, TokenClaims& claims) {
  TRY_STATUS(readText(from, "kubernetes.io/serviceaccount/namespace", claims.ns));
  TRY_STATUS(readText(from, "kubernetes.io/serviceaccount/service-account.name",
                      claims.serviceAccount.name));
  TRY_STATUS(readText(from, "kubernetes.io/serviceaccount/service-account.uid",
                      claims.serviceAccount.uid));
  return readText(from, "kubernetes.io/serviceaccount/secret.name", claims.secret.name);
}

Result<TokenClaims> readClaims(const json::object& from) {
  TokenClaims claims;
  TRY_STATUS(readText(from, "iss", claims.issuer));
  TRY_STATUS(readText(from, "sub", claims.subject));
  TRY_STATUS(readText(from, "jti", claims.id));
  TRY_STATUS(readAudiences(from, claims.audiences));
  TRY_STATUS(readTime(from, "exp", claims.expiresAt));
  TRY_STATUS(readTime(from, "iat", claims.issuedAt));
  TRY_STATUS(readTime(from, "nbf", claims.notBefore));
  const bool legacy = claims.issuer == kLegacyIssuer;
  TRY_STATUS(legacy ? readLegacyClaims(from, claims) : readPrivateClaims(from, claims));
  return claims;
}

void member(std::string& out, std::string_view name) {
  if (out.back() != '{') out.push_back(',');
  api::appendJsonQuoted(out, name);
  out.push_back(':');
}
void textMember(std::string& out, std::string_view name, std::string_view value) {
  member(out, name);
  api::appendJsonQuoted(out, value);
}
void numberMember(std::string& out, std::string_view name, int64_t value) {
  member(out, name);
  out += std::to_string(value);
}
void objectMember(std::string& out, std::string_view name, const TokenObject& object) {
  if (object.name.empty()) return;
  member(out, name);
  out.push_back('{');
  textMember(out, "name", object.name);
  textMember(out, "uid", object.uid);
  out.push_back('}');
}

std::string legacyClaimsText(const TokenClaims& claims) {
  std::string out = "{";
  textMember(out, "iss", claims.issuer);
  textMember(out, "kubernetes.io/serviceaccount/namespace", claims.ns);
  textMember(out, "kubernetes.io/serviceaccount/secret.name", claims.secret.name);
  textMember(out, "kubernetes.io/serviceaccount/service-account.name", claims.serviceAccount.name);
  textMember(out, "kubernetes.io/serviceaccount/service-account.uid", claims.serviceAccount.uid);
  textMember(out, "sub", claims.subject);
  out.push_back('}');
  return out;
}

std::string claimsText(const TokenClaims& claims) {
  std::string out = "{";
  member(out, "aud");
  out.push_back('[');
  for (const auto& audience : claims.audiences) {
    if (out.back() != '[') out.push_back(',');
    api::appendJsonQuoted(out, audience);
  }
  out.push_back(']');
  numberMember(out, "exp", claims.expiresAt);
  numberMember(out, "iat", claims.issuedAt);
  textMember(out, "iss", claims.issuer);
  textMember(out, "jti", claims.id);
  member(out, "kubernetes.io");
  out.push_back('{');
  textMember(out, "namespace", claims.ns);
  objectMember(out, "node", claims.node);
  objectMember(out, "pod", claims.pod);
  objectMember(out, "secret", claims.secret);
  objectMember(out, "serviceaccount", claims.serviceAccount);
  if (claims.warnAfter > 0) numberMember(out, "warnafter", claims.warnAfter);
  out.push_back('}');
  numberMember(out, "nbf", claims.notBefore);
  textMember(out, "sub", claims.subject);
  out.push_back('}');
  return out;
}

}  // namespace

Result<SignedText> parseSignedText(std::string_view text) {
  if (text.size() > kJwtBytesMax) return badRequest("token: too long");
  auto first = text.find('.');
  auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return badRequest("token: not three parts");
  }
  SignedText out;
  TRY(auto headerBytes, decodePart(text.substr(0, first)));
  TRY(auto header, parsePart(headerBytes));
  const auto& head = header.get_object();
  if (head.contains("crit")) return badRequest("token: unknown critical extension");
  TRY_STATUS(readText(head, "alg", out.algorithm));
  TRY_STATUS(readText(head, "kid", out.keyId));
  TRY(out.payload, decodePart(text.substr(first + 1, second - first - 1)));
  auto signature = api::base64UrlDecode(text.substr(second + 1));
  if (!signature) return badRequest("token: the signature is not base64url");
  out.signature = std::move(*signature);
  out.signedText = text.substr(0, second);
  return out;
}

Result<Jwt> parseJwt(std::string_view text) {
  Jwt jwt;
  TRY(jwt.text, parseSignedText(text));
  TRY(auto payload, parsePart(jwt.text.payload));
  TRY(jwt.claims, readClaims(payload.get_object()));
  return jwt;
}

std::string jwtToSign(std::string_view algorithm, std::string_view keyId,
                      const TokenClaims& claims) {
  std::string header = "{";
  textMember(header, "alg", algorithm);
  textMember(header, "kid", keyId);
  header.push_back('}');
  const auto payload =
      claims.issuer == kLegacyIssuer ? legacyClaimsText(claims) : claimsText(claims);
  return api::base64UrlEncode(header) + "." + api::base64UrlEncode(payload);
}

std::string jwtIssuer(std::string_view text) {
  if (text.size() > kJwtBytesMax) return {};
  auto first = text.find('.');
  if (first == std::string_view::npos) return {};
  auto second = text.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  auto bytes = decodePart(text.substr(first + 1, second - first - 1));
  if (!bytes.ok()) return {};
  auto payload = parsePart(*bytes);
  std::string issuer;
  if (!payload.ok() || !readText(payload->get_object(), "iss", issuer).ok()) return {};
  return issuer;
}

}  // namespace coxswain::apiserver
