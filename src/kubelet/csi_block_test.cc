// CSI volumes that containers get as devices.

#include "kubelet/testing/csi_fixture.h"
#include "net/grpc/grpc.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using testing::CsiKubeletTest;

class CsiBlockTest : public CsiKubeletTest {
 protected:
  void SetUp() override {
    CsiKubeletTest::SetUp();
    setDriver([](auto& spec) { spec.attachRequired = false; });
    registerDriver();
    putClaim();
    h.client.change<PersistentVolumeClaim>(
        "default", "data", [](PersistentVolumeClaim& claim) { claim.spec.volumeMode = "Block"; });
  }
  static Pod podWithDevice() {
    Pod pod = podWithClaim();
    pod.spec.containers[0].volumeMounts.clear();
    auto& device = pod.spec.containers[0].volumeDevices.emplace_back();
    device.name = "v";
    device.devicePath = "/dev/data";
    return pod;
  }
  const std::string link = "/var/lib/kubelet/pods/uid-web/volumeDevices/kubernetes.io~csi/pv-1";
  const std::string blocks = "/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices";
};

TEST_F(CsiBlockTest, ARawBlockVolumeIsADeviceOfItsContainer) {
  h.client.put(podWithDevice());
  ASSERT_TRUE(runs());
  const auto& config = h.runtime.find("web", "app")->config;
  ASSERT_EQ(config.devices.size(), 1U);
  EXPECT_EQ(config.devices[0].containerPath, "/dev/data");
  EXPECT_EQ(config.devices[0].hostPath, link);
  EXPECT_EQ(config.devices[0].permissions, "mrw");
  EXPECT_EQ(h.files.read(link).valueOr(""), "device");
  EXPECT_TRUE(plugin.published.volumeCapability->block.has_value());
  EXPECT_EQ(plugin.staged.stagingTargetPath, blocks + "/staging/pv-1");
  EXPECT_EQ(plugin.published.targetPath, blocks + "/publish/pv-1/uid-web");
  // The next kubelet ends it.
  h.stop();
  plugin.registered = {};
  h.start();
  ASSERT_TRUE(h.until([&] { return plugin.registered.pluginRegistered; }));
  deletePod();
  EXPECT_EQ(plugin.count("NodeUnpublishVolume vol-1"), 1U);
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_EQ(csiMounts(), 0U);
  EXPECT_FALSE(h.files.exists(blocks + "/pv-1"));
  EXPECT_TRUE(h.files.list(blocks + "/publish")->empty());
  EXPECT_FALSE(h.files.exists(link));
}

TEST_F(CsiBlockTest, FailuresAreOfMapping) {
  plugin.failures["NodePublishVolume"] = net::grpc::toStatus(net::grpc::Code::Internal, "no");
  h.client.put(podWithDevice());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning FailedMapVolume MapVolume.MapPodDevice failed for volume \"pv-1\" : "
                      "rpc error: code = Internal desc = no");
  }));
}

TEST_F(CsiBlockTest, WhatIsNoFileSystemIsNotMounted) {
  h.client.put(podWithClaim());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent(
        "web",
        "Warning FailedMount MountVolume.SetUp failed for volume \"v\" : volume v has "
        "volumeMode Block, but is specified in volumeMounts");
  }));
}

}  // namespace
}  // namespace coxswain::kubelet
