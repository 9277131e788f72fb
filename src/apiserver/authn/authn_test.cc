#include <gtest/gtest.h>

#include <map>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"
#include "apiserver/authn/authenticator.h"
#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::TokenRequest;
using api::core::v1::Node;
using api::core::v1::Pod;
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

  std::unique_ptr<ServiceAccountTokens> make(const std::string& key) {
    TokenOptions options;
    options.issuer = kIssuer;
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
    Status status = tokens_->issue(request, account, kNow);
    last_ = request;
    if (!status.ok()) return status;
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
  bool valid(const std::string& token, WallTime now = kNow,
             const std::vector<std::string>& audiences = {}) {
    return tokens_->verify(token, audiences, now).ok();
  }

  ServiceAccount account_;
  std::map<std::string, api::ConstObject> objects_;
  SeededRandom random_{1};
  std::string key_;
  std::unique_ptr<ServiceAccountTokens> tokens_;
  TokenRequest last_;
};

TEST_F(Tokens, SaysWhoseItIs) {
  auto token = issue();
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(last_.spec.expirationSeconds, 3600);
  EXPECT_EQ(last_.status.expirationTimestamp.unix(), 1'700'003'600);
  auto verified = tokens_->verify(*token, {}, kNow);
  ASSERT_TRUE(verified.ok()) << verified.status().toString();
  EXPECT_EQ(verified->user.name, "system:serviceaccount:a:default");
  EXPECT_EQ(verified->user.uid, "sa-uid");
  EXPECT_TRUE(verified->user.inGroup("system:serviceaccounts:a"));
  EXPECT_EQ(verified->audiences, std::vector<std::string>{kIssuer});
}

TEST_F(Tokens, TimeEndsThem) {
  auto token = *issue();
  EXPECT_TRUE(valid(token, kNow + 3600s));
  EXPECT_FALSE(valid(token, kNow + 3700s));
  EXPECT_FALSE(valid(token, kNow - 120s));
}

TEST_F(Tokens, APodsOwnTokenOutlivesItsHourAndWarns) {
  TokenRequest request;
  request.spec.expirationSeconds = 3607;
  auto token = *issue(request);
  EXPECT_TRUE(valid(token, kNow + 24h));
  EXPECT_EQ(parseJwt(token)->claims.warnAfter, 1'700'003'607);
  EXPECT_EQ(last_.status.expirationTimestamp.unix(), 1'700'003'607);
}

TEST_F(Tokens, OneForOthersIsNotForUs) {
  TokenRequest request;
  request.spec.audiences = {"vault"};
  auto token = *issue(request);
  EXPECT_FALSE(valid(token));
  EXPECT_TRUE(valid(token, kNow, {"x", "vault"}));
}

TEST_F(Tokens, AnyChangeIsFound) {
  auto token = *issue();
  auto other = make(*net::createKeyPem());
  EXPECT_FALSE(other->verify(token, {}, kNow).ok());
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
  auto user = tokens_->verify(*token, {}, kNow)->user;
  EXPECT_EQ(user.extra["authentication.kubernetes.io/pod-name"].front(), "p");
  EXPECT_EQ(user.extra["authentication.kubernetes.io/node-name"].front(), "n");
  objects_.erase("pods/a/p");
  EXPECT_FALSE(valid(*token));
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

class Who : public testing::Test {
 protected:
  Result<UserInfo> ask(std::string authorization, bool anonymous = true,
                       const net::TlsInfo* tls = nullptr) {
    Authenticator::Options options;
    options.tokens = *StaticTokens::parse("secret,alice,uid-1,\"dev,ops\"\nbare,bob,uid-2\n");
    options.anonymous = anonymous;
    Authenticator authenticator(std::move(options));
    net::Request request;
    request.tls = tls;
    if (!authorization.empty()) request.headers.add("Authorization", std::move(authorization));
    return authenticator.authenticate(request, kNow);
  }
};

TEST_F(Who, StaticTokens) {
  auto alice = ask("Bearer secret");
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_EQ(alice->groups, (std::vector<std::string>{"dev", "ops", "system:authenticated"}));
  EXPECT_EQ(ask("bearer bare")->name, "bob");
  EXPECT_EQ(ask("Bearer wrong").status().code(), 401);
}

TEST_F(Who, NoCredentials) {
  EXPECT_EQ(ask("")->name, "system:anonymous");
  EXPECT_TRUE(ask("")->inGroup("system:unauthenticated"));
  EXPECT_EQ(ask("", false).status().code(), 401);
}

TEST_F(Who, Certificates) {
  auto ca = *net::createCa("ca", kNow - 1h, kNow + 1h);
  net::CertificateRequest wanted;
  wanted.commonName = "system:node:n";
  wanted.organizations = {"system:nodes"};
  wanted.client = true;
  wanted.notBefore = kNow - 1h;
  wanted.notAfter = kNow + 1h;
  auto pair = *net::issueCertificate(ca, wanted);
  net::TlsInfo tls;
  tls.peerCertificates = *net::certificatesToDer(pair.certificatePem);
  EXPECT_EQ(ask("", true, &tls).status().code(), 401);
  tls.peerVerified = true;
  auto node = ask("", true, &tls);
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(node->name, "system:node:n");
  EXPECT_TRUE(node->inGroup("system:nodes"));
}

TEST(StaticTokenFile, BadLines) {
  EXPECT_FALSE(StaticTokens::parse("token,user\n").ok());
  EXPECT_FALSE(StaticTokens::parse("token,user,\"uid\n").ok());
  EXPECT_TRUE(StaticTokens::parse("\n\r\n").ok());
}

}  // namespace
}  // namespace coxswain::apiserver
