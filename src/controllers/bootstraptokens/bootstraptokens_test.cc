#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "controllers/bootstraptokens/controllers.h"
#include "controllers/bootstraptokens/token_secret.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::bootstraptokens {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Secret;
using testing::Harness;

Secret token(const std::string& id, const std::string& expiration = "") {
  Secret made;
  made.metadata.name = "bootstrap-token-" + id;
  made.metadata.namespace_ = "kube-system";
  made.type = kTokenType;
  made.data["token-id"] = id;
  made.data["token-secret"] = "0123456789abcdef";
  made.data["usage-bootstrap-signing"] = "true";
  if (!expiration.empty()) made.data["expiration"] = expiration;
  return made;
}

TEST(TokenCleaner, DeletesWhatHasExpired) {
  Harness h(1);
  h.client.put(token("aaaaaa", "2001-01-01T00:00:00Z"));
  h.client.put(token("bbbbbb", api::Time(h.wallNow() + 10min).str()));
  h.client.put(token("cccccc"));
  h.client.put(token("dddddd", "some day"));
  auto strange = token("eeeeee", "2001-01-01T00:00:00Z");
  strange.type = "Opaque";
  h.client.put(strange);
  h.add<TokenCleaner>();
  h.start();
  const auto has = [&h](const char* id) {
    return h.client.peek<Secret>("kube-system", std::string("bootstrap-token-") + id) != nullptr;
  };
  ASSERT_TRUE(h.until([&] { return !has("aaaaaa") && !has("dddddd"); }, 1min));
  EXPECT_TRUE(has("bbbbbb"));
  ASSERT_TRUE(h.until([&] { return !has("bbbbbb"); }, 20min));
  EXPECT_TRUE(has("cccccc"));
  EXPECT_TRUE(has("eeeeee"));
}

TEST(BootstrapSigner, SignsClusterInfo) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = 0.1;
    ConfigMap info;
    info.metadata.name = "cluster-info";
    info.metadata.namespace_ = "kube-public";
    info.data["kubeconfig"] = "one";
    info.data["jws-kubeconfig-gone00"] = "old";
    h.client.put(info);
    h.client.put(token("aaaaaa"));
    auto silent = token("bbbbbb");
    silent.data.erase("usage-bootstrap-signing");
    h.client.put(silent);
    h.client.put(token("cccccc", api::Time(h.wallNow() + 10min).str()));
    h.add<BootstrapSigner>();
    h.start();
    const auto keys = [&h] {
      std::string out;
      for (const auto& [name, value] :
           h.client.peek<ConfigMap>("kube-public", "cluster-info")->data) {
        out += std::string(name) + ";";
      }
      return out;
    };
    ASSERT_TRUE(h.until(
        [&] { return keys() == "jws-kubeconfig-aaaaaa;jws-kubeconfig-cccccc;kubeconfig;"; }, 1min))
        << keys();
    const auto before =
        h.client.peek<ConfigMap>("kube-public", "cluster-info")->data.at("jws-kubeconfig-aaaaaa");
    h.client.change<ConfigMap>("kube-public", "cluster-info",
                               [](ConfigMap& map) { map.data["kubeconfig"] = "two"; });
    ASSERT_TRUE(h.until(
        [&] {
          return h.client.peek<ConfigMap>("kube-public", "cluster-info")
                     ->data.at("jws-kubeconfig-aaaaaa") != before;
        },
        1min));
    ASSERT_TRUE(h.until([&] { return keys() == "jws-kubeconfig-aaaaaa;kubeconfig;"; }, 20min));
  }
}

TEST(BootstrapSigner, SignatureAsOthersMakeIt) {
  TokenSecret token{"abcdef", "0123456789abcdef", true, {}};
  // By openssl: HMAC-SHA256, key "abcdef.0123456789abcdef", of "HEADER.Y29udGVudA".
  EXPECT_EQ(
      detachedSignature(token, "content"),
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..Fq6A5EJIBI9mw7CGLYV0RbfoogA2BP4cSgkutskZ1PY");
}

}  // namespace
}  // namespace coxswain::controllers::bootstraptokens
