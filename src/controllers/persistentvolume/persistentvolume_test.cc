#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/persistentvolume/controller.h"

namespace coxswain::controllers::persistentvolume {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using testing::Harness;

PersistentVolume makeVolume(const std::string& name, const char* size) {
  PersistentVolume volume;
  volume.metadata.name = name;
  volume.spec.capacity["storage"] = *api::Quantity::parse(size);
  volume.spec.accessModes = {"ReadWriteOnce"};
  volume.spec.storageClassName = "manual";
  volume.spec.persistentVolumeReclaimPolicy = "Retain";
  return volume;
}

PersistentVolumeClaim makeClaim(const std::string& name, const char* size) {
  PersistentVolumeClaim claim;
  claim.metadata.name = name;
  claim.metadata.namespace_ = "default";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = "manual";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse(size);
  return claim;
}

class Binder : public ::testing::TestWithParam<uint64_t> {
 protected:
  Binder() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<PersistentVolumeBinder>();
    h.start();
  }
  std::shared_ptr<const PersistentVolume> volume(const char* name) {
    return h.client.peek<PersistentVolume>("", name);
  }
  std::shared_ptr<const PersistentVolumeClaim> claim(const char* name) {
    return h.client.peek<PersistentVolumeClaim>("default", name);
  }
  bool bound(const char* name, const char* to) {
    return claim(name)->status.phase == "Bound" && claim(name)->spec.volumeName == to &&
           volume(to)->status.phase == "Bound";
  }
  Harness h;
};

TEST_P(Binder, SmallestThatIsEnough) {
  for (const auto& [name, size] :
       {std::pair("big", "50Gi"), std::pair("fit", "3Gi"), std::pair("small", "10Mi")}) {
    h.client.put(makeVolume(name, size));
  }
  auto other = makeVolume("class", "3Gi");
  other.spec.storageClassName = "other";
  h.client.put(other);
  ASSERT_TRUE(h.until([&] { return volume("small")->status.phase == "Available"; }));
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("c", "fit"); }, 1h));
  EXPECT_EQ(claim("c")->status.capacity.at("storage").str(), "3Gi");
  EXPECT_EQ(claim("c")->metadata.annotations.at(kBindCompleted), "yes");
  EXPECT_EQ(claim("c")->metadata.annotations.at(kBoundByController), "yes");
  EXPECT_EQ(volume("fit")->spec.claimRef->uid, claim("c")->metadata.uid);
  // Two more: one is left for them.
  h.client.put(makeClaim("d", "1Gi"));
  h.client.put(makeClaim("e", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("d", "big") || bound("e", "big"); }, 1h));
  const char* waits = bound("d", "big") ? "e" : "d";
  ASSERT_TRUE(h.until([&] { return claim(waits)->status.phase == "Pending"; }));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("ProvisioningFailed: storageclass.storage.k8s.io \"manual\" not found");
  }));
  h.client.put(makeVolume("late", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound(waits, "late"); }, 1h));
}

TEST_P(Binder, ReleasedWhenTheClaimGoes) {
  h.client.put(makeVolume("keep", "1Gi"));
  auto gone = makeVolume("gone", "1Gi");
  gone.spec.persistentVolumeReclaimPolicy = "Delete";
  h.client.put(gone);
  auto first = makeClaim("c", "1Gi");
  first.spec.volumeName = "keep";
  h.client.put(first);
  auto second = makeClaim("d", "1Gi");
  second.spec.volumeName = "gone";
  h.client.put(second);
  ASSERT_TRUE(h.until([&] { return bound("c", "keep") && bound("d", "gone"); }, 1h));
  EXPECT_FALSE(claim("c")->metadata.annotations.contains(kBoundByController));
  (void)h.client.erase<PersistentVolumeClaim>("default", "c");
  (void)h.client.erase<PersistentVolumeClaim>("default", "d");
  ASSERT_TRUE(h.until([&] { return volume("keep")->status.phase == "Released"; }, 1h));
  ASSERT_TRUE(h.until([&] { return volume("gone")->status.phase == "Failed"; }, 1h));
  // A new claim of that name is another one.
  h.client.put(makeClaim("c", "1Gi"));
  h.run(1min);
  EXPECT_EQ(claim("c")->status.phase, "Pending");
  EXPECT_EQ(volume("keep")->status.phase, "Released");
}

TEST_P(Binder, MadeForAClaim) {
  auto made = makeVolume("v", "5Gi");
  made.spec.claimRef.getOrCreate().namespace_ = "default";
  made.spec.claimRef->name = "mine";
  h.client.put(made);
  h.client.put(makeClaim("other", "1Gi"));
  h.run(1min);
  EXPECT_EQ(claim("other")->status.phase, "Pending");
  EXPECT_EQ(volume("v")->status.phase, "Available");
  h.client.put(makeClaim("mine", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("mine", "v"); }, 1h));
  EXPECT_FALSE(volume("v")->metadata.annotations.contains(kBoundByController));
  // Its volume is lost.
  (void)h.client.erase<PersistentVolume>("", "v");
  ASSERT_TRUE(h.until([&] { return claim("mine")->status.phase == "Lost"; }, 1h));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent(
        "ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is");
  }));
}

TEST_P(Binder, WaitsForTheFirstPod) {
  api::storage::v1::StorageClass late;
  late.metadata.name = "manual";
  late.provisioner = "kubernetes.io/no-provisioner";
  late.volumeBindingMode = "WaitForFirstConsumer";
  h.client.put(late);
  h.client.put(makeVolume("v", "5Gi"));
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("WaitForFirstConsumer: waiting for first consumer to be created before");
  }));
  ASSERT_TRUE(h.until([&] { return claim("c")->status.phase == "Pending"; }));
  h.run(1min);
  EXPECT_EQ(claim("c")->status.phase, "Pending");
}

INSTANTIATE_TEST_SUITE_P(Seeds, Binder, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace coxswain::controllers::persistentvolume
