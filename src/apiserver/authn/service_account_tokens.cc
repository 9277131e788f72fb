#include "apiserver/authn/service_account_tokens.h"

#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"
#include "api/names/field_error.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;

constexpr int64_t kLeewaySeconds = 60;
constexpr int64_t kExpirationMin = 600;
constexpr int64_t kExpirationMax = int64_t{1} << 32;
constexpr int64_t kExpirationDefault = 3600;
/// What the projected volume of every pod asks for. Such tokens live a year and only warn after
/// the hour, for programs that read them once.
constexpr int64_t kWarnOnlyExpiration = 3607;
constexpr int64_t kExtendedExpiration = 365 * 24 * 3600;
constexpr size_t kCheckedMax = 4096;

int64_t unixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string newTokenId(Random& random) {
  uint8_t bytes[16];
  random.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id.push_back('-');
    id.push_back(kHex[bytes[i] >> 4]);
    id.push_back(kHex[bytes[i] & 15]);
  }
  return id;
}

std::vector<std::string> intersection(const std::vector<std::string>& a,
                                      const std::vector<std::string>& b) {
  std::vector<std::string> both;
  for (const auto& one : a) {
    if (std::find(b.begin(), b.end(), one) != b.end()) both.push_back(one);
  }
  return both;
}

UserInfo userOf(const TokenClaims& claims) {
  UserInfo user;
  user.name = "system:serviceaccount:" + claims.ns + ":" + claims.serviceAccount.name;
  user.uid = claims.serviceAccount.uid;
  user.groups = {"system:serviceaccounts", "system:serviceaccounts:" + claims.ns};
  auto extra = [&user](const char* key, const std::string& value) {
    if (!value.empty()) {
      user.extra[std::string("authentication.kubernetes.io/") + key].push_back(value);
    }
  };
  extra("pod-name", claims.pod.name);
  extra("pod-uid", claims.pod.uid);
  extra("node-name", claims.node.name);
  extra("node-uid", claims.node.uid);
  if (!claims.id.empty()) extra("credential-id", "JTI=" + claims.id);
  return user;
}

std::string groupVersionKind(const api::authentication::v1::BoundObjectReference& reference) {
  auto version = reference.apiVersion;
  if (version.find('/') == std::string::npos) version = "/" + version;
  return version + ", Kind=" + reference.kind;
}

}  // namespace

Result<std::unique_ptr<ServiceAccountTokens>> ServiceAccountTokens::create(TokenOptions options,
                                                                           TokenObjectLookup lookup,
                                                                           Random& random) {
  if (options.audiences.empty()) options.audiences = {options.issuer};
  std::unique_ptr<ServiceAccountTokens> tokens(
      new ServiceAccountTokens(std::move(options), std::move(lookup), random));
  auto& made = *tokens;
  if (!made.options_.signingKeyPem.empty()) {
    TRY(auto key, net::SigningKey::parse(made.options_.signingKeyPem));
    made.signing_.push_back(std::move(key));
  }
  for (const auto& pem : made.options_.keysPem) {
    TRY(auto keys, net::PublicKey::parse(pem));
    made.keys_.insert(made.keys_.end(), keys.begin(), keys.end());
  }
  if (made.keys_.empty() && !made.signing_.empty()) {
    made.keys_.push_back(made.signing_.front().publicKey());
  }
  return tokens;
}

bool ServiceAccountTokens::isOurs(std::string_view token) const {
  return jwtIssuer(token) == options_.issuer;
}

bool ServiceAccountTokens::signatureFits(const Jwt& jwt) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const net::PublicKey& key) {
    if (key.algorithm() != jwt.algorithm) return false;
    if (!jwt.keyId.empty() && key.keyId() != jwt.keyId) return false;
    return key.verify(jwt.signedText, jwt.signature);
  });
}

Result<TokenClaims> ServiceAccountTokens::checkedClaims(std::string_view token) {
  std::string key(token);
  if (auto found = checked_.find(key); found != checked_.end()) return found->second;
  auto jwt = parseJwt(token);
  if (!jwt.ok()) return unauthorized(jwt.status().message());
  if (jwt->claims.issuer != options_.issuer) return unauthorized("token of another issuer");
  if (!signatureFits(*jwt)) return unauthorized("no key fits the token's signature");
  if (checked_.size() >= kCheckedMax) checked_.clear();
  return checked_.emplace(std::move(key), std::move(jwt->claims)).first->second;
}

