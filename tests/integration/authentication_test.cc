// Who somebody is: every way to tell it, over real connections, against the programs as they are.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "identity_world.h"
#include "runtime/spawn.h"

namespace coxswain::integration {
namespace {

namespace json = boost::json;

constexpr Duration kPatience = 240s;

/// A member of a JSON text by pointer; empty: none. Other values as JSON.
std::string at(const std::string& text, std::string_view pointer) {
  auto value = api::parseJsonValue(text);
  if (!value.ok()) return {};
  boost::system::error_code error;
  const auto* found = value->find_pointer(pointer, error);
  if (!found) return {};
  return found->is_string() ? std::string(found->get_string()) : api::writeJsonValue(*found);
}

/// The token that a secret keeps.
std::string decodedToken(const std::string& secret) {
  return api::base64Decode(at(secret, "/data/token")).value_or("");
}

/// Until the caller is that; what he was at last.
Task<std::string> eventually(IdentityWorld& world, Credentials who, std::string wanted) {
  const auto end = world.now() + kPatience;
  while (true) {
    auto is = co_await world.whoAmI(who);
    if (is == wanted || world.now() > end) co_return is;
    Status slept = co_await sleepFor(20ms);
    if (!slept.ok()) co_return is;
  }
}

/// The object once the member is there.
Task<std::string> objectWith(IdentityWorld& world, std::string path, std::string pointer) {
  const auto end = world.now() + kPatience;
  while (true) {
    auto reply = co_await world.asAdmin("GET", path);
    if (!at(reply.body, pointer).empty() || world.now() > end) co_return reply.body;
    Status slept = co_await sleepFor(20ms);
    if (!slept.ok()) co_return reply.body;
  }
}

struct Row {
  const char* name;
  Credentials who;
  std::string is;
};

Task<void> whoIsWho(IdentityWorld& world) {
  auto other = net::createCa("clients", world.now() - 3h, world.now() + 1h);
  const auto ann = world.certificate(world.clientCa, "ann", {"dev"});
  const auto stranger = world.certificate(*other, "ann", {"system:masters"});
  const auto late = world.certificate(world.clientCa, "ann", {}, -1h);
  const auto front = world.certificate(world.proxyCa, "front");
  const auto back = world.certificate(world.proxyCa, "back");
  const net::Headers carol{{"X-Remote-User", "carol"}, {"X-Remote-Group", "g"}};
  const auto signedToken = world.provider.token(world.provider.keys[0], "bob", world.now());
  auto forged = net::SigningKey::parse(*net::createKeyPem());
  world.provider.known = {{"hook", "wendy"}};

  std::vector<Row> rows;
  rows.push_back({"nobody", {}, "403"});
  rows.push_back(
      {"static token", bearer("admin-token"), "admin [system:masters system:authenticated]"});
  rows.push_back({"unknown token", bearer("x"), "401"});
  rows.push_back({"certificate", {ann, {}}, "ann [dev system:authenticated]"});
  rows.push_back({"certificate of others", {stranger, {}}, "401"});
  rows.push_back({"the same with a token",
                  {stranger, bearer("admin-token").headers},
                  "admin [system:masters system:authenticated]"});
  rows.push_back({"certificate that has ended", {late, {}}, "401"});
  rows.push_back({"proxy", {front, carol}, "carol [g system:authenticated]"});
  rows.push_back({"proxy that may not", {back, carol}, "401"});
  rows.push_back({"headers of a client", {ann, carol}, "ann [dev system:authenticated]"});
  rows.push_back({"headers alone", {{}, carol}, "403"});
  rows.push_back({"provider", bearer(signedToken), "oidc:bob [dev ops system:authenticated]"});
  rows.push_back({"forged", bearer(world.provider.token(*forged, "bob", world.now())), "401"});
  rows.push_back({"ended",
                  bearer(world.provider.token(world.provider.keys[0], "bob", world.now() - 1h)),
                  "401"});
  rows.push_back({"webhook", bearer("hook"), "wendy [hook system:authenticated]"});
  for (const auto& row : rows) {
    auto is = co_await world.whoAmI(row.who);
    EXPECT_EQ(is, row.is) << row.name;
  }
  const auto reviews = world.provider.reviews;
  auto again = co_await world.whoAmI(bearer("hook"));
  EXPECT_EQ(again, "wendy [hook system:authenticated]");
  EXPECT_EQ(world.provider.reviews, reviews) << "the webhook's answer is remembered";

  // The provider signs with another key.
  auto next = net::SigningKey::parse(*net::createKeyPem());
  world.provider.keys = {*next};
  auto rotated = bearer(world.provider.token(*next, "eve", world.now()));
  auto eve = co_await eventually(world, rotated, "oidc:eve [dev ops system:authenticated]");
  EXPECT_EQ(eve, "oidc:eve [dev ops system:authenticated]");
}

Task<void> nobodyGetsLittle(IdentityWorld& world) {
  struct Path {
    const char* path;
    int code;
  };
  for (const Path& one : {Path{"/healthz", 200},
                          {"/livez", 200},
                          {"/readyz", 200},
                          {"/version", 200},
                          {"/api", 403},
                          {"/apis", 403},
                          {"/metrics", 403},
                          {"/openapi/v2", 403},
                          {"/.well-known/openid-configuration", 403},
                          {"/api/v1/namespaces", 403},
                          {"/api/v1/namespaces/default/pods", 403}}) {
    auto reply = co_await world.send({}, "GET", one.path);
    EXPECT_EQ(reply.code, one.code) << one.path;
  }
}

Task<void> serviceAccounts(IdentityWorld& world) {
  const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";
  (void)co_await objectWith(world, accounts + "/default", "/metadata/uid");
  auto issued = co_await world.asAdmin(
      "POST", accounts + "/default/token",
      R"({"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":{}})");
  EXPECT_EQ(issued.code, 201) << issued.body;
  const auto token = at(issued.body, "/status/token");
  const std::string account =
      "system:serviceaccount:default:default [system:serviceaccounts "
      "system:serviceaccounts:default system:authenticated]";
  auto is = co_await world.whoAmI(bearer(token));
  EXPECT_EQ(is, account);

  // A token that is kept in a secret.
  const std::string secret = "/api/v1/namespaces/default/secrets/kept";
  auto made = co_await world.asAdmin(
      "POST", "/api/v1/namespaces/default/secrets",
      R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"kept","annotations":)"
      R"({"kubernetes.io/service-account.name":"default"}},)"
      R"("type":"kubernetes.io/service-account-token"})");
  EXPECT_EQ(made.code, 201) << made.body;
  auto filled = co_await objectWith(world, secret, "/data/token");
  auto review = co_await world.asAdmin(
      "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
      R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"bad"}})");
  EXPECT_EQ(at(review.body, "/status/error"), "invalid bearer token");
  EXPECT_EQ(at(review.body, "/status/authenticated"), "");
  is = co_await eventually(world, bearer(decodedToken(filled)), account);
  EXPECT_EQ(is, account);
  EXPECT_FALSE(at(filled, "/data/ca.crt").empty());
  EXPECT_FALSE(at(filled, "/data/namespace").empty());
}

