#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "apiserver/discovery/documents.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

const std::vector<std::string> kStatusVerbs = {"get", "patch", "update"};

std::vector<ServedResource> sample() {
  ServedResource pods{.version = "v1",
                      .plural = "pods",
                      .singular = "pod",
                      .kind = "Pod",
                      .namespaced = true,
                      .verbs = {"get", "list"},
                      .shortNames = {"po"},
                      .categories = {"all"},
                      .storageVersionHash = "xPOwRZ+Yhw8="};
  pods.subresources.push_back({"status", "Pod", "", "", kStatusVerbs});
  pods.subresources.push_back({"eviction", "Eviction", "policy", "v1", {"create"}});
  ServedResource v1{.group = "autoscaling",
                    .version = "v1",
                    .plural = "horizontalpodautoscalers",
                    .singular = "horizontalpodautoscaler",
                    .kind = "HorizontalPodAutoscaler",
                    .namespaced = true,
                    .verbs = {"get"}};
  ServedResource v2 = v1;
  v2.version = "v2";
  ServedResource apps{.group = "apps",
                      .version = "v1",
                      .plural = "deployments",
                      .singular = "deployment",
                      .kind = "Deployment",
                      .namespaced = true,
                      .verbs = {"get"}};
  ServedResource custom{.group = "example.com",
                        .version = "v1alpha1",
                        .plural = "things",
                        .singular = "thing",
                        .kind = "Thing",
                        .verbs = {"get"}};
  return {v1, custom, pods, v2, apps};
}

TEST(Discovery, VersionOrder) {
  EXPECT_TRUE(versionPrecedes("v2", "v1"));
  EXPECT_TRUE(versionPrecedes("v10", "v9"));
  EXPECT_TRUE(versionPrecedes("v1", "v2beta1"));
  EXPECT_TRUE(versionPrecedes("v1beta2", "v1beta1"));
  EXPECT_TRUE(versionPrecedes("v1beta1", "v3alpha1"));
  EXPECT_TRUE(versionPrecedes("v1alpha1", "foo1"));
  EXPECT_TRUE(versionPrecedes("bar", "foo"));
  EXPECT_FALSE(versionPrecedes("v1", "v1"));
  EXPECT_TRUE(versionPrecedes("v1alpha1", "v99999999999999999999"));
}

TEST(Discovery, Groups) {
  const auto list = groupListDocument(sample());
  ASSERT_EQ(list.groups.size(), 3U);
  EXPECT_EQ(list.groups[0].name, "apps");
  EXPECT_EQ(list.groups[1].name, "autoscaling");
  EXPECT_EQ(list.groups[1].preferredVersion.groupVersion, "autoscaling/v2");
  EXPECT_EQ(list.groups[2].name, "example.com");
  EXPECT_FALSE(groupDocument(sample(), "nope"));
  EXPECT_EQ(api::encodeJson(*groupDocument(sample(), "apps")),
            R"({"kind":"APIGroup","apiVersion":"v1","name":"apps","versions":[{"groupVersion":)"
            R"("apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1",)"
            R"("version":"v1"}})");
}

TEST(Discovery, Resources) {
  EXPECT_EQ(
      api::encodeJson(*resourceListDocument(sample(), "", "v1")),
      R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[)"
      R"({"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"],)"
      R"("shortNames":["po"],"categories":["all"],"storageVersionHash":"xPOwRZ+Yhw8="},)"
      R"({"name":"pods/eviction","singularName":"","namespaced":true,"group":"policy",)"
      R"("version":"v1","kind":"Eviction","verbs":["create"]},)"
      R"({"name":"pods/status","singularName":"","namespaced":true,"kind":"Pod",)"
      R"("verbs":["get","patch","update"]}]})");
  EXPECT_FALSE(resourceListDocument(sample(), "apps", "v2"));
}

TEST(Discovery, Aggregated) {
  const std::string core = api::encodeJson(aggregatedDocument(sample(), true));
  EXPECT_NE(core.find(R"("apiVersion":"apidiscovery.k8s.io/v2")"), std::string::npos) << core;
  EXPECT_NE(core.find(R"("responseKind":{"group":"","version":"","kind":"Pod"})"),
            std::string::npos)
      << core;
  const auto others = aggregatedDocument(sample(), false);
  ASSERT_EQ(others.items.size(), 3U);
  EXPECT_EQ(others.items[1].versions[0].version, "v2");
  EXPECT_EQ(others.items[2].versions[0].resources[0].scope, "Cluster");
}

TEST(Discovery, FromRegistry) {
  static constexpr std::string_view kVerbs[] = {"get"};
  static constexpr Subresource kSubresources[] = {{"scale", "autoscaling", "v1", "Scale", kVerbs},
                                                  {"status", "apps", "v1", "Deployment", kVerbs}};
  Resource resource;
  resource.group = "apps";
  resource.version = "v1";
  resource.plural = "deployments";
  resource.kind = "Deployment";
  resource.verbs = kVerbs;
  resource.subresources = kSubresources;
  const ServedResource served = servedResource(resource);
  EXPECT_EQ(served.verbs, std::vector<std::string>{"get"});
  ASSERT_EQ(served.subresources.size(), 2U);
  EXPECT_EQ(served.subresources[0].group, "autoscaling");
  EXPECT_EQ(served.subresources[1].version, "");
}

TEST(Discovery, Api) {
  EXPECT_EQ(api::encodeJson(apiVersionsDocument("10.0.0.1:6443")),
            R"({"kind":"APIVersions","apiVersion":"v1","versions":["v1"],)"
            R"("serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0",)"
            R"("serverAddress":"10.0.0.1:6443"}]})");
}

}  // namespace
}  // namespace coxswain::apiserver
