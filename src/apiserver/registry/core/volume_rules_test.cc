#include <gtest/gtest.h>

#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

using testing::Requests;

std::string podWith(const std::string& claim, const std::string& volume = "v") {
  return R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],"volumes":[)"
         R"({"name":")" +
         volume + R"(","ephemeral":{"volumeClaimTemplate":)" + claim + "}}]}}";
}
constexpr const char* kClaim =
    R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}})";

TEST(EphemeralVolume, ClaimFollowsRulesOfClaims) {
  const Requests pods("", "pods");
  EXPECT_EQ(pods.create(podWith("{" + std::string(kClaim) + "}")), "");
  EXPECT_EQ(pods.create(podWith(R"({"metadata":{"name":"n"},"spec":{"accessModes":["X"],)"
                                R"("resources":{"requests":{"storage":"0"}}}})")),
            "[spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be "
            "set, spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported "
            "value: \"X\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", "
            "\"ReadWriteOnce\", \"ReadWriteOncePod\", "
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "
            "\"0\": must be greater than zero]");
}

TEST(EphemeralVolume, ClaimNeedsAName) {
  const Requests pods("", "pods");
  auto pod = podWith("{" + std::string(kClaim) + "}");
  const std::string name(250, 'p');
  pod.replace(pod.find(R"("name":"p")"), 10, R"("name":")" + name + "\"");
  const auto problem = pods.create(pod);
  EXPECT_EQ(problem, "");  // 252 characters
  pod = podWith("{" + std::string(kClaim) + "}", "volume");
  pod.replace(pod.find(R"("name":"p")"), 10, R"("name":")" + name + "\"");
  EXPECT_EQ(pods.create(pod), "spec.volumes[0].name: Invalid value: \"volume\": PVC name \"" +
                                  name + "-volume\": must be no more than 253 characters");
}

TEST(PersistentVolumeClaim, SourcesOfOtherNamespacesAreDropped) {
  const Requests claims("", "persistentvolumeclaims");
  std::string stored;
  const std::string body =
      R"({"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1"}},)"
      R"("dataSourceRef":{"kind":"PersistentVolumeClaim","name":"a","namespace":"other"}}})";
  EXPECT_EQ(claims.create(body, &stored), "");
  EXPECT_EQ(stored.find("dataSource"), std::string::npos) << stored;
}

TEST(Resources, AreKeptByTheThousandth) {
  std::string stored;
  const Requests quotas("", "resourcequotas");
  EXPECT_EQ(quotas.create(R"({"spec":{"hard":{"cpu":"1.0001"}}})", &stored), "");
  EXPECT_NE(stored.find(R"("cpu":"1001m")"), std::string::npos) << stored;
  const Requests ranges("", "limitranges");
  EXPECT_EQ(ranges.create(R"({"spec":{"limits":[{"type":"Pod","max":{"cpu":"10u"}}]}})", &stored),
            "");
  EXPECT_NE(stored.find(R"("cpu":"1m")"), std::string::npos) << stored;
}

TEST(PersistentVolume, SourcesHaveDefaults) {
  const Requests volumes("", "persistentvolumes");
  std::string stored;
  EXPECT_EQ(volumes.create(R"({"spec":{"capacity":{"storage":"1"},"accessModes":["ReadWriteOnce"],)"
                           R"("rbd":{"monitors":["m"],"image":"i"}}})",
                           &stored),
            "");
  EXPECT_NE(stored.find(R"("pool":"rbd","user":"admin","keyring":"/etc/ceph/keyring")"),
            std::string::npos)
      << stored;
}

}  // namespace
}  // namespace coxswain::apiserver
