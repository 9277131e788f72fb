#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "controllers/clusterroleaggregation/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::clusterroleaggregation {
namespace {

using api::rbac::v1::ClusterRole;
using testing::Harness;

ClusterRole makeRole(const std::string& name, const std::string& label,
                     const std::string& resource) {
  ClusterRole role;
  role.metadata.name = name;
  role.metadata.labels["agg"] = label;
  role.rules.resize(1);
  role.rules[0].verbs = {"get"};
  role.rules[0].apiGroups = {""};
  role.rules[0].resources = {resource};
  return role;
}

ClusterRole gathering(const std::string& name, const std::string& label) {
  ClusterRole role;
  role.metadata.name = name;
  role.aggregationRule.getOrCreate().clusterRoleSelectors.resize(1);
  role.aggregationRule->clusterRoleSelectors[0].matchLabels["agg"] = label;
  return role;
}

TEST(ClusterRoleAggregation, GathersAndForgets) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<ClusterRoleAggregationController>();
    h.start();
    auto inner = gathering("inner", "x");
    inner.metadata.labels["agg"] = "y";
    h.client.put(inner);
    h.client.put(gathering("outer", "y"));
    h.client.put(makeRole("b", "x", "pods"));
    h.client.put(makeRole("a", "x", "nodes"));
    h.client.put(makeRole("same", "x", "pods"));
    h.client.put(makeRole("other", "z", "secrets"));
    auto resources = [&h](const char* name) {
      std::vector<std::string> all;
      for (const auto& rule : h.client.peek<ClusterRole>("", name)->rules) {
        all.push_back(rule.resources[0]);
      }
      return all;
    };
    using Names = std::vector<std::string>;
    ASSERT_TRUE(h.until([&] { return resources("outer") == Names{"nodes", "pods"}; })) << seed;
    EXPECT_EQ(resources("inner"), (Names{"nodes", "pods"}));
    (void)h.client.erase<ClusterRole>("", "a");
    ASSERT_TRUE(h.until([&] { return resources("outer") == Names{"pods"}; })) << seed;
  }
}

}  // namespace
}  // namespace coxswain::controllers::clusterroleaggregation