Result<ServiceAccountTokens::Verified> ServiceAccountTokens::verify(
    std::string_view token, const std::vector<std::string>& audiences, WallTime now) {
  TRY(auto claims, checkedClaims(token));
  const auto seconds = unixSeconds(now);
  if (claims.expiresAt <= 0 || seconds > claims.expiresAt + kLeewaySeconds) {
    return unauthorized("service account token has expired");
  }
  if (seconds < claims.notBefore - kLeewaySeconds) {
    return unauthorized("service account token is not valid yet");
  }
  Verified verified;
  verified.audiences =
      intersection(audiences.empty() ? options_.audiences : audiences, claims.audiences);
  if (verified.audiences.empty()) return unauthorized("the token is for another audience");
  TRY_STATUS(checkBound(claims, now));
  verified.user = userOf(claims);
  return verified;
}

Status ServiceAccountTokens::checkBound(const TokenClaims& claims, WallTime now) const {
  auto expected = "system:serviceaccount:" + claims.ns + ":" + claims.serviceAccount.name;
  if (claims.ns.empty() || claims.serviceAccount.name.empty() || claims.subject != expected) {
    return unauthorized("the token's subject does not match its claims");
  }
  // Something whose deletion was asked for a while ago vouches for nobody.
  const auto deletedBefore = unixSeconds(now) - kLeewaySeconds;
  auto check = [&](std::string_view resource, std::string_view ns,
                   const TokenObject& object) -> Status {
    if (object.name.empty()) return {};
    auto stored = lookup_(resource, ns, object.name);
    auto gone = unauthorized("service account token has been invalidated: its " +
                             std::string(resource) + " \"" + object.name + "\" is gone");
    if (!stored.ok()) return isNotFound(stored.status()) ? gone : stored.status();
    const auto& meta = *api::objectMeta(*stored);
    if (meta.uid != object.uid) return gone;
    if (meta.deletionTimestamp && meta.deletionTimestamp->unix() < deletedBefore) return gone;
    return {};
  };
  TRY_STATUS(check("secrets", claims.ns, claims.secret));
  TRY_STATUS(check("serviceaccounts", claims.ns, claims.serviceAccount));
  TRY_STATUS(check("pods", claims.ns, claims.pod));
  // The node of a pod's token is told, not bound to: the pod's end ends the token.
  if (claims.pod.name.empty()) TRY_STATUS(check("nodes", "", claims.node));
  return {};
}

Status ServiceAccountTokens::bind(const api::authentication::v1::BoundObjectReference& reference,
                                  std::string_view ns, TokenClaims& claims) const {
  const bool core = reference.apiVersion == "v1";
  TokenObject* target = nullptr;
  std::string_view resource;
  if (core && reference.kind == "Pod") {
    target = &claims.pod;
    resource = "pods";
  } else if (core && reference.kind == "Secret") {
    target = &claims.secret;
    resource = "secrets";
  } else if (core && reference.kind == "Node") {
    target = &claims.node;
    resource = "nodes";
    ns = {};
  } else {
    return badRequest("cannot bind token to object of type " + groupVersionKind(reference));
  }
  TRY(auto object, lookup_(resource, ns, reference.name));
  const auto& meta = *api::objectMeta(object);
  if (const auto* pod = object.as<Pod>()) {
    if (pod->spec.serviceAccountName != claims.serviceAccount.name) {
      return badRequest("cannot bind token for serviceaccount \"" + claims.serviceAccount.name +
                        "\" to pod running with different serviceaccount name.");
    }
    if (!pod->spec.nodeName.empty()) {
      claims.node.name = pod->spec.nodeName;
      if (auto node = lookup_("nodes", "", pod->spec.nodeName); node.ok()) {
        claims.node.uid = api::objectMeta(*node)->uid;
      }
    }
  }
  if (!reference.uid.empty() && reference.uid != meta.uid) {
    return conflict(reference.kind, reference.name,
                    "the UID in the bound object reference (" + reference.uid +
                        ") does not match the UID in record. The object might have been deleted "
                        "and then recreated");
  }
  *target = {meta.name, meta.uid};
  return {};
}