Task<void> keptToken(IdentityWorld& world, std::string token) {
  auto review = co_await world.asAdmin(
      "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
      R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":")" + token +
          "\"}}");
  EXPECT_EQ(at(review.body, "/status/authenticated"), "true") << review.body;
  EXPECT_EQ(at(review.body, "/status/audiences/0"), "https://issuer.example");
  const std::string secret = "/api/v1/namespaces/default/secrets/kept";
  auto used =
      co_await objectWith(world, secret, "/metadata/labels/kubernetes.io~1legacy-token-last-used");
  EXPECT_EQ(at(used, "/metadata/labels/kubernetes.io~1legacy-token-last-used").size(), 10U);
  auto gone = co_await world.asAdmin("DELETE", secret);
  EXPECT_EQ(gone.code, 200);
  auto is = co_await eventually(world, bearer(token), "401");
  EXPECT_EQ(is, "401");
}

Task<void> joining(IdentityWorld& world) {
  auto made = co_await world.asAdmin(
      "POST", "/api/v1/namespaces/kube-system/secrets",
      R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"bootstrap-token-abcdef"},)"
      R"("type":"bootstrap.kubernetes.io/token","stringData":{"token-id":"abcdef",)"
      R"("token-secret":"0123456789abcdef","usage-bootstrap-authentication":"true",)"
      R"("auth-extra-groups":"system:bootstrappers:workers"}})");
  EXPECT_EQ(made.code, 201) << made.body;
  const std::string wanted =
      "system:bootstrap:abcdef [system:bootstrappers system:bootstrappers:workers "
      "system:authenticated]";
  auto is = co_await eventually(world, bearer("abcdef.0123456789abcdef"), wanted);
  EXPECT_EQ(is, wanted);
}

