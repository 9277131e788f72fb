#include "apiserver/admission/chain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/sim/sim_executor.h"

namespace coxswain::apiserver {
namespace {

class Chain : public testing::Test {
 protected:
  Result<std::vector<std::string_view>> names(AdmissionOptions options) {
    auto made = makeAdmissionChain(sources_, options);
    if (!made.ok()) return made.status();
    return (*made)->names();
  }
  std::string refusal(AdmissionOptions options) {
    return names(std::move(options)).status().message();
  }

  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  AdmissionSources sources_{[](std::string_view, std::string_view,
                               std::string_view) -> GenericRegistry* { return nullptr; },
                            random_, executor_};
};

bool has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST_F(Chain, SwitchedByName) {
  auto usual = names({});
  ASSERT_TRUE(usual.ok());
  EXPECT_EQ(usual->front(), "NamespaceLifecycle");
  EXPECT_EQ(usual->back(), "ResourceQuota");
  EXPECT_TRUE(has(*usual, "PodSecurity"));
  EXPECT_TRUE(has(*usual, "NodeRestriction"));
  EXPECT_FALSE(has(*usual, "AlwaysPullImages"));

  AdmissionOptions options;
  options.enable = {"AlwaysPullImages", "PodSecurity"};
  options.disable = {"ServiceAccount", "ValidatingAdmissionWebhook"};
  auto other = names(options);
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_FALSE(has(*other, "ServiceAccount"));
  EXPECT_EQ(std::count(other->begin(), other->end(), "PodSecurity"), 1);
  auto pulls = std::find(other->begin(), other->end(), "AlwaysPullImages");
  EXPECT_LT(pulls, std::find(other->begin(), other->end(), "PodSecurity"));  // upstream's order
}

TEST_F(Chain, NamesThatCannotBe) {
  AdmissionOptions options;
  options.enable = {"Bogus"};
  EXPECT_EQ(refusal(options), "enable-admission-plugins plugin \"Bogus\" is unknown");
  options = {};
  options.disable = {"Bogus"};
  EXPECT_EQ(refusal(options), "disable-admission-plugins plugin \"Bogus\" is unknown");
  options = {};
  options.enable = {"ImagePolicyWebhook"};
  EXPECT_EQ(refusal(options),
            "enable-admission-plugins plugin \"ImagePolicyWebhook\" does not exist in this server");
  options = {};
  options.enable = options.disable = {"Priority", "LimitRanger"};
  EXPECT_EQ(refusal(options),
            "[Priority LimitRanger] in enable-admission-plugins and disable-admission-plugins "
            "overlapped");
}

}  // namespace
}  // namespace coxswain::apiserver