Status ServiceAccountTokens::issue(api::authentication::v1::TokenRequest& request,
                                   const api::ConstObject& account, WallTime now) {
  if (signing_.empty()) return serviceUnavailable("this server issues no tokens: it has no key");
  auto& spec = request.spec;
  if (!spec.expirationSeconds) spec.expirationSeconds = kExpirationDefault;
  api::FieldErrors errors;
  const api::FieldPath path("spec");
  if (*spec.expirationSeconds < kExpirationMin) {
    errors.invalid(path.child("expirationSeconds"), *spec.expirationSeconds,
                   "may not specify a duration less than 10 minutes");
  } else if (*spec.expirationSeconds > kExpirationMax) {
    errors.invalid(path.child("expirationSeconds"), *spec.expirationSeconds,
                   "may not specify a duration larger than 2^32 seconds");
  }
  if (!errors.empty()) return errors.toStatus("TokenRequest.authentication.k8s.io", "");
  if (spec.audiences.empty()) spec.audiences = options_.audiences;

  const auto& meta = *api::objectMeta(account);
  TokenClaims claims;
  claims.ns = meta.namespace_;
  claims.serviceAccount = {meta.name, meta.uid};
  if (spec.boundObjectRef) TRY_STATUS(bind(*spec.boundObjectRef, meta.namespace_, claims));
  claims.issuer = options_.issuer;
  claims.subject = "system:serviceaccount:" + meta.namespace_ + ":" + meta.name;
  claims.audiences = spec.audiences;
  claims.id = newTokenId(random_);
  claims.issuedAt = claims.notBefore = unixSeconds(now);
  int64_t lifetime = *spec.expirationSeconds;
  if (lifetime == kWarnOnlyExpiration && spec.audiences == options_.audiences) {
    claims.warnAfter = claims.issuedAt + lifetime;
    lifetime = kExtendedExpiration;
  }
  claims.expiresAt = claims.issuedAt + lifetime;

  const auto& key = signing_.front();
  auto text = jwtToSign(key.publicKey().algorithm(), key.publicKey().keyId(), claims);
  TRY(auto signature, key.sign(text));
  request.status.token = text + "." + api::base64UrlEncode(signature);
  request.status.expirationTimestamp =
      api::Time::fromUnix(claims.issuedAt + *spec.expirationSeconds);
  request.metadata.name = meta.name;
  request.metadata.namespace_ = meta.namespace_;
  request.metadata.uid = meta.uid;
  request.metadata.creationTimestamp = api::Time::fromUnix(claims.issuedAt);
  return {};
}

std::string ServiceAccountTokens::openIdConfiguration(std::string_view jwksUrl) const {
  std::set<std::string> algorithms;
  for (const auto& key : keys_) algorithms.insert(key.algorithm());
  std::string out = "{\"issuer\":";
  api::appendJsonQuoted(out, options_.issuer);
  out += ",\"jwks_uri\":";
  api::appendJsonQuoted(out, jwksUrl);
  out +=
      ",\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
      "\"id_token_signing_alg_values_supported\":[";
  for (const auto& one : algorithms) {
    if (out.back() != '[') out.push_back(',');
    api::appendJsonQuoted(out, one);
  }
  return out + "]}";
}

std::string ServiceAccountTokens::keySet() const {
  std::string out = "{\"keys\":[";
  for (const auto& key : keys_) {
    if (out.back() != '[') out.push_back(',');
    out += "{\"use\":\"sig\",\"kty\":\"" + std::string(key.keyType()) + "\",\"kid\":\"" +
           key.keyId() + "\"";
    for (const auto& [name, value] : key.parameters()) {
      if (name == "crv") out += ",\"crv\":\"" + value + "\"";
    }
    out += ",\"alg\":\"" + key.algorithm() + "\"";
    for (const auto& [name, value] : key.parameters()) {
      if (name != "crv") out += ",\"" + std::string(name) + "\":\"" + value + "\"";
    }
    out.push_back('}');
  }
  return out + "]}";
}

}  // namespace coxswain::apiserver
