#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/volumeattributesclass/controller.h"

namespace coxswain::controllers::volumeattributesclass {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::VolumeAttributesClass;
using testing::Harness;

TEST(VolumeAttributesClasses, StayWhileNamed) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.client.faults.conflict = 0.1;
    h.add<ClassProtectionController>();
    h.start();
    auto gold = [&] { return h.client.peek<VolumeAttributesClass>("", "gold"); };
    VolumeAttributesClass made;
    made.metadata.name = "gold";
    h.client.put(made);
    ASSERT_TRUE(h.until([&] {
      return gold()->metadata.finalizers ==
             std::vector<std::string>{"kubernetes.io/vac-protection"};
    }));
    PersistentVolumeClaim claim;
    claim.metadata.name = "c";
    claim.metadata.namespace_ = "default";
    claim.status.modifyVolumeStatus.getOrCreate().targetVolumeAttributesClassName = "gold";
    h.client.put(claim);
    PersistentVolume volume;
    volume.metadata.name = "v";
    volume.spec.volumeAttributesClassName = "gold";
    h.client.put(volume);
    (void)h.client.erase<VolumeAttributesClass>("", "gold");
    h.run(1min);
    ASSERT_TRUE(gold());
    h.client.change<PersistentVolumeClaim>(
        "default", "c", [](PersistentVolumeClaim& c) { c.status.modifyVolumeStatus = nullptr; });
    h.run(1min);
    ASSERT_TRUE(gold());
    (void)h.client.erase<PersistentVolume>("", "v");
    ASSERT_TRUE(h.until([&] { return !gold(); }, 1h)) << seed;
  }
}

}  // namespace
}  // namespace coxswain::controllers::volumeattributesclass
