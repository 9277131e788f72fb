#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

TEST(ClusterRole, SelectorsOfAggregationAreToldOfTwice) {
  const testing::Requests roles("rbac.authorization.k8s.io", "clusterroles");
  const auto make = [&](const std::string& selector) {
    return roles.create(R"({"aggregationRule":{"clusterRoleSelectors":[)" + selector + "]}}");
  };
  EXPECT_EQ(make(R"({"matchLabels":{"a":"b"}})"), "");
  EXPECT_EQ(
      make(R"({"matchExpressions":[{"key":"a","operator":"X"}]})"),
      "[aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "
      "\"X\": not a valid selector operator, aggregationRule.clusterRoleSelectors[0]: Invalid "
      "value: null: invalid label selector.]");
}

}  // namespace
}  // namespace coxswain::apiserver
