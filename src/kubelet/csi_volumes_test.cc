// CSI volumes of pods, through a whole kubelet in virtual time with a driver in memory.

#include "kubelet/testing/csi_fixture.h"
#include "net/grpc/grpc.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::storage::v1::CSINode;
using testing::CsiKubeletTest;
using testing::kInUse;
using testing::kSocket;

TEST_F(CsiKubeletTest, ACsiNodeIsThereWithoutDrivers) {
  ASSERT_TRUE(h.until([&] { return h.client.peek<CSINode>("", "node-1") != nullptr; }));
  EXPECT_TRUE(h.client.peek<CSINode>("", "node-1")->spec.drivers.empty());
}

TEST_F(CsiKubeletTest, AClaimIsReportedAttachedStagedPublishedAndAllOfItEnds) {
  registerDriver();
  putClaim();
  h.client.put(podWithClaim());
  ASSERT_TRUE(h.until([&] { return inUse() == std::vector<std::string>{kInUse}; }));
  h.runFor(10s);
  EXPECT_EQ(plugin.count("NodeStageVolume vol-1"), 0U) << "before it is attached";
  attach();
  ASSERT_TRUE(runs());
  EXPECT_EQ(plugin.staged.publishContext.at("device"), "/dev/x");
  EXPECT_EQ(plugin.staged.volumeContext.at("kind"), "fast");
  EXPECT_EQ(plugin.staged.volumeCapability->mount->fsType, "ext4");
  EXPECT_EQ(plugin.published.stagingTargetPath, plugin.staged.stagingTargetPath);
  EXPECT_EQ(plugin.published.targetPath, target("web", "pv-1"));
  const auto* container = h.runtime.find("web", "app");
  const auto& mounts = container->config.mounts;
  EXPECT_TRUE(std::any_of(mounts.begin(), mounts.end(), [](const auto& mount) {
    return mount.containerPath == "/data" && mount.hostPath == target("web", "pv-1");
  }));
  EXPECT_EQ(csiMounts(), 2U);

  deletePod();
  EXPECT_EQ(plugin.count("NodeUnpublishVolume vol-1"), 1U);
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_EQ(csiMounts(), 0U);
  EXPECT_TRUE(h.until([&] { return inUse().empty(); }));
}

TEST_F(CsiKubeletTest, WithoutAttachingNothingIsReported) {
  setDriver([](auto& spec) { spec.attachRequired = false; });
  registerDriver();
  putClaim();
  h.client.put(podWithClaim());
  ASSERT_TRUE(runs());
  EXPECT_TRUE(plugin.staged.publishContext.empty());
  EXPECT_TRUE(inUse().empty());
}

TEST_F(CsiKubeletTest, TheNextKubeletEndsWhatThisOneMounted) {
  registerDriver();
  putClaim();
  attach();
  h.client.put(podWithClaim());
  ASSERT_TRUE(runs());
  const auto id = h.runtime.find("web", "app")->id;
  h.stop();
  plugin.registered = {};
  h.start();
  ASSERT_TRUE(h.until([&] { return plugin.registered.pluginRegistered; }));
  h.runFor(2min);
  EXPECT_EQ(h.runtime.find("web", "app")->id, id) << "the container lives on";
  EXPECT_EQ(inUse(), std::vector<std::string>{kInUse});
  EXPECT_EQ(csiMounts(), 2U);
  deletePod();
  EXPECT_EQ(csiMounts(), 0U);
  EXPECT_TRUE(h.until([&] { return inUse().empty(); }));
}

TEST_F(CsiKubeletTest, APodWaitsForItsDriver) {
  setDriver([](auto& spec) { spec.attachRequired = false; });
  putClaim();
  h.client.put(podWithClaim());
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning FailedMount MountVolume.MountDevice failed for volume \"pv-1\" : "
                      "kubernetes.io/csi: attacher.MountDevice failed to create "
                      "newCsiDriverClient: driver name x.test not found in the list of "
                      "registered CSI drivers");
  }));
  registerDriver();
  EXPECT_TRUE(h.until([&] { return h.runs("web", "app"); }, 2s)) << "at once";
}

TEST_F(CsiKubeletTest, WhatTheDriverSaysIsToldInEvents) {
  setDriver([](auto& spec) { spec.attachRequired = false; });
  registerDriver();
  plugin.failures["NodePublishVolume"] = net::grpc::toStatus(net::grpc::Code::Internal, "no space");
  putClaim();
  h.client.put(podWithClaim());
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning FailedMount MountVolume.SetUp failed for volume \"pv-1\" : rpc "
                      "error: code = Internal desc = no space");
  }));
  // A pod that never came so far ends all the same.
  deletePod();
  EXPECT_EQ(csiMounts(), 0U);
}

