#include "apiserver/authn/service_account_tokens.h"

#include <algorithm>

#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

constexpr int64_t kLeewaySeconds = 60;
constexpr size_t kCheckedMax = 8192;
constexpr int64_t kExpirationLimitMin = 3600;
constexpr int64_t kExpirationLimitMax = int64_t{1} << 32;
/// A signature stays good; what else decides is looked at each time.
constexpr auto kForEver = WallTime::max();

int64_t unixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
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

/// As Go's %q prints a list.
std::string goList(const Audiences& values) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out.push_back(' ');
    api::appendGoQuoted(out, value);
  }
  return out + "]";
}

Status invalidated() {
  return unauthorized("service account token has been invalidated");
}

/// `what` is "pod", as messages name it.
Status uidDiffers(const std::string& what, const std::string& stored, const std::string& claimed) {
  return unauthorized(what + " UID (" + stored + ") does not match service account " + what +
                      " ref claim (" + claimed + ")");
}

}  // namespace

ServiceAccountTokens::ServiceAccountTokens(TokenOptions options, TokenObjectLookup lookup,
                                           Random& random)
    : options_(std::move(options)),
      lookup_(std::move(lookup)),
      random_(random),
      checked_(random, kCheckedMax) {}

Result<std::unique_ptr<ServiceAccountTokens>> ServiceAccountTokens::create(TokenOptions options,
                                                                           TokenObjectLookup lookup,
                                                                           Random& random) {
  const auto limit = options.maxExpirationSeconds;
  if (limit != 0 && (limit < kExpirationLimitMin || limit > kExpirationLimitMax)) {
    return badRequest(
        "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
  }
  if (options.audiences.empty()) {
    options.audiences = {options.issuer};
    for (const auto& one : options.acceptedIssuers) options.audiences.push_back(one);
  }
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

bool ServiceAccountTokens::accepts(std::string_view issuer) const {
  if (issuer.empty()) return false;
  if (issuer == options_.issuer || issuer == kLegacyIssuer) return true;
  const auto& more = options_.acceptedIssuers;
  return std::find(more.begin(), more.end(), issuer) != more.end();
}

Status ServiceAccountTokens::checkSignature(const SignedText& text) const {
  bool any = false;
  for (const auto& key : keys_) {
    if (!text.keyId.empty() && key.keyId() != text.keyId) continue;
    any = true;
    if (key.algorithm() == text.algorithm && key.verify(text.signedText, text.signature)) return {};
  }
  return unauthorized(any ? "go-jose/go-jose: error in cryptographic primitive"
                          : "invalid signature, no keys found");
}

/// Null: not one of our tokens.
Result<const TokenClaims*> ServiceAccountTokens::checkedClaims(std::string_view token,
                                                               WallTime now) {
  const auto key = checked_.keyOf(token);
  if (const auto* known = checked_.find(key, now)) return known;
  if (!accepts(jwtIssuer(token))) return nullptr;
  auto jwt = parseJwt(token);
  if (!jwt.ok()) return nullptr;
  TRY_STATUS(checkSignature(jwt->text));
  return &checked_.put(key, std::move(jwt->claims), kForEver);
}

Recognition ServiceAccountTokens::recognise(std::string_view token, const Audiences& audiences,
                                            WallTime now) {
  TRY(const auto* claims, checkedClaims(token, now));
  if (!claims) return std::nullopt;
  // Tokens of secrets name no audience: they are for this API server.
  const auto& ours = claims->audiences.empty() ? options_.audiences : claims->audiences;
  auto both = intersection(ours, audiences);
  if (both.empty()) {
    return unauthorized("token audiences " + goList(ours) +
                        " is invalid for the target audiences " + goList(audiences));
  }
  const bool legacy = claims->issuer == kLegacyIssuer;
  auto known = legacy ? checkLegacy(token, *claims, now) : checkBound(*claims, now);
  if (!known.ok()) return known.status();
  known->audiences = std::move(both);
  if (claims->audiences.empty()) {
    ++uses_.legacy;
    known->annotations.emplace_back("authentication.k8s.io/legacy-token", claims->subject);
  }
  known->user = userOf(*claims);
  return std::move(*known);
}

Result<Authenticated> ServiceAccountTokens::checkBound(const TokenClaims& claims,
                                                       WallTime now) const {
  const auto seconds = unixSeconds(now);
  if (claims.expiresAt <= 0 || seconds > claims.expiresAt + kLeewaySeconds) {
    return unauthorized("service account token has expired");
  }
  if (seconds < claims.notBefore - kLeewaySeconds) {
    return unauthorized("service account token is not valid yet");
  }
  const auto& account = claims.serviceAccount;
  const auto full = claims.ns + "/" + account.name;
  TRY(auto stored, lookup_("serviceaccounts", claims.ns, account.name));
  // Something whose deletion was asked for a while ago vouches for nobody.
  const auto deleted = [&](const api::meta::v1::ObjectMeta& meta) {
    return meta.deletionTimestamp && meta.deletionTimestamp->unix() < seconds - kLeewaySeconds;
  };
  const auto& meta = *api::objectMeta(stored);
  if (deleted(meta)) return unauthorized("service account " + full + " has been deleted");
  if (meta.uid != account.uid) {
    return unauthorized("service account UID (" + meta.uid + ") does not match claim (" +
                        account.uid + ")");
  }
  auto check = [&](const char* what, std::string_view resource, std::string_view ns,
                   const TokenObject& object) -> Status {
    if (object.name.empty()) return {};
    auto found = lookup_(resource, ns, object.name);
    if (!found.ok()) return invalidated();
    const auto& its = *api::objectMeta(*found);
    if (deleted(its)) return invalidated();
    return its.uid == object.uid ? Status() : uidDiffers(what, its.uid, object.uid);
  };
  TRY_STATUS(check("secret", "secrets", claims.ns, claims.secret));
  TRY_STATUS(check("pod", "pods", claims.ns, claims.pod));
  // The node of a pod's token is told, not bound to: the pod's end ends the token.
  if (claims.pod.name.empty()) TRY_STATUS(check("node", "nodes", "", claims.node));
  Authenticated out;
  if (claims.warnAfter > 0) ++(seconds > claims.warnAfter ? uses_.stale : uses_.valid);
  if (claims.warnAfter > 0 && seconds > claims.warnAfter) {
    out.annotations.emplace_back(
        "authentication.k8s.io/stale-token",
        "subject: " + claims.subject +
            ", seconds after warning threshold: " + std::to_string(seconds - claims.warnAfter));
  }
  return out;
}

void ServiceAccountTokens::tell(MetricSink& sink) const {
  const auto count = [&sink](const char* name, const char* help, uint64_t value) {
    sink.counter(name, help, {}, static_cast<double>(value));
  };
  count("serviceaccount_valid_tokens_total", "Uses of tokens that are not to be read again yet",
        uses_.valid);
  count("serviceaccount_stale_tokens_total", "Uses of tokens that should have been read again",
        uses_.stale);
  count("serviceaccount_legacy_tokens_total", "Uses of tokens that name no audience", uses_.legacy);
  count("serviceaccount_legacy_manual_token_uses_total",
        "Uses of tokens in secrets that people made", uses_.legacyManual);
  count("serviceaccount_legacy_auto_token_uses_total",
        "Uses of tokens in secrets that were made by themselves", uses_.legacyAutomatic);
  count("serviceaccount_invalid_legacy_auto_token_uses_total",
        "Uses of tokens in secrets that were marked invalid", uses_.legacyInvalid);
}

}  // namespace coxswain::apiserver
