#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/volumes.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/persistentvolume/controller.h"

namespace coxswain::controllers::persistentvolume {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::storage::v1::StorageClass;
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
  ASSERT_TRUE(h.until([&] {
    return volume("small")->status.phase == "Available" &&
           volume("fit")->status.phase == "Available" && volume("big")->status.phase == "Available";
  }));
  h.run(1min);  // the cache shows it too
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("c", "fit"); }, 1h));
  EXPECT_EQ(claim("c")->status.capacity.at("storage").str(), "3Gi");
  EXPECT_EQ(claim("c")->metadata.annotations.at(api::kBindCompletedAnnotation), "yes");
  EXPECT_EQ(claim("c")->metadata.annotations.at(api::kBoundByControllerAnnotation), "yes");
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
  EXPECT_FALSE(claim("c")->metadata.annotations.contains(api::kBoundByControllerAnnotation));
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
  EXPECT_FALSE(volume("v")->metadata.annotations.contains(api::kBoundByControllerAnnotation));
  // Its volume is lost.
  (void)h.client.erase<PersistentVolume>("", "v");
  ASSERT_TRUE(h.until([&] { return claim("mine")->status.phase == "Lost"; }, 1h));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent(
        "ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is");
  }));
}

StorageClass makeClass(const std::string& name, const std::string& provisioner, bool waits) {
  StorageClass made;
  made.metadata.name = name;
  made.provisioner = provisioner;
  made.volumeBindingMode = waits ? "WaitForFirstConsumer" : "Immediate";
  return made;
}

Pod makeUser(const std::string& name, const std::string& claim) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "v";
  volume.volumeSource.persistentVolumeClaim.getOrCreate().claimName = claim;
  return pod;
}

TEST_P(Binder, WaitsForTheFirstPod) {
  h.client.put(makeClass("manual", "kubernetes.io/no-provisioner", true));
  h.client.put(makeVolume("v", "5Gi"));
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("WaitForFirstConsumer: waiting for first consumer to be created before");
  }));
  ASSERT_TRUE(h.until([&] { return claim("c")->status.phase == "Pending"; }));
  h.client.put(makeUser("b", "c"));
  h.client.put(makeUser("a", "c"));
  ASSERT_TRUE(h.until(
      [&] { return h.hasEvent("WaitForPodScheduled: waiting for pods a,b to be scheduled"); }));
  h.run(1min);
  EXPECT_EQ(claim("c")->status.phase, "Pending");
  EXPECT_FALSE(volume("v")->spec.claimRef);
  // The scheduler writes the claim into the volume.
  h.client.change<PersistentVolume>("", "v", [&](PersistentVolume& v) {
    auto& reference = v.spec.claimRef.getOrCreate();
    reference.namespace_ = "default";
    reference.name = "c";
    reference.uid = claim("c")->metadata.uid;
    v.metadata.annotations[api::kBoundByControllerAnnotation] = "yes";
  });
  ASSERT_TRUE(h.until([&] { return bound("c", "v"); }, 1h));
}

TEST_P(Binder, ProvisionedElsewhere) {
  h.client.put(makeClass("manual", "x.example/disk", true));
  auto wanted = makeClaim("c", "1Gi");
  wanted.metadata.annotations[api::kSelectedNodeAnnotation] = "n1";
  h.client.put(wanted);
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "ExternalProvisioning: Waiting for a volume to be created either by the external "
        "provisioner 'x.example/disk' or manually by the system administrator. If volume creation "
        "is delayed, please verify that the provisioner is running and correctly registered.");
  }));
  EXPECT_EQ(claim("c")->metadata.annotations.at(api::kProvisionerAnnotation), "x.example/disk");
  EXPECT_EQ(claim("c")->metadata.annotations.at(api::kBetaProvisionerAnnotation), "x.example/disk");
  auto made = makeVolume("pvc-1", "1Gi");
  made.metadata.annotations[api::kProvisionedByAnnotation] = "x.example/disk";
  made.spec.persistentVolumeReclaimPolicy = "Delete";
  made.spec.claimRef.getOrCreate().namespace_ = "default";
  made.spec.claimRef->name = "c";
  made.spec.claimRef->uid = claim("c")->metadata.uid;
  h.client.put(made);
  ASSERT_TRUE(h.until([&] { return bound("c", "pvc-1"); }, 1h));
  (void)h.client.erase<PersistentVolumeClaim>("default", "c");
  ASSERT_TRUE(h.until([&] { return volume("pvc-1")->status.phase == "Released"; }, 1h));
  h.run(1min);
  EXPECT_EQ(volume("pvc-1")->status.phase, "Released");
}

