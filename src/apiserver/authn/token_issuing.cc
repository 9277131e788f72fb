// Tokens for TokenRequest, and the documents by which others verify them.
#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"
#include "api/names/field_error.h"
#include "api/names/quote.h"
#include "apiserver/authn/service_account_tokens.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::BoundObjectReference;
using api::authentication::v1::TokenRequest;
using api::core::v1::Pod;

constexpr int64_t kExpirationMin = 600;
constexpr int64_t kExpirationMax = int64_t{1} << 32;
constexpr int64_t kExpirationDefault = 3600;
/// What the projected volume of every pod asks for. Such tokens live a year and only warn after
/// the hour, for programs that read them once.
constexpr int64_t kWarnOnlyExpiration = 3607;
constexpr int64_t kExtendedExpiration = 365 * 24 * 3600;

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

std::string groupVersionKind(const BoundObjectReference& reference) {
  auto version = reference.apiVersion;
  if (version.find('/') == std::string::npos) version = "/" + version;
  return version + ", Kind=" + reference.kind;
}

Status checkExpiration(int64_t seconds) {
  api::FieldErrors errors;
  const auto path = api::FieldPath("spec").child("expirationSeconds");
  if (seconds < kExpirationMin) {
    errors.invalid(path, seconds, "may not specify a duration less than 10 minutes");
  } else if (seconds > kExpirationMax) {
    errors.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds");
  }
  return errors.empty() ? Status() : errors.toStatus("TokenRequest.authentication.k8s.io", "");
}

bool isSubset(const Audiences& part, const Audiences& whole) {
  return std::all_of(part.begin(), part.end(), [&](const std::string& one) {
    return std::find(whole.begin(), whole.end(), one) != whole.end();
  });
}

}  // namespace

/// True: to a pod.
Result<bool> ServiceAccountTokens::bind(const BoundObjectReference& reference, std::string_view ns,
                                        TokenClaims& claims) const {
  // As upstream: of any version.
  const bool core = reference.apiVersion.find('/') == std::string::npos;
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
  const auto* pod = object.as<Pod>();
  if (pod) {
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
  return pod != nullptr;
}

Status ServiceAccountTokens::prepare(TokenRequest& request, const api::ConstObject& account) const {
  const auto& meta = *api::objectMeta(account);
  if (!request.metadata.uid.empty() && request.metadata.uid != meta.uid) {
    return conflict("TokenRequest.authentication.k8s.io", meta.name,
                    "the UID in the token request (" + request.metadata.uid +
                        ") does not match the UID of the service account (" + meta.uid + ")");
  }
  auto& spec = request.spec;
  if (spec.audiences.empty()) spec.audiences = options_.audiences;
  if (!spec.expirationSeconds) spec.expirationSeconds = kExpirationDefault;
  request.metadata.name = meta.name;
  request.metadata.namespace_ = meta.namespace_;
  request.metadata.uid = meta.uid;
  request.status = {};
  return checkExpiration(*spec.expirationSeconds);
}

Result<ServiceAccountTokens::Issued> ServiceAccountTokens::issue(TokenRequest& request,
                                                                 const api::ConstObject& account,
                                                                 WallTime now) {
  if (signing_.empty()) return serviceUnavailable("this server issues no tokens: it has no key");
  TRY_STATUS(prepare(request, account));
  auto& spec = request.spec;
  const auto& meta = *api::objectMeta(account);
  TokenClaims claims;
  claims.ns = meta.namespace_;
  claims.serviceAccount = {meta.name, meta.uid};
  bool ofPod = false;
  if (spec.boundObjectRef) {
    TRY(ofPod, bind(*spec.boundObjectRef, meta.namespace_, claims));
  }
  Issued issued;
  const auto limit = options_.maxExpirationSeconds;
  if (limit > 0 && *spec.expirationSeconds > limit) {
    issued.warnings.push_back("requested expiration of " + std::to_string(*spec.expirationSeconds) +
                              " seconds shortened to " + std::to_string(limit) + " seconds");
    spec.expirationSeconds = limit;
  }
  claims.issuer = options_.issuer;
  claims.subject = "system:serviceaccount:" + meta.namespace_ + ":" + meta.name;
  claims.audiences = spec.audiences;
  claims.id = newTokenId(random_);
  claims.issuedAt = claims.notBefore = unixSeconds(now);
  int64_t lifetime = *spec.expirationSeconds;
  if (options_.extendExpiration && ofPod && lifetime == kWarnOnlyExpiration &&
      isSubset(spec.audiences, options_.audiences)) {
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
  request.metadata.creationTimestamp = api::Time::fromUnix(claims.issuedAt);
  issued.credentialId = "JTI=" + claims.id;
  return issued;
}

std::string ServiceAccountTokens::openIdConfiguration(std::string_view ownJwksUrl) const {
  std::set<std::string> algorithms;
  for (const auto& key : keys_) algorithms.insert(key.algorithm());
  std::string out = "{\"issuer\":";
  api::appendJsonQuoted(out, options_.issuer);
  out += ",\"jwks_uri\":";
  api::appendJsonQuoted(out, options_.jwksUrl.empty() ? ownJwksUrl : options_.jwksUrl);
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
