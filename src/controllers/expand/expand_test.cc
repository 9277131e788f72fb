#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/expand/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::expand {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using testing::Harness;

void put(Harness& h, const std::string& name, bool migrated) {
  PersistentVolumeClaim claim;
  claim.metadata.name = name;
  claim.metadata.namespace_ = "default";
  claim.spec.volumeName = "v-" + name;
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  claim.status.phase = "Bound";
  claim.status.capacity["storage"] = *api::Quantity::parse("1Gi");
  const auto stored = h.client.put(claim);
  PersistentVolume volume;
  volume.metadata.name = "v-" + name;
  volume.spec.claimRef.getOrCreate().uid = stored->metadata.uid;
  if (migrated) {
    volume.spec.persistentVolumeSource.awsElasticBlockStore.getOrCreate().volumeID = "x";
  } else {
    volume.spec.persistentVolumeSource.csi.getOrCreate().driver = "d";
  }
  h.client.put(volume);
}

TEST(Expand, SaysWhoIsWaitedFor) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<ExpandController>();
    h.start();
    put(h, "c", false);
    put(h, "old", true);
    h.run(1min);
    EXPECT_TRUE(h.events().empty());
    for (const char* name : {"c", "old"}) {
      h.client.change<PersistentVolumeClaim>("default", name, [](PersistentVolumeClaim& claim) {
        claim.spec.resources.requests["storage"] = *api::Quantity::parse("2Gi");
      });
    }
    ASSERT_TRUE(h.until([&] {
      const auto old = h.client.peek<PersistentVolumeClaim>("default", "old");
      return h.hasEvent(
                 "ExternalExpanding: waiting for an external controller to expand this "
                 "PVC") &&
             old->metadata.annotations.contains("volume.kubernetes.io/storage-resizer");
    })) << seed;
    const auto old = h.client.peek<PersistentVolumeClaim>("default", "old");
    EXPECT_EQ(old->metadata.annotations.at("volume.kubernetes.io/storage-resizer"),
              "ebs.csi.aws.com");
    const auto claim = h.client.peek<PersistentVolumeClaim>("default", "c");
    EXPECT_TRUE(claim->metadata.annotations.empty());
  }
}

}  // namespace
}  // namespace coxswain::controllers::expand