TEST_F(CsiKubeletTest, InlineVolumesGetWhatTheirDriverAsksFor) {
  setDriver([](auto& spec) {
    spec.podInfoOnMount = true;
    spec.tokenRequests.emplace_back().audience = "vault";
  });
  registerDriver();
  Secret secret;
  secret.metadata.name = "key";
  secret.metadata.namespace_ = "default";
  secret.data["k"] = "s3cr3t";
  h.client.put(std::move(secret));
  Pod pod = podWithInline();
  pod.spec.volumes[0].volumeSource.csi->nodePublishSecretRef.emplace().name = "key";
  h.client.put(std::move(pod));
  ASSERT_TRUE(runs());
  EXPECT_EQ(plugin.count("NodeStageVolume " + csi::inlineHandle("uid-web", "v")), 0U);
  const auto& context = plugin.published.volumeContext;
  EXPECT_EQ(plugin.published.volumeId, csi::inlineHandle("uid-web", "v"));
  EXPECT_EQ(plugin.published.targetPath, target("web", "v"));
  EXPECT_EQ(plugin.published.secrets.at("k"), "s3cr3t");
  EXPECT_EQ(context.at("size"), "1");
  EXPECT_EQ(context.at("csi.storage.k8s.io/ephemeral"), "true");
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.name"), "web");
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.namespace"), "default");
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.uid"), "uid-web");
  EXPECT_EQ(context.at("csi.storage.k8s.io/serviceAccount.name"), "robot");
  const std::string& tokens = context.at("csi.storage.k8s.io/serviceAccount.tokens");
  EXPECT_TRUE(tokens.starts_with("{\"vault\":{\"expirationTimestamp\":\"20")) << tokens;
  EXPECT_NE(tokens.find("\"token\":\""), std::string::npos) << tokens;
  EXPECT_TRUE(inUse().empty());
  deletePod();
  EXPECT_EQ(csiMounts(), 0U);
}

TEST_F(CsiKubeletTest, TokensInSecretsWhereTheDriverWantsThat) {
  setDriver([](auto& spec) {
    spec.tokenRequests.emplace_back().audience = "";
    spec.serviceAccountTokenInSecrets = true;
  });
  registerDriver();
  h.client.put(podWithInline());
  ASSERT_TRUE(runs());
  EXPECT_FALSE(plugin.published.volumeContext.contains("csi.storage.k8s.io/serviceAccount.tokens"));
  EXPECT_TRUE(plugin.published.secrets.contains("csi.storage.k8s.io/serviceAccount.tokens"));
}

TEST_F(CsiKubeletTest, InlineVolumesNeedTheirMode) {
  setDriver([](auto& spec) { spec.volumeLifecycleModes = {"Persistent"}; });
  registerDriver();
  h.client.put(podWithInline());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning FailedMount MountVolume.SetUp failed for volume \"v\" : volume mode "
                      "\"Ephemeral\" not supported by driver x.test (only supports "
                      "[\"Persistent\"])");
  }));
}

TEST_F(CsiKubeletTest, PublishedAgainWhereTheDriverWantsThat) {
  setDriver([](auto& spec) {
    spec.attachRequired = false;
    spec.requiresRepublish = true;
    spec.tokenRequests.emplace_back().audience = "vault";
  });
  registerDriver();
  putClaim();
  h.client.put(podWithClaim());
  ASSERT_TRUE(runs());
  const size_t first = plugin.count("NodePublishVolume vol-1");
  ASSERT_TRUE(h.until([&] { return plugin.count("NodePublishVolume vol-1") >= first + 3; }, 10min));
  EXPECT_EQ(plugin.count("NodeStageVolume vol-1"), 1U);
}

TEST_F(CsiKubeletTest, ThePodsGroupByTheDriversPolicy) {
  struct {
    const char* name;
    const char* policy;
    const char* fsType;
    bool mountGroup;
    bool owned;
  } rows[] = {
      {"by-default", "", "ext4", false, true},
      {"by-default-without-type", "", "", false, false},
      {"none", "None", "ext4", false, false},
      {"file", "File", "", false, true},
      {"by-the-driver", "File", "ext4", true, false},
  };
  setDriver([](auto& spec) { spec.attachRequired = false; });
  registerDriver();
  int i = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    setDriver([&](auto& spec) {
      spec.fsGroupPolicy =
          *row.policy != '\0' ? std::optional<std::string>(row.policy) : std::nullopt;
    });
    if (row.mountGroup) {
      plugin.capabilities.push_back(csi::VOLUME_MOUNT_GROUP);
      EXPECT_TRUE(h.files.remove(kSocket).ok());
      h.runFor(5s);
      plugin.registered = {};
      registerDriver();
    }
    putClaim([&](PersistentVolume& volume) {
      volume.spec.persistentVolumeSource.csi->fsType = row.fsType;
    });
    Pod pod = podWithClaim("web" + std::to_string(++i));
    pod.spec.securityContext.getOrCreate().fsGroup = 4711;
    const std::string name = pod.metadata.name;
    h.client.put(std::move(pod));
    ASSERT_TRUE(runs(name));
    EXPECT_EQ(h.files.stat(target(name, "pv-1"))->gid, row.owned ? 4711U : 0U);
    EXPECT_EQ(plugin.published.volumeCapability->mount->volumeMountGroup,
              row.mountGroup ? "4711" : "");
    deletePod(name);
    EXPECT_TRUE(h.client.erase<PersistentVolumeClaim>("default", "data").ok());
    EXPECT_TRUE(h.client.erase<PersistentVolume>("", "pv-1").ok());
  }
}

}  // namespace
}  // namespace coxswain::kubelet
