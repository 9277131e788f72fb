#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"
#include "apiserver/authn/service_account_tokens.h"
#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::TokenRequest;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;

constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));
constexpr const char* kIssuer = "https://kubernetes.default.svc";

class Tokens : public testing::Test {
 protected:
  void SetUp() override {
    account_.metadata.name = "default";
    account_.metadata.namespace_ = "a";
    account_.metadata.uid = "sa-uid";
    put("serviceaccounts/a/default", account_);
    Pod pod;
    pod.metadata.name = "p";
    pod.metadata.namespace_ = "a";
    pod.metadata.uid = "pod-uid";
    pod.spec.serviceAccountName = "default";
    pod.spec.nodeName = "n";
    put("pods/a/p", pod);
    Node node;
    node.metadata.name = "n";
    node.metadata.uid = "node-uid";
    put("nodes//n", node);
    key_ = *net::createKeyPem();
    tokens_ = make(key_);
  }

  template <typename T>
  void put(const std::string& key, T object) {
    objects_[key] = api::ConstObject(api::Object(std::move(object)));
  }

  std::unique_ptr<ServiceAccountTokens> make(const std::string& key, TokenOptions options = {}) {
    if (options.issuer.empty()) options.issuer = kIssuer;
    options.signingKeyPem = key;
    auto lookup = [this](std::string_view resource, std::string_view ns,
                         std::string_view name) -> Result<api::ConstObject> {
      auto key = std::string(resource) + "/" + std::string(ns) + "/" + std::string(name);
      auto found = objects_.find(key);
      if (found == objects_.end()) return notFound(resource, name);
      return found->second;
    };
    auto made = ServiceAccountTokens::create(std::move(options), lookup, random_);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }

  Result<std::string> issue(TokenRequest request = {}) {
    api::ConstObject account(std::make_shared<const ServiceAccount>(account_));
    auto issued = tokens_->issue(request, account, kNow);
    last_ = request;
    if (!issued.ok()) return issued.status();
    warnings_ = issued->warnings;
    return request.status.token;
  }
  static TokenRequest bound(std::string kind, std::string name, std::string uid = "") {
    TokenRequest request;
    auto& reference = request.spec.boundObjectRef.emplace();
    reference.kind = std::move(kind);
    reference.apiVersion = "v1";
    reference.name = std::move(name);
    reference.uid = std::move(uid);
    return request;
  }
  Recognition recognise(const std::string& token, WallTime now = kNow,
                        const Audiences& audiences = {kIssuer}) {
    return tokens_->recognise(token, audiences, now);
  }
  bool valid(const std::string& token, WallTime now = kNow,
             const Audiences& audiences = {kIssuer}) {
    auto known = recognise(token, now, audiences);
    return known.ok() && known->has_value();
  }
  std::string problem(const std::string& token, WallTime now = kNow,
                      const Audiences& audiences = {kIssuer}) {
    auto known = recognise(token, now, audiences);
    if (!known.ok()) return known.status().message();
    return known->has_value() ? "accepted" : "unknown";
  }

  ServiceAccount account_;
  std::map<std::string, api::ConstObject> objects_;
  SeededRandom random_{1};
  std::string key_;
  std::unique_ptr<ServiceAccountTokens> tokens_;
  TokenRequest last_;
  std::vector<std::string> warnings_;
};