Task<void> actingAs(IdentityWorld& world) {
  auto admin = bearer("admin-token");
  admin.headers.add("Impersonate-User", "jane");
  admin.headers.add("Impersonate-Group", "g");
  auto is = co_await world.whoAmI(admin);
  EXPECT_EQ(is, "jane [g system:authenticated]");
  Credentials ann{world.certificate(world.clientCa, "ann"), {{"Impersonate-User", "jane"}}};
  is = co_await world.whoAmI(ann);
  EXPECT_EQ(is, "403");
}

Task<void> whatOthersLearn(IdentityWorld& world) {
  auto map = co_await world.asAdmin(
      "GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
  EXPECT_EQ(at(map.body, "/data/client-ca-file"), world.clientCa.certificatePem);
  EXPECT_EQ(at(map.body, "/data/requestheader-client-ca-file"), world.proxyCa.certificatePem);
  EXPECT_EQ(at(map.body, "/data/requestheader-allowed-names"), "[\"front\"]");
  auto discovery = co_await world.asAdmin("GET", "/.well-known/openid-configuration");
  EXPECT_EQ(at(discovery.body, "/issuer"), "https://issuer.example");
  auto keys = co_await world.asAdmin("GET", "/openid/v1/jwks");
  EXPECT_EQ(at(keys.body, "/keys/0/use"), "sig");
}

Task<void> authoritiesChange(IdentityWorld& world) {
  auto next = net::createCa("new clients", world.now() - 3h, world.now() + 24h);
  const Credentials fresh{world.certificate(*next, "fresh"), {}};
  auto before = co_await world.whoAmI(fresh);
  EXPECT_EQ(before, "401");
  Status written = world.write("clients.crt", world.clientCa.certificatePem + next->certificatePem);
  EXPECT_TRUE(written.ok());
  auto after = co_await eventually(world, fresh, "fresh [system:authenticated]");
  EXPECT_EQ(after, "fresh [system:authenticated]");
  const Credentials old{world.certificate(world.clientCa, "old"), {}};
  auto still = co_await world.whoAmI(old);
  EXPECT_EQ(still, "old [system:authenticated]");
}

Task<Status> everything(Reactor& reactor) {
  CO_TRY(auto world, co_await IdentityWorld::start(reactor));
  co_await whoIsWho(*world);
  co_await nobodyGetsLittle(*world);
  co_await serviceAccounts(*world);
  auto filled =
      co_await objectWith(*world, "/api/v1/namespaces/default/secrets/kept", "/data/token");
  co_await keptToken(*world, decodedToken(filled));
  co_await joining(*world);
  co_await actingAs(*world);
  co_await whatOthersLearn(*world);
  co_await authoritiesChange(*world);
  co_await world->stop();
  co_return Status();
}

TEST(Authentication, EveryWayOverRealConnections) {
  Reactor reactor;
  Status ended = blockOn(reactor, everything(reactor));
  EXPECT_TRUE(ended.ok()) << ended.toString();
}

}  // namespace
}  // namespace coxswain::integration
