#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/authz/policy.h"
#include "apiserver/authz/policy_objects.h"

namespace coxswain::apiserver {
namespace {

using namespace api::rbac::v1;  // NOLINT

constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

api::Object find(std::string_view kind, std::string_view name) {
  for (auto& object : bootstrapPolicyObjects(true)) {
    if (object.info().name == kind && api::objectMeta(object)->name == name) {
      return std::move(object);
    }
  }
  ADD_FAILURE() << "no " << kind << " " << name;
  return {};
}

TEST(Reconcile, WhatIsCompleteStays) {
  for (const auto& wanted : bootstrapPolicyObjects(true)) {
    auto present = wanted.clone();
    EXPECT_FALSE(reconcilePolicyObject(wanted, present)) << api::objectMeta(wanted)->name;
    EXPECT_FALSE(mustRecreate(wanted, present)) << api::objectMeta(wanted)->name;
  }
}

TEST(Reconcile, MissingRulesComeBackAndOthersStay) {
  auto wanted = find("ClusterRole", "system:basic-user");
  auto present = wanted.clone();
  auto& role = *present.as<ClusterRole>();
  role.rules = {wireRule({"", "\"\"", "pods", "get"}),
                wireRule({"", "authorization.k8s.io", "selfsubjectaccessreviews", "*"})};
  role.metadata.labels.clear();
  role.metadata.labels["mine"] = "x";
  ASSERT_TRUE(reconcilePolicyObject(wanted, present));
  ASSERT_EQ(role.rules.size(), 4U);
  EXPECT_EQ(role.rules[0].resources.front(), "pods");
  EXPECT_EQ(role.rules[2].resources.front(), "selfsubjectrulesreviews");
  EXPECT_EQ(role.rules[3].resources.front(), "selfsubjectreviews");
  EXPECT_EQ(role.metadata.labels.size(), 2U);
  EXPECT_FALSE(reconcilePolicyObject(wanted, present));
}

TEST(Reconcile, TheAnnotationSaysNo) {
  auto wanted = find("ClusterRoleBinding", "system:basic-user");
  for (const char* text : {"false", "False", "0", "f"}) {
    auto present = wanted.clone();
    auto& binding = *present.as<ClusterRoleBinding>();
    binding.subjects.clear();
    binding.metadata.annotations[kAutoUpdate] = text;
    EXPECT_FALSE(reconcilePolicyObject(wanted, present)) << text;
    binding.roleRef.name = "other";
    EXPECT_FALSE(mustRecreate(wanted, present)) << text;
    // Only what means false is no.
    binding.metadata.annotations[kAutoUpdate] = "never";
    EXPECT_TRUE(mustRecreate(wanted, present));
    EXPECT_TRUE(reconcilePolicyObject(wanted, present));
    EXPECT_EQ(binding.subjects.size(), 1U);
  }
}

TEST(Reconcile, RulesOfAggregatesAreTheControllers) {
  auto wanted = find("ClusterRole", "edit");
  auto present = wanted.clone();
  auto& role = *present.as<ClusterRole>();
  role.rules = {wireRule({"", "\"\"", "pods", "get"})};
  EXPECT_FALSE(reconcilePolicyObject(wanted, present));
  role.aggregationRule->clusterRoleSelectors.clear();
  EXPECT_TRUE(reconcilePolicyObject(wanted, present));
  EXPECT_EQ(role.aggregationRule->clusterRoleSelectors.size(), 1U);
  role.aggregationRule.reset();
  EXPECT_TRUE(reconcilePolicyObject(wanted, present));
  EXPECT_TRUE(role.aggregationRule.has_value());
}

}  // namespace
}  // namespace coxswain::apiserver
