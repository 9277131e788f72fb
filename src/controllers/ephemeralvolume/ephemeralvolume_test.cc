#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/ephemeralvolume/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::ephemeralvolume {
namespace {

using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using testing::Harness;

Pod makePod() {
  Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "default";
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "data";
  auto& made = volume.volumeSource.ephemeral.getOrCreate().volumeClaimTemplate.getOrCreate();
  made.metadata.labels["a"] = "b";
  made.metadata.annotations["c"] = "d";
  made.spec.accessModes = {"ReadWriteOnce"};
  pod.spec.volumes.emplace_back().name = "other";
  return pod;
}

class Ephemeral : public ::testing::TestWithParam<uint64_t> {
 protected:
  Ephemeral() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<EphemeralVolumeController>();
    h.start();
  }
  std::shared_ptr<const PersistentVolumeClaim> claim() {
    return h.client.peek<PersistentVolumeClaim>("default", "p-data");
  }
  Harness h;
};

TEST_P(Ephemeral, MadeAndMadeAgain) {
  const auto pod = h.client.put(makePod());
  ASSERT_TRUE(h.until([&] { return claim() != nullptr; }));
  EXPECT_EQ(claim()->metadata.labels.at("a"), "b");
  EXPECT_EQ(claim()->metadata.annotations.at("c"), "d");
  EXPECT_EQ(claim()->spec.accessModes, std::vector<std::string>{"ReadWriteOnce"});
  ASSERT_EQ(claim()->metadata.ownerReferences.size(), 1U);
  const auto& owner = claim()->metadata.ownerReferences[0];
  EXPECT_EQ(owner.kind, "Pod");
  EXPECT_EQ(owner.uid, pod->metadata.uid);
  EXPECT_EQ(owner.controller, true);
  EXPECT_EQ(owner.blockOwnerDeletion, true);
  h.run(1min);
  EXPECT_EQ(h.client.peekAll<PersistentVolumeClaim>().size(), 1U);
  (void)h.client.erase<PersistentVolumeClaim>("default", "p-data");
  ASSERT_TRUE(h.until([&] { return claim() != nullptr; }));
}

TEST_P(Ephemeral, ClaimOfSomebodyElse) {
  PersistentVolumeClaim other;
  other.metadata.name = "p-data";
  other.metadata.namespace_ = "default";
  const auto before = h.client.put(other);
  h.client.put(makePod());
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedBinding: ephemeral volume data: PVC default/p-data was not created "
        "for pod default/p (pod is not owner)");
  }));
  EXPECT_EQ(claim()->metadata.resourceVersion, before->metadata.resourceVersion);
  (void)h.client.erase<PersistentVolumeClaim>("default", "p-data");
  ASSERT_TRUE(h.until([&] { return claim() && !claim()->metadata.ownerReferences.empty(); }, 1h));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Ephemeral, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace coxswain::controllers::ephemeralvolume
