#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "api/meta/base64.h"
#include "apiserver/authn/oidc_tokens.h"
#include "net/certs.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr const char* kIssuer = "https://issuer.example/realm";

/// A provider whose keys may change, and which may be away.
class Provider final : public DocumentSource {
 public:
  struct State {
    std::map<std::string, std::string> documents;
    std::vector<std::string> asked;
    bool away = false;
  };
  explicit Provider(State& state) : state_(state) {}
  Task<Result<std::string>> get(std::string url, std::stop_token stop) override {
    state_.asked.push_back(url);
    CO_TRY_STATUS(co_await sleepFor(10ms, stop));
    auto found = state_.documents.find(url);
    if (state_.away || found == state_.documents.end()) co_return unreachable("GET " + url);
    co_return found->second;
  }
  Task<void> close() override { co_return; }

 private:
  State& state_;
};

std::string keySetOf(const std::vector<net::SigningKey>& keys) {
  std::string out = R"({"keys":[{"kty":"oct","k":"AA"},7,{"kty":"RSA","n":"AQ","e":"AQAB"})";
  for (const auto& key : keys) {
    out += ",{\"kty\":\"" + std::string(key.publicKey().keyType()) + "\",\"kid\":\"" +
           key.publicKey().keyId() + "\",\"use\":\"sig\"";
    for (const auto& [name, value] : key.publicKey().parameters()) {
      out += ",\"" + std::string(name) + "\":\"" + value + "\"";
    }
    out += "}";
  }
  return out + "]}";
}

std::string tokenOf(const net::SigningKey& key, const std::string& claims,
                    const std::string& algorithm = "ES256") {
  const auto header = "{\"alg\":\"" + algorithm + "\",\"kid\":\"" + key.publicKey().keyId() + "\"}";
  auto text = api::base64UrlEncode(header) + "." + api::base64UrlEncode(claims);
  return text + "." + api::base64UrlEncode(*key.sign(text));
}