TEST_P(Binder, NobodyProvisions) {
  h.client.put(makeClass("manual", "kubernetes.io/no-provisioner", false));
  h.client.put(makeClaim("c", "1Gi"));
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent(
        "ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner");
  }));
  h.client.put(makeClass("old", "kubernetes.io/aws-ebs", false));
  auto old = makeClaim("d", "1Gi");
  old.spec.storageClassName = "old";
  h.client.put(old);
  ASSERT_TRUE(h.until(
      [&] { return claim("d")->metadata.annotations.contains(api::kProvisionerAnnotation); }));
  EXPECT_EQ(claim("d")->metadata.annotations.at(api::kProvisionerAnnotation), "ebs.csi.aws.com");
}

TEST_P(Binder, DefaultClassComesLater) {
  auto open = makeClaim("open", "1Gi");
  open.spec.storageClassName.reset();
  h.client.put(open);
  auto none = makeClaim("none", "1Gi");
  none.spec.storageClassName = "";
  h.client.put(none);
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedBinding: no persistent volumes available for this claim and no "
        "storage class is set");
  }));
  auto usual = makeClass("usual", "x.example/disk", false);
  usual.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
  h.client.put(usual);
  ASSERT_TRUE(h.until([&] { return claim("open")->spec.storageClassName == "usual"; }, 1h));
  h.run(1min);
  EXPECT_EQ(claim("none")->spec.storageClassName, "");
}

TEST_P(Binder, FewestAccessModesAndTheSameAttributes) {
  auto many = makeVolume("many", "1Gi");
  many.spec.accessModes = {"ReadWriteOnce", "ReadWriteMany"};
  h.client.put(many);
  h.client.put(makeVolume("once", "9Gi"));
  auto pod = makeVolume("pod", "1Gi");
  pod.spec.accessModes = {"ReadWriteOncePod"};
  h.client.put(pod);
  auto fast = makeVolume("fast", "1Gi");
  fast.spec.volumeAttributesClassName = "gold";
  h.client.put(fast);
  ASSERT_TRUE(h.until([&] {
    for (const char* name : {"many", "once", "pod", "fast"}) {
      if (volume(name)->status.phase != "Available") return false;
    }
    return true;
  }));
  h.run(1min);  // the cache shows it too
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("c", "once"); }, 1h));
  auto alone = makeClaim("alone", "1Gi");
  alone.spec.accessModes = {"ReadWriteOncePod"};
  h.client.put(alone);
  ASSERT_TRUE(h.until([&] { return bound("alone", "pod"); }, 1h));
  auto gold = makeClaim("gold", "1Gi");
  gold.spec.volumeAttributesClassName = "gold";
  h.client.put(gold);
  ASSERT_TRUE(h.until([&] { return bound("gold", "fast"); }, 1h));
  EXPECT_EQ(claim("gold")->status.currentVolumeAttributesClassName, "gold");
  auto wrong = makeClaim("wrong", "1Gi");
  wrong.spec.volumeName = "many";
  wrong.spec.volumeMode = "Block";
  h.client.put(wrong);
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent(
        "VolumeMismatch: Cannot bind to requested volume \"many\": incompatible volumeMode");
  }));
}

