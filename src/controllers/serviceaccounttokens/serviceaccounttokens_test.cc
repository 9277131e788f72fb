#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/serviceaccounttokens/controller.h"

namespace coxswain::controllers::serviceaccounttokens {
namespace {

using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using testing::Harness;

constexpr const char* kType = "kubernetes.io/service-account-token";

TokensController::Options signing() {
  TokensController::Options options;
  options.rootCa = "PEM";
  options.sign = [](std::string_view ns, std::string_view account, std::string_view uid,
                    std::string_view secret) -> Result<std::string> {
    return std::string(ns) + "." + std::string(account) + "." + std::string(uid) + "." +
           std::string(secret);
  };
  return options;
}

ServiceAccount account(const char* name) {
  ServiceAccount made;
  made.metadata.name = name;
  made.metadata.namespace_ = "a";
  return made;
}

Secret secretOf(const char* name, const char* accountName, const char* type = kType) {
  Secret made;
  made.metadata.name = name;
  made.metadata.namespace_ = "a";
  made.metadata.annotations["kubernetes.io/service-account.name"] = accountName;
  made.type = type;
  return made;
}

std::string text(const Secret& secret, const char* key) {
  const auto* value = secret.data.get(key);
  return value ? value->data : std::string();
}

TEST(ServiceAccountTokens, AreFilledAndGoWithTheirAccount) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.client.put(account("bot"));
    h.client.put(secretOf("t", "bot"));
    h.client.put(secretOf("orphan", "nobody"));
    h.client.put(secretOf("plain", "nobody", "Opaque"));
    h.add<TokensController>(signing());
    h.start();
    const auto uid = h.client.peek<ServiceAccount>("a", "bot")->metadata.uid;
    ASSERT_TRUE(h.until([&h] {
      auto filled = h.client.peek<Secret>("a", "t");
      return filled && !text(*filled, "token").empty() && !h.client.peek<Secret>("a", "orphan");
    })) << seed;
    auto filled = h.client.peek<Secret>("a", "t");
    EXPECT_EQ(text(*filled, "token"), "a.bot." + uid + ".t");
    EXPECT_EQ(text(*filled, "ca.crt"), "PEM");
    EXPECT_EQ(text(*filled, "namespace"), "a");
    EXPECT_EQ(*filled->metadata.annotations.get("kubernetes.io/service-account.uid"), uid);

    // What somebody took out comes back; a token that is there stays.
    h.client.change<Secret>("a", "t", [](Secret& s) {
      s.data["ca.crt"] = "old";
      s.data["token"] = "kept";
    });
    ASSERT_TRUE(h.until([&h] { return text(*h.client.peek<Secret>("a", "t"), "ca.crt") == "PEM"; }))
        << seed;
    EXPECT_EQ(text(*h.client.peek<Secret>("a", "t"), "token"), "kept");

    // An account of the same name is another account.
    (void)h.client.erase<ServiceAccount>("a", "bot");
    h.client.put(account("bot"));
    ASSERT_TRUE(h.until([&h] { return !h.client.peek<Secret>("a", "t"); })) << seed;
    EXPECT_TRUE(h.client.peek<Secret>("a", "plain"));
  }
}

TEST(ServiceAccountTokens, AccountsListNoSecretThatIsGone) {
  Harness h(1);
  auto bot = account("bot");
  bot.secrets.emplace_back().name = "t";
  bot.secrets.emplace_back().name = "other";
  h.client.put(bot);
  h.client.put(secretOf("t", "bot"));
  h.add<TokensController>(signing());
  h.start();
  ASSERT_TRUE(h.until([&h] { return !text(*h.client.peek<Secret>("a", "t"), "token").empty(); }));
  (void)h.client.erase<Secret>("a", "t");
  ASSERT_TRUE(
      h.until([&h] { return h.client.peek<ServiceAccount>("a", "bot")->secrets.size() == 1; }));
  EXPECT_EQ(h.client.peek<ServiceAccount>("a", "bot")->secrets[0].name, "other");
}

}  // namespace
}  // namespace coxswain::controllers::serviceaccounttokens