class Oidc : public testing::Test {
 protected:
  void SetUp() override {
    options_.issuerUrl = kIssuer;
    options_.clientId = "cluster";
    options_.signingAlgorithms = {"RS256", "ES256"};
    options_.groupsClaim = "groups";
    keys_.push_back(*net::SigningKey::parse(*net::createKeyPem()));
    publish(keys_);
  }
  void publish(const std::vector<net::SigningKey>& keys) {
    state_.documents[std::string(kIssuer) + "/.well-known/openid-configuration"] =
        std::string(R"({"issuer":")") + kIssuer + R"(","jwks_uri":"https://keys.example/k"})";
    state_.documents["https://keys.example/k"] = keySetOf(keys);
  }
  OidcTokens& tokens() {
    if (!tokens_) {
      tokens_ = std::make_unique<OidcTokens>(executor_, options_, Audiences{"api"},
                                             std::make_unique<Provider>(state_));
    }
    return *tokens_;
  }
  [[nodiscard]] std::string claims(const std::string& more = "") const {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(executor_.wallNow().time_since_epoch())
            .count();
    return std::string("{\"iss\":\"") + kIssuer +
           "\",\"aud\":[\"x\",\"cluster\"],\"sub\":\"ann\",\"exp\":" + std::to_string(now + 600) +
           more + "}";
  }
  static Task<void> askInto(OidcTokens& tokens, std::string token,
                            std::optional<Recognition>& out) {
    out = co_await tokens.ask(std::move(token), {"api"}, {});
  }
  Recognition ask(std::string token) {
    std::optional<Recognition> out;
    spawn(executor_, askInto(tokens(), std::move(token), out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 1h));
    return std::move(*out);
  }
  std::string problem(std::string token) {
    auto known = ask(std::move(token));
    if (!known.ok()) return known.status().message();
    return known->has_value() ? (*known)->user.name : "unknown";
  }

  sim::SimExecutor executor_{1};
  OidcOptions options_;
  std::vector<net::SigningKey> keys_;
  Provider::State state_;
  std::unique_ptr<OidcTokens> tokens_;
};

TEST_F(Oidc, UsersAndGroups) {
  auto known = ask(tokenOf(keys_[0], claims(R"(,"groups":["dev","ops"])")));
  ASSERT_TRUE(known.ok() && *known) << known.status().toString();
  EXPECT_EQ((*known)->user.name, "https://issuer.example/realm#ann");
  EXPECT_EQ((*known)->user.groups, (std::vector<std::string>{"dev", "ops"}));
  EXPECT_EQ((*known)->audiences, Audiences{"api"});
  EXPECT_EQ(state_.asked.size(), 2U);
  EXPECT_TRUE(ask(tokenOf(keys_[0], claims())).ok());
  EXPECT_EQ(state_.asked.size(), 2U) << "keys are kept";
}

TEST_F(Oidc, OnlyTokensOfTheIssuer) {
  auto other = claims();
  other.replace(other.find("issuer.example"), 6, "others");
  EXPECT_FALSE(tokens().concerns(tokenOf(keys_[0], other)));
  EXPECT_FALSE(tokens().concerns("abc"));
  EXPECT_EQ(problem(tokenOf(keys_[0], other)), "unknown");
  EXPECT_TRUE(state_.asked.empty());
}

TEST_F(Oidc, WhatIsNoGoodToken) {
  const auto stranger = *net::SigningKey::parse(*net::createKeyPem());
  EXPECT_TRUE(ask(tokenOf(keys_[0], claims())).ok());
  executor_.runFor(2s);
  EXPECT_EQ(problem(tokenOf(stranger, claims())),
            "oidc: verify token: failed to verify signature: failed to verify id token signature");
  EXPECT_EQ(problem(tokenOf(keys_[0], claims(), "none")),
            "oidc: verify token: oidc: id token signed with unsupported algorithm, expected "
            "[\"RS256\" \"ES256\"] got \"none\"");
  executor_.runFor(2s);
  EXPECT_TRUE(problem(tokenOf(keys_[0], claims(), "RS256")).starts_with("oidc: verify token"));
  EXPECT_EQ(problem(tokenOf(keys_[0], claims(R"(,"aud":"other")"))),
            "oidc: verify token: oidc: expected audience \"cluster\" got [\"other\"]");
  EXPECT_TRUE(problem(tokenOf(keys_[0], claims(R"(,"exp":5)")))
                  .starts_with("oidc: verify token: oidc: token is expired (Token Expiry: 1970"));
  EXPECT_TRUE(problem(tokenOf(keys_[0], claims(R"(,"exp":null)")))
                  .starts_with("oidc: verify token: oidc: token is expired"));
  EXPECT_NE(problem(tokenOf(keys_[0], claims(R"(,"nbf":1e12)"))).find("before the nbf"),
            std::string::npos);
}

TEST_F(Oidc, KeysRotate) {
  EXPECT_TRUE(ask(tokenOf(keys_[0], claims())).ok());
  auto next = *net::SigningKey::parse(*net::createKeyPem());
  publish({next});
  executor_.runFor(2s);
  EXPECT_TRUE(ask(tokenOf(next, claims())).ok());
  EXPECT_FALSE(ask(tokenOf(keys_[0], claims())).ok());
}

TEST_F(Oidc, MadeUpKeysDoNotMakeItAskAllTheTime) {
  const auto stranger = *net::SigningKey::parse(*net::createKeyPem());
  EXPECT_FALSE(ask(tokenOf(stranger, claims())).ok());
  const auto asked = state_.asked.size();
  for (int i = 0; i < 20; ++i) {
    // No verdict that could be remembered: the provider may have newer keys.
    EXPECT_EQ(ask(tokenOf(stranger, claims())).status().code(), 503);
  }
  EXPECT_EQ(state_.asked.size(), asked);
}

TEST_F(Oidc, AProviderThatIsAwayAndComesBack) {
  state_.away = true;
  auto known = ask(tokenOf(keys_[0], claims()));
  EXPECT_EQ(known.status().message(), "oidc: authenticator not initialized");
  EXPECT_EQ(known.status().code(), 503);
  state_.away = false;
  executor_.runFor(2s);
  EXPECT_TRUE(ask(tokenOf(keys_[0], claims())).ok());
}

TEST_F(Oidc, ManyAtOnceFetchOnce) {
  std::optional<Recognition> out[5];
  for (auto& one : out) spawn(executor_, askInto(tokens(), tokenOf(keys_[0], claims()), one));
  executor_.runFor(5s);
  for (auto& one : out) EXPECT_TRUE(one && one->ok());
  EXPECT_EQ(state_.asked.size(), 2U);
}

struct ClaimRow {
  const char* name;
  const char* claims;
  const char* expected;  ///< user and groups, or what is wrong
};

TEST(OidcClaims, Rules) {
  OidcOptions options;
  options.issuerUrl = "https://i";
  options.clientId = "c";
  options.groupsClaim = "roles";
  options.groupsPrefix = "o:";
  const auto run = [&options](const char* payload) {
    auto user = userOfClaims(payload, options);
    if (!user.ok()) return user.status().message();
    auto text = user->name;
    for (const auto& group : user->groups) text += "," + group;
    return text;
  };
  const auto all = [&run](std::initializer_list<ClaimRow> rows) {
    for (const auto& row : rows) EXPECT_EQ(run(row.claims), row.expected) << row.name;
  };
  all({{"prefix of the issuer", R"({"sub":"a"})", "https://i#a"},
       {"one group", R"({"sub":"a","roles":"x"})", "https://i#a,o:x"},
       {"groups", R"({"sub":"a","roles":["x","y"]})", "https://i#a,o:x,o:y"},
       {"no name", R"({})", "oidc: parse username claims \"sub\": claim not present"},
       {"no text", R"({"sub":7})",
        "oidc: parse username claims \"sub\": json: cannot unmarshal number into Go value of type "
        "string"},
       {"empty", R"({"sub":""})", "oidc: username claim \"sub\" is empty"},
       {"groups of numbers", R"({"sub":"a","roles":[1]})",
        "oidc: parse groups claim \"roles\": json: cannot unmarshal array into Go value of type "
        "string"},
       {"no claims", "[]", "oidc: parse claims: the token's payload is not a JSON object"}});
  options.usernamePrefix = "-";
  options.requiredClaims = {{"hd", "example.com"}};
  all({{"without prefix", R"({"sub":"a","hd":"example.com"})", "a"},
       {"missing", R"({"sub":"a"})", "oidc: required claim hd not present in ID token"},
       {"differs", R"({"sub":"a","hd":"x"})",
        "oidc: required claim hd value does not match. Got = x, want = example.com"}});
  options = OidcOptions();
  options.issuerUrl = "https://i";
  options.usernameClaim = "email";
  all({{"mail", R"({"email":"a@b"})", "a@b"},
       {"verified", R"({"email":"a@b","email_verified":true})", "a@b"},
       {"not verified", R"({"email":"a@b","email_verified":false})", "oidc: email not verified"},
       {"verified by text", R"({"email":"a@b","email_verified":"true"})",
        "oidc: parse 'email_verified' claim: json: cannot unmarshal string into Go value of type "
        "bool"}});
  options.usernamePrefix = "u:";
  all({{"own prefix", R"({"email":"a@b"})", "u:a@b"}});
}

TEST(OidcOptions, Check) {
  OidcOptions options;
  options.issuerUrl = "https://i";
  EXPECT_FALSE(options.check().ok());
  options.clientId = "c";
  EXPECT_TRUE(options.check().ok());
  options.signingAlgorithms = {"HS256"};
  EXPECT_EQ(options.check().message(), "oidc: unsupported signing alg: \"HS256\"");
  options.signingAlgorithms = {"PS512"};
  options.issuerUrl = "http://i";
  EXPECT_FALSE(options.check().ok());
}

TEST(Discovery, MustBeAboutTheIssuer) {
  EXPECT_TRUE(parseDiscovery(R"({"issuer":"https://i","jwks_uri":"https://k"})", "https://i").ok());
  for (const char* bad : {"", "[]", "{}", R"({"issuer":"https://j","jwks_uri":"https://k"})",
                          R"({"issuer":"https://i"})", R"({"issuer":"https://i","jwks_uri":7})",
                          R"({"issuer":"https://i","jwks_uri":"http://k"})"}) {
    EXPECT_FALSE(parseDiscovery(bad, "https://i").ok()) << bad;
  }
}

}  // namespace
}  // namespace coxswain::apiserver
