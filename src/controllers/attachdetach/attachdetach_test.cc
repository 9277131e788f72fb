#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "controllers/attachdetach/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::attachdetach {
namespace {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::storage::v1::CSIDriver;
using api::storage::v1::VolumeAttachment;
using testing::Harness;

constexpr const char* kUnique = "kubernetes.io/csi/d.example^h1";

TEST(Names, OfAttachments) {
  const auto id = parseUniqueName(kUnique);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->driver, "d.example");
  EXPECT_EQ(id->handle, "h1");
  EXPECT_FALSE(parseUniqueName("kubernetes.io/nfs/x"));
  EXPECT_FALSE(parseUniqueName("kubernetes.io/csi/x"));
  // printf '%s' h1d.examplen1 | sha256sum
  EXPECT_EQ(attachmentName(*id, "n1"),
            "csi-eab3f4bf99df25e54ea05d203a9948fed313926ce36c1d06910c4c7634219ff6");
}

class AttachDetach : public ::testing::TestWithParam<uint64_t> {
 protected:
  AttachDetach() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<AttachDetachController>(AttachDetachController::Options());
    h.start();
    for (const char* name : {"n1", "n2"}) putNode(name);
    PersistentVolumeClaim claim;
    claim.metadata.name = "c";
    claim.metadata.namespace_ = "default";
    claim.spec.volumeName = "v";
    claim.status.phase = "Bound";
    const auto stored = h.client.put(claim);
    PersistentVolume volume;
    volume.metadata.name = "v";
    volume.spec.accessModes = {"ReadWriteOnce"};
    auto& reference = volume.spec.claimRef.getOrCreate();
    reference.namespace_ = "default";
    reference.name = "c";
    reference.uid = stored->metadata.uid;
    auto& csi = volume.spec.persistentVolumeSource.csi.getOrCreate();
    csi.driver = "d.example";
    csi.volumeHandle = "h1";
    h.client.put(volume);
  }
  void putNode(const std::string& name) {
    Node node;
    node.metadata.name = name;
    node.metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
    auto& ready = node.status.conditions.emplace_back();
    ready.type = "Ready";
    ready.status = "True";
    h.client.put(node);
  }
  void putPod(const std::string& name, const std::string& node) {
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    pod.spec.nodeName = node;
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "v";
    volume.volumeSource.persistentVolumeClaim.getOrCreate().claimName = "c";
    h.client.put(pod);
  }
  void removePod(const std::string& name) {
    client::DeleteOptions now;
    now.gracePeriodSeconds = 0;
    (void)h.client.erase<Pod>("default", name, now);
  }
  static std::string nameOn(const char* node) { return attachmentName({"d.example", "h1"}, node); }
  std::shared_ptr<const VolumeAttachment> on(const char* node) {
    return h.client.peek<VolumeAttachment>("", nameOn(node));
  }
  void setAttached(const char* node) {
    h.client.change<VolumeAttachment>("", nameOn(node),
                                      [](VolumeAttachment& a) { a.status.attached = true; });
  }
  bool reported(const char* node) {
    const auto& all = h.client.peek<Node>("", node)->status.volumesAttached;
    return all.size() == 1 && all[0].name == kUnique;
  }
  void setInUse(const char* node, bool inUse) {
    h.client.change<Node>("", node, [inUse](Node& n) {
      n.status.volumesInUse.clear();
      if (inUse) n.status.volumesInUse.emplace_back(kUnique);
    });
  }
  void attachOn(const char* node) {
    ASSERT_TRUE(h.until([&] { return on(node) != nullptr; }));
    setAttached(node);
    ASSERT_TRUE(h.until([&] { return reported(node); }));
  }
  Harness h;
};