TEST_F(Tokens, SaysWhoseItIs) {
  auto token = issue();
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(last_.spec.expirationSeconds, 3600);
  EXPECT_EQ(last_.status.expirationTimestamp.unix(), 1'700'003'600);
  auto known = recognise(*token);
  ASSERT_TRUE(known.ok() && *known) << known.status().toString();
  const auto* verified = &**known;
  EXPECT_EQ(verified->user.name, "system:serviceaccount:a:default");
  EXPECT_EQ(verified->user.uid, "sa-uid");
  EXPECT_TRUE(verified->user.inGroup("system:serviceaccounts:a"));
  EXPECT_EQ(verified->audiences, Audiences{kIssuer});
}

TEST_F(Tokens, TimeEndsThem) {
  auto token = *issue();
  EXPECT_TRUE(valid(token, kNow + 3600s));
  EXPECT_FALSE(valid(token, kNow + 3700s));
  EXPECT_FALSE(valid(token, kNow - 120s));
}

TEST_F(Tokens, APodsOwnTokenOutlivesItsHourAndWarns) {
  auto request = bound("Pod", "p");
  request.spec.expirationSeconds = 3607;
  auto token = *issue(request);
  EXPECT_TRUE(valid(token, kNow + 24h));
  EXPECT_EQ(parseJwt(token)->claims.warnAfter, 1'700'003'607);
  EXPECT_EQ(last_.status.expirationTimestamp.unix(), 1'700'003'607);
  EXPECT_TRUE((*recognise(token, kNow + 3600s))->annotations.empty());
  auto stale = (*recognise(token, kNow + 3617s))->annotations;
  ASSERT_EQ(stale.size(), 1U);
  EXPECT_EQ(stale[0].second,
            "subject: system:serviceaccount:a:default, seconds after warning threshold: 10");
  // One that is bound to nothing ends when it says.
  TokenRequest unbound;
  unbound.spec.expirationSeconds = 3607;
  EXPECT_FALSE(valid(*issue(unbound), kNow + 24h));
  TokenOptions options;
  options.extendExpiration = false;
  tokens_ = make(key_, options);
  EXPECT_FALSE(valid(*issue(request), kNow + 24h));
}

TEST_F(Tokens, LongWishesAreShortened) {
  TokenOptions options;
  options.maxExpirationSeconds = 7200;
  tokens_ = make(key_, options);
  TokenRequest request;
  request.spec.expirationSeconds = 100000;
  auto token = *issue(request);
  EXPECT_EQ(last_.spec.expirationSeconds, 7200);
  EXPECT_EQ(warnings_, std::vector<std::string>{
                           "requested expiration of 100000 seconds shortened to 7200 seconds"});
  EXPECT_FALSE(valid(token, kNow + 3h));
  TokenOptions bad;
  bad.maxExpirationSeconds = 60;
  EXPECT_FALSE(ServiceAccountTokens::create(bad, {}, random_).ok());
}

TEST_F(Tokens, KeysRotate) {
  const auto older = *issue();
  TokenOptions options;
  const auto next = *net::createKeyPem();
  options.keysPem = {*net::publicKeyPem(key_), *net::publicKeyPem(next)};
  tokens_ = make(next, options);
  EXPECT_TRUE(valid(older));
  const auto newer = *issue();
  EXPECT_TRUE(valid(newer));
  EXPECT_NE(parseJwt(older)->text.keyId, parseJwt(newer)->text.keyId);
  options.keysPem = {*net::publicKeyPem(next)};
  tokens_ = make(next, options);
  EXPECT_EQ(problem(older), "invalid signature, no keys found");
  EXPECT_TRUE(valid(newer));
}

TEST_F(Tokens, IssuersChange) {
  const auto older = *issue();
  TokenOptions options;
  options.issuer = "https://new";
  tokens_ = make(key_, options);
  EXPECT_EQ(problem(older), "unknown");
  options.acceptedIssuers = {kIssuer};
  tokens_ = make(key_, options);
  EXPECT_TRUE(valid(older));
  EXPECT_EQ(parseJwt(*issue())->claims.issuer, "https://new");
  EXPECT_EQ(tokens_->audiences(), (Audiences{"https://new", kIssuer}));
  EXPECT_NE(tokens_->openIdConfiguration("u").find(R"("issuer":"https://new")"), std::string::npos);
}

TEST_F(Tokens, OneForOthersIsNotForUs) {
  TokenRequest request;
  request.spec.audiences = {"vault"};
  auto token = *issue(request);
  EXPECT_EQ(problem(token),
            "token audiences [\"vault\"] is invalid for the target audiences "
            "[\"https://kubernetes.default.svc\"]");
  EXPECT_TRUE(valid(token, kNow, {"x", "vault"}));
  EXPECT_EQ((*recognise(token, kNow, {"x", "vault"}))->audiences, Audiences{"vault"});
}

TEST_F(Tokens, AnyChangeIsFound) {
  auto token = *issue();
  auto other = make(*net::createKeyPem());
  EXPECT_FALSE(other->recognise(token, {kIssuer}, kNow).ok());
  for (size_t i = 0; i < token.size() - 1; i += 7) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(valid(changed)) << i;
  }
  auto none = api::base64UrlEncode(R"({"alg":"none"})") + token.substr(token.find('.'));
  EXPECT_FALSE(valid(none.substr(0, none.rfind('.') + 1)));
}

TEST_F(Tokens, BoundToAPod) {
  auto token = issue(bound("Pod", "p", "pod-uid"));
  ASSERT_TRUE(token.ok()) << token.status().toString();
  auto claims = parseJwt(*token)->claims;
  EXPECT_EQ(claims.pod.uid, "pod-uid");
  EXPECT_EQ(claims.node.uid, "node-uid");
  auto user = (*recognise(*token))->user;
  EXPECT_EQ(user.extra["authentication.kubernetes.io/pod-name"].front(), "p");
  EXPECT_EQ(user.extra["authentication.kubernetes.io/node-name"].front(), "n");
  EXPECT_EQ(user.extra["authentication.kubernetes.io/pod-uid"].front(), "pod-uid");
  EXPECT_EQ(user.extra["authentication.kubernetes.io/node-uid"].front(), "node-uid");
  EXPECT_TRUE(user.extra["authentication.kubernetes.io/credential-id"].front().starts_with("JTI="));
  // The node is told; it is the pod that must be there.
  objects_.erase("nodes//n");
  EXPECT_TRUE(valid(*token));
  objects_.erase("pods/a/p");
  EXPECT_EQ(problem(*token), "service account token has been invalidated");
}

TEST_F(Tokens, BoundToANode) {
  auto token = *issue(bound("Node", "n"));
  EXPECT_EQ((*recognise(token))->user.extra["authentication.kubernetes.io/node-name"].front(), "n");
  Node again;
  again.metadata.name = "n";
  again.metadata.uid = "other";
  put("nodes//n", again);
  EXPECT_EQ(problem(token),
            "node UID (other) does not match service account node ref claim (node-uid)");
  objects_.erase("nodes//n");
  EXPECT_EQ(problem(token), "service account token has been invalidated");
}

TEST_F(Tokens, BoundToASecret) {
  Secret secret;
  secret.metadata.name = "s";
  secret.metadata.namespace_ = "a";
  secret.metadata.uid = "secret-uid";
  put("secrets/a/s", secret);
  auto token = *issue(bound("Secret", "s"));
  EXPECT_TRUE(valid(token));
  secret.metadata.deletionTimestamp = api::Time::fromUnix(1'700'000'000);
  put("secrets/a/s", secret);
  EXPECT_TRUE(valid(token, kNow + 30s));
  EXPECT_EQ(problem(token, kNow + 90s), "service account token has been invalidated");
}

class SecretTokens : public Tokens {
 protected:
  void SetUp() override {
    Tokens::SetUp();
    secret_.metadata.name = "t";
    secret_.metadata.namespace_ = "a";
    token_ = *signLegacyToken(*net::SigningKey::parse(key_), "a", "default", "sa-uid", "t");
    secret_.data["token"] = token_;
    store();
    tokens_->onUsedSecret([this](std::string ns, std::string name, std::string day) {
      used_.push_back(ns + "/" + name + " " + day);
    });
  }
  void store() { put("secrets/a/t", secret_); }

  Secret secret_;
  std::string token_;
  std::vector<std::string> used_;
};

TEST_F(SecretTokens, CountForEverWhileTheSecretHasThem) {
  auto known = recognise(token_, kNow + 10 * 24h * 365);
  ASSERT_TRUE(known.ok() && *known) << known.status().toString();
  EXPECT_EQ((*known)->user.name, "system:serviceaccount:a:default");
  EXPECT_EQ((*known)->user.uid, "sa-uid");
  EXPECT_TRUE((*known)->user.extra.empty());
  EXPECT_EQ((*known)->audiences, Audiences{kIssuer});
  EXPECT_EQ((*known)->annotations[0].first, "authentication.k8s.io/legacy-token-manual-secret");
  EXPECT_FALSE(valid(token_, kNow, {"vault"}));
  secret_.data["token"] = "another";
  store();
  EXPECT_EQ(problem(token_), "service account token does not match server's copy");
  objects_.erase("secrets/a/t");
  EXPECT_EQ(problem(token_), "service account token has been invalidated");
}

TEST_F(SecretTokens, TheAccountMustBeTheSame) {
  account_.metadata.uid = "later";
  put("serviceaccounts/a/default", account_);
  EXPECT_EQ(problem(token_), "service account UID (later) does not match claim (sa-uid)");
}

TEST_F(SecretTokens, WithoutLookupTheSignatureIsEnough) {
  objects_.erase("secrets/a/t");
  TokenOptions options;
  options.lookup = false;
  tokens_ = make(key_, options);
  EXPECT_TRUE(valid(token_));
}

TEST_F(SecretTokens, ThoseMadeForTheAccountWarn) {
  account_.secrets.emplace_back().name = "t";
  put("serviceaccounts/a/default", account_);
  auto known = recognise(token_);
  ASSERT_EQ((*known)->warnings.size(), 1U);
  EXPECT_TRUE((*known)->warnings[0].starts_with("Use tokens from the TokenRequest API"));
}

TEST_F(SecretTokens, UseIsToldOnceADay) {
  EXPECT_TRUE(valid(token_));
  EXPECT_TRUE(valid(token_));
  EXPECT_TRUE(valid(token_, kNow + 24h));
  EXPECT_EQ(used_, (std::vector<std::string>{"a/t 2023-11-14", "a/t 2023-11-15"}));
  secret_.metadata.labels["kubernetes.io/legacy-token-last-used"] = "2023-11-16";
  store();
  EXPECT_TRUE(valid(token_, kNow + 48h));
  EXPECT_EQ(used_.size(), 2U);
}

TEST_F(SecretTokens, MarkedInvalid) {
  secret_.metadata.labels["kubernetes.io/legacy-token-invalid-since"] = "2023-11-01";
  store();
  EXPECT_TRUE(problem(token_).starts_with(
      "the token in secret a/t for service account a/default has been marked invalid."));
}

TEST_F(Tokens, AnotherWithTheSameNameIsAnother) {
  auto token = *issue();
  account_.metadata.uid = "later";
  put("serviceaccounts/a/default", account_);
  EXPECT_FALSE(valid(token));
}

TEST_F(Tokens, DeletionLeavesAMinute) {
  auto token = *issue();
  account_.metadata.deletionTimestamp = api::Time::fromUnix(1'700'000'000);
  put("serviceaccounts/a/default", account_);
  EXPECT_TRUE(valid(token, kNow + 30s));
  EXPECT_FALSE(valid(token, kNow + 90s));
}

TEST_F(Tokens, WhatCannotBeIssued) {
  EXPECT_EQ(issue(bound("Pod", "p", "else")).status().message(),
            "Operation cannot be fulfilled on Pod \"p\": the UID in the bound object reference "
            "(else) does not match the UID in record. The object might have been deleted and then "
            "recreated");
  EXPECT_EQ(issue(bound("Pod", "zz")).status().message(), "pods \"zz\" not found");
  EXPECT_EQ(issue(bound("ConfigMap", "p")).status().message(),
            "cannot bind token to object of type /v1, Kind=ConfigMap");
  TokenRequest other;
  other.metadata.uid = "stale";
  EXPECT_EQ(issue(other).status().message(),
            "Operation cannot be fulfilled on TokenRequest.authentication.k8s.io \"default\": the "
            "UID in the token request (stale) does not match the UID of the service account "
            "(sa-uid)");
  TokenRequest request;
  request.spec.expirationSeconds = 5;
  EXPECT_EQ(issue(request).status().message(),
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid "
            "value: 5: may not specify a duration less than 10 minutes");
}

TEST_F(Tokens, Documents) {
  auto keys = tokens_->keySet();
  EXPECT_NE(keys.find("\"alg\":\"ES256\""), std::string::npos) << keys;
  EXPECT_NE(keys.find("\"crv\":\"P-256\""), std::string::npos) << keys;
  auto document = tokens_->openIdConfiguration("https://h/openid/v1/jwks");
  EXPECT_NE(document.find("\"jwks_uri\":\"https://h/openid/v1/jwks\""), std::string::npos);
}

TEST(Jwt, WhatIsNone) {
  auto part = [](const char* json) { return api::base64UrlEncode(json); };
  for (const auto& text : std::vector<std::string>{
           "", ".", "..", "a.b.c", part("{}") + "." + part("[]") + ".",
           part("{}") + "." + part("{}") + ".!", part("{}") + "." + part("{}") + "..",
           part(R"({"crit":["x"]})") + "." + part("{}") + ".",
           part("{}") + "." + part(R"({"exp":"1"})") + ".",
           part("{}") + "." + part(R"({"exp":1e300})") + ".",
           part("{}") + "." + part(R"({"kubernetes.io":1})") + ".",
           std::string(kJwtBytesMax + 1, 'a')}) {
    EXPECT_FALSE(parseJwt(text).ok()) << text.substr(0, 100);
  }
  EXPECT_TRUE(parseJwt(part("{}") + "." + part(R"({"aud":"one"})") + ".").ok());
}

}  // namespace
}  // namespace coxswain::apiserver
