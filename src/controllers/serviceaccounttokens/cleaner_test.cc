#include "controllers/serviceaccounttokens/cleaner.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::serviceaccounttokens {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using testing::Harness;

constexpr auto kDay = 24h;
constexpr std::string_view kInvalidSince = "kubernetes.io/legacy-token-invalid-since";

class LegacyTokens : public ::testing::Test {
 protected:
  static std::string day(WallTime when) { return api::Time(when).str().substr(0, 10); }
  void secret(const std::string& name, bool listed) {
    Secret made;
    made.metadata.name = name;
    made.metadata.namespace_ = "a";
    made.type = "kubernetes.io/service-account-token";
    h.client.put(made);
    if (listed) account_.secrets.emplace_back().name = name;
  }
  void begin() {
    account_.metadata.name = "bot";
    account_.metadata.namespace_ = "a";
    h.client.put(account_);
    ConfigMap since;
    since.metadata.name = "kube-apiserver-legacy-service-account-token-tracking";
    since.metadata.namespace_ = "kube-system";
    since.data["since"] = day(h.wallNow());
    h.client.put(since);
    h.add<LegacyTokenCleaner>(10 * kDay);
    h.start();
  }
  bool has(const char* name) { return h.client.peek<Secret>("a", name) != nullptr; }
  bool invalid(const char* name) {
    auto found = h.client.peek<Secret>("a", name);
    return found && found->metadata.labels.get(kInvalidSince) != nullptr;
  }
  Harness h{1};
  ServiceAccount account_;
};

TEST_F(LegacyTokens, WhatNobodyUsesIsMarkedAndThenGoes) {
  secret("unused", true);
  secret("by-hand", false);
  secret("mounted", true);
  secret("used", true);
  Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "a";
  pod.spec.volumes.emplace_back().volumeSource.secret.emplace().secretName = "mounted";
  h.client.put(pod);
  begin();
  h.run(9 * kDay);
  EXPECT_FALSE(invalid("unused")) << "not tracked for long enough";
  h.client.change<Secret>("a", "used", [this](Secret& s) {
    s.metadata.labels["kubernetes.io/legacy-token-last-used"] = day(h.wallNow());
  });
  ASSERT_TRUE(h.until([this] { return invalid("unused"); }, 3 * kDay));
  EXPECT_FALSE(invalid("used"));
  ASSERT_TRUE(h.until([this] { return !has("unused"); }, 13 * kDay));
  EXPECT_TRUE(has("used"));
  EXPECT_TRUE(has("by-hand") && !invalid("by-hand"));
  EXPECT_TRUE(has("mounted") && !invalid("mounted"));
}

}  // namespace
}  // namespace coxswain::controllers::serviceaccounttokens