TEST_P(AttachDetach, ComesAndGoes) {
  putPod("p", "n1");
  ASSERT_TRUE(h.until([&] { return on("n1") != nullptr; }));
  EXPECT_EQ(on("n1")->spec.attacher, "d.example");
  EXPECT_EQ(on("n1")->spec.nodeName, "n1");
  EXPECT_EQ(on("n1")->spec.source.persistentVolumeName, "v");
  EXPECT_FALSE(reported("n1"));
  h.client.change<VolumeAttachment>("", nameOn("n1"), [](VolumeAttachment& a) {
    a.status.attachError.getOrCreate().message = "rpc error: no room";
  });
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedAttachVolume: AttachVolume.Attach failed for volume \"v\" : rpc "
        "error: no room");
  }));
  setAttached("n1");
  ASSERT_TRUE(h.until([&] { return reported("n1"); }));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume \"v\" ");
  }));
  setInUse("n1", true);
  removePod("p");
  h.run(1h);
  EXPECT_TRUE(on("n1"));  // the node is well, and has it in use
  EXPECT_TRUE(reported("n1"));
  setInUse("n1", false);
  ASSERT_TRUE(h.until([&] { return !on("n1"); }));
  EXPECT_TRUE(h.client.peek<Node>("", "n1")->status.volumesAttached.empty());
}

TEST_P(AttachDetach, OneNodeAfterTheOther) {
  putPod("p", "n1");
  attachOn("n1");
  setInUse("n1", true);
  putPod("q", "n2");
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedAttachVolume: Multi-Attach error for volume \"v\" Volume is already used by pod(s) "
        "p");
  }));
  EXPECT_FALSE(on("n2"));
  removePod("p");
  h.run(1min);
  EXPECT_FALSE(on("n2"));
  setInUse("n1", false);
  ASSERT_TRUE(h.until([&] { return !on("n1") && on("n2"); }));
}

TEST_P(AttachDetach, TakenFromLostNodes) {
  putPod("p", "n1");
  attachOn("n1");
  setInUse("n1", true);
  h.client.change<Node>("", "n1", [](Node& n) { n.status.conditions[0].status = "Unknown"; });
  removePod("p");
  putPod("q", "n2");
  h.run(5min);
  EXPECT_TRUE(on("n1"));
  EXPECT_FALSE(on("n2"));
  ASSERT_TRUE(h.until([&] { return !on("n1") && on("n2"); }, 5min));
  setAttached("n2");
  ASSERT_TRUE(h.until([&] { return reported("n2"); }));
  // Out of service: at once.
  setInUse("n2", true);
  h.client.change<Node>("", "n2", [](Node& n) {
    auto& taint = n.spec.taints.emplace_back();
    taint.key = "node.kubernetes.io/out-of-service";
    taint.effect = "NoExecute";
  });
  removePod("q");
  ASSERT_TRUE(h.until([&] { return !on("n2"); }, 1min));
}

TEST_P(AttachDetach, OfGoneVolumesAndNodes) {
  putPod("p", "n1");
  attachOn("n1");
  removePod("p");
  setInUse("n1", true);
  (void)h.client.erase<PersistentVolume>("", "v");
  h.run(1min);
  EXPECT_TRUE(on("n1"));
  VolumeAttachment other;
  other.metadata.name = "theirs";
  other.spec.nodeName = "n1";
  other.spec.source.persistentVolumeName = "v";
  h.client.put(other);
  setInUse("n1", false);
  ASSERT_TRUE(h.until([&] { return !on("n1"); }));
  h.run(1min);
  EXPECT_TRUE(h.client.peek<VolumeAttachment>("", "theirs"));
}

TEST_P(AttachDetach, TooLateAndUnneeded) {
  putPod("p", "n1");
  ASSERT_TRUE(h.until([&] { return on("n1") != nullptr; }));
  ASSERT_TRUE(h.until(
      [&] {
        return h.hasEvent(
            "FailedAttachVolume: AttachVolume.Attach failed for volume \"v\" : timed out waiting "
            "for external-attacher of d.example CSI driver to attach volume h1");
      },
      5min));
  removePod("p");
  ASSERT_TRUE(h.until([&] { return !on("n1"); }));
  CSIDriver driver;
  driver.metadata.name = "d.example";
  driver.spec.attachRequired = false;
  h.client.put(driver);
  h.run(1s);
  putPod("q", "n2");
  h.run(1min);
  EXPECT_FALSE(on("n2"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, AttachDetach, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace coxswain::controllers::attachdetach
