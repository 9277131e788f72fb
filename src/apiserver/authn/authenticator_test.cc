#include "apiserver/authn/authenticator.h"

#include <gtest/gtest.h>

#include <map>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"
#include "apiserver/authn/bearer_token.h"
#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Secret;

constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

net::KeyPair issue(const net::KeyPair& ca, net::CertificateRequest wanted) {
  if (wanted.notBefore == WallTime()) wanted.notBefore = kNow - 1h;
  if (wanted.notAfter == WallTime()) wanted.notAfter = kNow + 1h;
  auto pair = net::issueCertificate(ca, wanted);
  EXPECT_TRUE(pair.ok()) << pair.status().toString();
  return *pair;
}
net::TlsInfo tlsOf(const std::string& pem) {
  net::TlsInfo tls;
  tls.peerCertificates = *net::certificatesToDer(pem);
  return tls;
}
net::CertificateRequest client(std::string name) {
  net::CertificateRequest wanted;
  wanted.commonName = std::move(name);
  wanted.client = true;
  return wanted;
}

class Who : public testing::Test {
 protected:
  Result<UserInfo> ask(std::string authorization, const net::TlsInfo* tls = nullptr,
                       WallTime now = kNow) {
    if (!authenticator_) {
      options_.tokens = *StaticTokens::parse("secret,alice,uid-1,\"dev,ops\"\nbare,bob,uid-2\n");
      options_.audiences = {"api"};
      authenticator_ = std::make_unique<Authenticator>(std::move(options_));
    }
    request_.tls = tls;
    request_.headers.remove("Authorization");
    if (!authorization.empty()) request_.headers.add("Authorization", std::move(authorization));
    auto known = authenticator_->authenticateNow(request_, now);
    if (!known) return internalError("somebody else must be asked");
    if (!known->ok()) return known->status();
    return (*known)->user;
  }
  net::Request request_;
  Authenticator::Options options_;
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(Who, StaticTokens) {
  auto alice = ask("Bearer secret");
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_EQ(alice->groups, (std::vector<std::string>{"dev", "ops", "system:authenticated"}));
  EXPECT_FALSE(request_.headers.has("Authorization"));
  EXPECT_EQ(ask("bearer bare")->name, "bob");
  EXPECT_EQ(ask("Bearer wrong").status().code(), 401);
  EXPECT_EQ(ask("Bearer wrong").status().message(), "Unauthorized");
}

TEST_F(Who, WhatIsNoBearerTokenIsNobodys) {
  for (const char* header : {"Basic c2VjcmV0", "Bearer", "secret", "Bearer  secret"}) {
    EXPECT_EQ(ask(header)->name, "system:anonymous") << header;
  }
}

TEST_F(Who, NoCredentials) {
  EXPECT_EQ(ask("")->name, "system:anonymous");
  EXPECT_EQ(ask("")->groups, std::vector<std::string>{"system:unauthenticated"});
}

TEST_F(Who, NoCredentialsWhereTheyMustBe) {
  options_.anonymous = false;
  EXPECT_EQ(ask("").status().code(), 401);
}

TEST_F(Who, TokensOfWebSockets) {
  request_.headers = {{"Connection", "keep-alive, Upgrade"}, {"Upgrade", "websocket"}};
  const auto token = "base64url.bearer.authorization.k8s.io." + api::base64UrlEncode("secret");
  request_.headers.add("Sec-WebSocket-Protocol", token + ", v5.channel.k8s.io");
  EXPECT_EQ(ask("")->name, "alice");
  EXPECT_EQ(request_.headers.get("Sec-WebSocket-Protocol"), "v5.channel.k8s.io");
  for (const auto& bad :
       std::vector<std::string>{token, token + "," + token + ",x", token.substr(0, 38) + "!!,x",
                                "base64url.bearer.authorization.k8s.io.,x"}) {
    request_.headers.set("Sec-WebSocket-Protocol", bad);
    EXPECT_EQ(ask("").status().code(), 401) << bad;
  }
}

class Certificates : public Who {
 protected:
  void SetUp() override { options_.clientCaPem = ca_.certificatePem; }
  net::KeyPair ca_ = *net::createCa("ca", kNow - 1h, kNow + 48h);
};

TEST_F(Certificates, NameGroupsAndUid) {
  auto wanted = client("system:node:n");
  wanted.organizations = {"system:nodes", "more"};
  wanted.uid = "u-1";
  auto tls = tlsOf(issue(ca_, wanted).certificatePem);
  auto node = ask("", &tls);
  ASSERT_TRUE(node.ok()) << node.status().toString();
  EXPECT_EQ(node->name, "system:node:n");
  EXPECT_EQ(node->uid, "u-1");
  EXPECT_EQ(node->groups,
            (std::vector<std::string>{"system:nodes", "more", "system:authenticated"}));
  auto id = node->extra["authentication.kubernetes.io/credential-id"].front();
  EXPECT_TRUE(id.starts_with("X509SHA256="));
  EXPECT_EQ(id.size(), 11U + 64U);
}

TEST_F(Certificates, OthersCaExpiryAndUsage) {
  auto other = *net::createCa("ca", kNow - 1h, kNow + 48h);
  auto strange = tlsOf(issue(other, client("alice")).certificatePem);
  EXPECT_EQ(ask("", &strange).status().code(), 401);
  // A good token counts beside a certificate that is none.
  EXPECT_EQ(ask("Bearer bare", &strange)->name, "bob");
  auto mine = tlsOf(issue(ca_, client("alice")).certificatePem);
  EXPECT_EQ(ask("", &mine)->name, "alice");
  EXPECT_EQ(ask("", &mine, kNow + 2h).status().code(), 401);
  EXPECT_EQ(ask("", &mine, kNow - 2h).status().code(), 401) << "seen before, and not valid yet";
  net::CertificateRequest serving;
  serving.commonName = "alice";
  serving.server = true;
  auto server = tlsOf(issue(ca_, serving).certificatePem);
  EXPECT_EQ(ask("", &server).status().code(), 401);
  auto nameless = tlsOf(issue(ca_, client("")).certificatePem);
  EXPECT_EQ(ask("", &nameless)->name, "system:anonymous");
}

TEST_F(Certificates, Intermediates) {
  net::CertificateRequest middle;
  middle.commonName = "middle";
  middle.ca = true;
  auto between = issue(ca_, middle);
  auto leaf = issue(between, client("alice"));
  auto alone = tlsOf(leaf.certificatePem);
  EXPECT_EQ(ask("", &alone).status().code(), 401);
  auto whole = tlsOf(leaf.certificatePem + between.certificatePem);
  EXPECT_EQ(ask("", &whole)->name, "alice");
}

TEST_F(Certificates, CasAreReplaced) {
  auto next = *net::createCa("next", kNow - 1h, kNow + 48h);
  auto old = tlsOf(issue(ca_, client("old")).certificatePem);
  auto fresh = tlsOf(issue(next, client("new")).certificatePem);
  EXPECT_TRUE(ask("", &old).ok());
  EXPECT_FALSE(ask("", &fresh).ok());
  EXPECT_FALSE(authenticator_->setClientCa("nonsense").ok());
  EXPECT_TRUE(ask("", &old).ok());
  EXPECT_TRUE(authenticator_->setClientCa(next.certificatePem).ok());
  EXPECT_FALSE(ask("", &old).ok());
  EXPECT_EQ(ask("", &fresh)->name, "new");
}

class Proxy : public Who {
 protected:
  void SetUp() override {
    auto& headers = options_.requestHeaders;
    headers.caPem = ca_.certificatePem;
    headers.allowedNames = {"front"};
    headers.usernameHeaders = {"X-Remote-User", "X-User"};
    headers.uidHeaders = {"X-Remote-Uid"};
    headers.groupHeaders = {"X-Remote-Group"};
    headers.extraHeadersPrefixes = {"X-Remote-Extra-"};
    front_ = tlsOf(issue(ca_, client("front")).certificatePem);
  }
  net::KeyPair ca_ = *net::createCa("proxies", kNow - 1h, kNow + 48h);
  net::TlsInfo front_;
};

TEST_F(Proxy, VouchesForUsers) {
  request_.headers = {{"x-remote-user", "carol"},
                      {"x-remote-uid", "7"},
                      {"x-remote-group", "a"},
                      {"X-Remote-Group", "b"},
                      {"x-remote-extra-Acme.com%2Fproject", "p"},
                      {"x-remote-extra-scopes", "r"},
                      {"x-remote-extra-scopes", "w"},
                      {"x-other", "stays"}};
  auto carol = ask("Bearer secret", &front_);
  ASSERT_TRUE(carol.ok()) << carol.status().toString();
  EXPECT_EQ(carol->name, "carol");
  EXPECT_EQ(carol->uid, "7");
  EXPECT_EQ(carol->groups, (std::vector<std::string>{"a", "b", "system:authenticated"}));
  EXPECT_EQ(carol->extra["acme.com/project"], std::vector<std::string>{"p"});
  EXPECT_EQ(carol->extra["scopes"], (std::vector<std::string>{"r", "w"}));
  std::string left;
  for (const auto& [name, value] : request_.headers) left += name + ";";
  EXPECT_EQ(left, "x-other;");
}

TEST_F(Proxy, OthersDoNot) {
  request_.headers = {{"X-User", "carol"}};
  EXPECT_EQ(ask("")->name, "system:anonymous") << "no certificate: headers are nothing";
  request_.headers = {{"X-User", "carol"}};
  EXPECT_EQ(ask("", &front_)->name, "carol");
  request_.headers = {{"X-User", "carol"}};
  auto back = tlsOf(issue(ca_, client("back")).certificatePem);
  EXPECT_EQ(ask("", &back).status().code(), 401);
  auto stranger = tlsOf(
      issue(*net::createCa("proxies", kNow - 1h, kNow + 48h), client("front")).certificatePem);
  EXPECT_EQ(ask("", &stranger).status().code(), 401);
  EXPECT_EQ(ask("Bearer secret", &stranger)->name, "alice");
}

/// What did not count here must not count for servers that requests are passed on to.
TEST_F(Who, UnusedCredentialsGoNoFurther) {
  for (const char* authorization : {"Bearer secret", "Basic c2VjcmV0"}) {
    request_.headers = {{"x-remote-USER", "root"},
                        {"X-Remote-Group", "system:masters"},
                        {"X-Remote-Uid", "1"},
                        {"X-Remote-Extra-a", "b"},
                        {"X-Remote-Other", "stays"}};
    EXPECT_TRUE(ask(authorization).ok());
    std::string left;
    for (const auto& [name, value] : request_.headers) left += name + ";";
    EXPECT_EQ(left, "X-Remote-Other;") << authorization;
  }
}

class Joining : public Who {
 protected:
  void SetUp() override {
    secret_.metadata.name = "bootstrap-token-abcdef";
    secret_.type = "bootstrap.kubernetes.io/token";
    secret_.data["token-id"] = "abcdef";
    secret_.data["token-secret"] = "0123456789abcdef";
    secret_.data["usage-bootstrap-authentication"] = "true";
    secret_.data["auth-extra-groups"] = "system:bootstrappers:b,system:bootstrappers:a:1";
    options_.bootstrap = std::make_unique<BootstrapTokens>(
        [this](std::string_view resource, std::string_view ns,
               std::string_view name) -> Result<api::ConstObject> {
          const bool asked = resource == "secrets" && ns == "kube-system";
          if (!asked || name != secret_.metadata.name) return notFound(resource, name);
          return api::ConstObject(api::Object(Secret(secret_)));
        });
  }
  Secret secret_;
};

TEST_F(Joining, TokensOfSecrets) {
  auto joiner = ask("Bearer abcdef.0123456789abcdef");
  ASSERT_TRUE(joiner.ok()) << joiner.status().toString();
  EXPECT_EQ(joiner->name, "system:bootstrap:abcdef");
  EXPECT_EQ(joiner->groups,
            (std::vector<std::string>{"system:bootstrappers", "system:bootstrappers:a:1",
                                      "system:bootstrappers:b", "system:authenticated"}));
}

TEST_F(Joining, WhatDoesNotCount) {
  struct Row {
    const char* name;
    const char* token;
    void (*change)(Secret&);
  };
  const char* good = "abcdef.0123456789abcdef";
  const Row rows[] = {
      {"another secret", "abcdef.0123456789abcdee", [](Secret&) {}},
      {"unknown", "bbcdef.0123456789abcdef", [](Secret&) {}},
      {"form", "ABCDEF.0123456789abcdef", [](Secret&) {}},
      {"type", good, [](Secret& s) { s.type = "Opaque"; }},
      {"other id", good, [](Secret& s) { s.data["token-id"] = "bbbbbb"; }},
      {"for signing only", good, [](Secret& s) { s.data.erase("usage-bootstrap-authentication"); }},
      {"expired", good, [](Secret& s) { s.data["expiration"] = "2023-11-14T22:13:19Z"; }},
      {"no time", good, [](Secret& s) { s.data["expiration"] = "soon"; }},
      {"group", good, [](Secret& s) { s.data["auth-extra-groups"] = "system:masters"; }},
      {"group's end", good,
       [](Secret& s) { s.data["auth-extra-groups"] = "system:bootstrappers:a-"; }},
      {"deleted", good, [](Secret& s) { s.metadata.deletionTimestamp = api::Time::fromUnix(1); }},
  };
  const auto original = secret_;
  for (const auto& row : rows) {
    secret_ = original;
    row.change(secret_);
    EXPECT_EQ(ask(std::string("Bearer ") + row.token).status().code(), 401) << row.name;
  }
  secret_ = original;
  secret_.data["expiration"] = "2023-11-14T22:13:21Z";
  EXPECT_TRUE(ask(std::string("Bearer ") + good).ok());
}

}  // namespace
}  // namespace coxswain::apiserver
