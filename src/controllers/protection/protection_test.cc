#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/protection/controller.h"

namespace coxswain::controllers::protection {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using testing::Harness;

TEST(Protection, ClaimsStayWhileUsed) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<ClaimProtectionController>();
    h.start();
    PersistentVolumeClaim claim;
    claim.metadata.name = "c";
    claim.metadata.namespace_ = "default";
    h.client.put(claim);
    ASSERT_TRUE(h.until([&] {
      return h.client.peek<PersistentVolumeClaim>("default", "c")->metadata.finalizers ==
             std::vector<std::string>{"kubernetes.io/pvc-protection"};
    }));
    Pod pod;
    pod.metadata.name = "p";
    pod.metadata.namespace_ = "default";
    pod.spec.nodeName = "n";
    pod.spec.volumes.resize(1);
    pod.spec.volumes[0].volumeSource.persistentVolumeClaim.getOrCreate().claimName = "c";
    h.client.put(pod);
    Pod waiting = pod;
    waiting.metadata.name = "unscheduled";
    waiting.spec.nodeName = "";
    h.client.put(waiting);
    (void)h.client.erase<PersistentVolumeClaim>("default", "c");
    h.run(1min);
    EXPECT_TRUE(h.client.peek<PersistentVolumeClaim>("default", "c"));
    client::DeleteOptions now;
    now.gracePeriodSeconds = 0;
    (void)h.client.erase<Pod>("default", "p", now);
    ASSERT_TRUE(h.until([&] { return !h.client.peek<PersistentVolumeClaim>("default", "c"); }))
        << seed;
  }
}

TEST(Protection, ClaimsOfEphemeralVolumes) {
  Harness h(1);
  h.add<ClaimProtectionController>();
  h.start();
  Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "default";
  pod.metadata.finalizers = {"x.example/hold"};
  pod.spec.nodeName = "n";
  for (const char* name : {"own", "other"}) {
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = name;
    volume.volumeSource.ephemeral.getOrCreate();
  }
  const auto stored = h.client.put(pod);
  auto claim = [&](const char* name) {
    return h.client.peek<PersistentVolumeClaim>("default", name);
  };
  for (const char* name : {"p-own", "p-other"}) {
    PersistentVolumeClaim made;
    made.metadata.name = name;
    made.metadata.namespace_ = "default";
    if (std::string(name) == "p-own") {
      made.metadata.ownerReferences.push_back(api::newControllerRef(stored->metadata, "v1", "Pod"));
    }
    h.client.put(made);
    ASSERT_TRUE(h.until([&] { return claim(name)->metadata.finalizers.size() == 1; }));
    (void)h.client.erase<PersistentVolumeClaim>("default", name);
  }
  // That of somebody else is no volume of the pod.
  ASSERT_TRUE(h.until([&] { return !claim("p-other"); }));
  EXPECT_TRUE(claim("p-own"));
  // A pod that has ended uses it still; one that only waits to be removed does not.
  h.client.change<Pod>("default", "p", [](Pod& p) { p.status.phase = "Succeeded"; });
  h.run(1min);
  EXPECT_TRUE(claim("p-own"));
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  (void)h.client.erase<Pod>("default", "p", now);
  ASSERT_TRUE(h.client.peek<Pod>("default", "p"));
  ASSERT_TRUE(h.until([&] { return !claim("p-own"); }));
}

TEST(Protection, VolumesStayWhileBound) {
  Harness h(1);
  h.add<VolumeProtectionController>();
  h.start();
  PersistentVolume volume;
  volume.metadata.name = "v";
  volume.status.phase = "Bound";
  h.client.put(volume);
  ASSERT_TRUE(h.until(
      [&] { return h.client.peek<PersistentVolume>("", "v")->metadata.finalizers.size() == 1; }));
  (void)h.client.erase<PersistentVolume>("", "v");
  h.run(1min);
  ASSERT_TRUE(h.client.peek<PersistentVolume>("", "v"));
  h.client.change<PersistentVolume>("", "v",
                                    [](PersistentVolume& v) { v.status.phase = "Released"; });
  ASSERT_TRUE(h.until([&] { return !h.client.peek<PersistentVolume>("", "v"); }));
}

}  // namespace
}  // namespace coxswain::controllers::protection