TEST_P(Binder, WipedByAPod) {
  auto old = makeVolume("v", "3Gi");
  old.spec.persistentVolumeReclaimPolicy = "Recycle";
  old.spec.persistentVolumeSource.hostPath.getOrCreate().path = "/data";
  h.client.put(old);
  h.client.put(makeClaim("c", "1Gi"));
  ASSERT_TRUE(h.until([&] { return bound("c", "v"); }, 1h));
  auto user = makeUser("user", "c");
  user.spec.nodeName = "n1";
  h.client.put(user);
  h.run(1s);
  (void)h.client.erase<PersistentVolumeClaim>("default", "c");
  ASSERT_TRUE(h.until(
      [&] { return h.hasEvent("VolumeFailedRecycle: Volume is used by pods: default/user"); }, 1h));
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  (void)h.client.erase<Pod>("default", "user", now);
  auto wiper = [&] { return h.client.peek<Pod>("default", "recycler-for-v"); };
  ASSERT_TRUE(h.until([&] { return wiper() != nullptr; }, 1h));
  EXPECT_EQ(wiper()->spec.activeDeadlineSeconds, 90);
  EXPECT_EQ(wiper()->spec.volumes[0].volumeSource.hostPath->path, "/data");
  // An answer that gets lost means another round.
  auto end = [&](const char* phase) {
    if (!wiper() || !wiper()->status.phase.empty() || wiper()->metadata.deletionTimestamp) return;
    h.client.change<Pod>("default", "recycler-for-v", [phase](Pod& p) {
      p.status.phase = phase;
      p.status.message = "no shell";
    });
  };
  ASSERT_TRUE(h.until(
      [&] {
        end("Failed");
        return volume("v")->status.phase == "Failed";
      },
      1h));
  EXPECT_EQ(volume("v")->status.message, "Recycle failed: failed to recycle volume: no shell");
  const auto first = wiper() ? wiper()->metadata.uid : "";
  ASSERT_TRUE(h.until([&] { return wiper() && wiper()->metadata.uid != first; }, 1h));
  EXPECT_EQ(volume("v")->status.phase, "Failed");
  ASSERT_TRUE(h.until(
      [&] {
        end("Succeeded");
        return volume("v")->status.phase == "Available";
      },
      1h));
  EXPECT_FALSE(volume("v")->spec.claimRef);
  EXPECT_TRUE(h.until([&] { return !wiper(); }));
}

TEST(BinderDeletes, FoldersBelowTmpOnly) {
  Harness h(1);
  std::vector<std::string> removed;
  PersistentVolumeBinder::Options options;
  options.removeHostPath = [&](const std::string& path) {
    removed.push_back(path);
    return Status();
  };
  h.add<PersistentVolumeBinder>(options);
  h.start();
  for (const auto& [name, path] : {std::pair("in", "/tmp/a/../b/"), std::pair("out", "/tmp/../etc"),
                                   std::pair("all", "/tmp/")}) {
    auto made = makeVolume(name, "1Gi");
    made.spec.persistentVolumeReclaimPolicy = "Delete";
    made.spec.persistentVolumeSource.hostPath.getOrCreate().path = path;
    auto& reference = made.spec.claimRef.getOrCreate();
    reference.namespace_ = "default";
    reference.name = "gone";
    reference.uid = "u";
    h.client.put(made);
  }
  ASSERT_TRUE(h.until([&] {
    return !h.client.peek<PersistentVolume>("", "in") &&
           h.client.peek<PersistentVolume>("", "out")->status.phase == "Failed" &&
           h.client.peek<PersistentVolume>("", "all")->status.phase == "Failed";
  }));
  EXPECT_EQ(removed, std::vector<std::string>{"/tmp/b"});
  EXPECT_EQ(h.client.peek<PersistentVolume>("", "out")->status.message,
            "host_path deleter only supports /tmp/.+ but received provided /tmp/../etc");
}

INSTANTIATE_TEST_SUITE_P(Seeds, Binder, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace coxswain::controllers::persistentvolume
