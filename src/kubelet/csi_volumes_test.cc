// CSI volumes of pods, through a whole kubelet in virtual time with a driver in memory.

#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/server/backend.h"
#include "kubelet/testing/kubelet_harness.h"
#include "net/grpc/grpc.h"
#include "runtime/sim/run_task.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Event;
using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using api::storage::v1::CSIDriver;
using api::storage::v1::CSINode;
using api::storage::v1::VolumeAttachment;

constexpr const char* kSocket = "/var/lib/kubelet/plugins_registry/x.sock";
constexpr const char* kInUse = "kubernetes.io/csi/x.test^vol-1";

class CsiKubeletTest : public ::testing::Test {
 protected:
  void SetUp() override {
    h.withPlugins = true;
    h.plugins.plugins[kSocket] = &plugin;
    CSIDriver driver;
    driver.metadata.name = "x.test";
    driver.spec.volumeLifecycleModes = {"Persistent", "Ephemeral"};
    h.client.put(std::move(driver));
    ServiceAccount account;
    account.metadata.name = "robot";
    account.metadata.namespace_ = "default";
    h.client.put(std::move(account));
    h.start();
  }
  void TearDown() override { h.stop(); }

  void registerDriver() {
    h.files.putSpecial(kSocket, FileType::Socket);
    ASSERT_TRUE(h.until([&] { return plugin.registered.pluginRegistered; }));
  }
  void setDriver(const std::function<void(api::storage::v1::CSIDriverSpec&)>& edit) {
    h.client.change<CSIDriver>("", "x.test", [&](CSIDriver& d) { edit(d.spec); });
  }

  static api::Quantity amount(const char* text) { return api::Quantity::parse(text).value(); }
  void putClaim(const std::function<void(PersistentVolume&)>& edit = nullptr) {
    PersistentVolume volume;
    volume.metadata.name = "pv-1";
    volume.spec.accessModes = {"ReadWriteOnce"};
    volume.spec.capacity = {{"storage", amount("1Gi")}};
    auto& source = volume.spec.persistentVolumeSource.csi.emplace();
    source.driver = "x.test";
    source.volumeHandle = "vol-1";
    source.fsType = "ext4";
    source.volumeAttributes = {{"kind", "fast"}};
    volume.spec.claimRef.emplace().uid = "claim-uid";
    if (edit) edit(volume);
    h.client.put(std::move(volume));
    PersistentVolumeClaim claim;
    claim.metadata.name = "data";
    claim.metadata.namespace_ = "default";
    claim.metadata.uid = "claim-uid";
    claim.spec.volumeName = "pv-1";
    claim.spec.resources.requests = {{"storage", amount("1Gi")}};
    claim.status.phase = "Bound";
    claim.status.capacity = {{"storage", amount("1Gi")}};
    h.client.put(std::move(claim));
  }
  void attach() {
    VolumeAttachment attachment;
    attachment.metadata.name = csi::attachmentName("vol-1", "x.test", "node-1");
    attachment.status.attached = true;
    attachment.status.attachmentMetadata = {{"device", "/dev/x"}};
    h.client.put(std::move(attachment));
  }
  static Pod podWithClaim(const std::string& name = "web") {
    Pod pod = testing::KubeletHarness::pod(name);
    pod.spec.serviceAccountName = "robot";
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "v";
    volume.volumeSource.persistentVolumeClaim.emplace().claimName = "data";
    mountAll(pod);
    return pod;
  }
  static void mountAll(Pod& pod) {
    auto& mount = pod.spec.containers[0].volumeMounts.emplace_back();
    mount.name = "v";
    mount.mountPath = "/data";
  }
  static Pod podWithInline() {
    Pod pod = testing::KubeletHarness::pod("web");
    pod.spec.serviceAccountName = "robot";
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "v";
    auto& source = volume.volumeSource.csi.emplace();
    source.driver = "x.test";
    source.volumeAttributes = {{"size", "1"}};
    mountAll(pod);
    return pod;
  }
  static std::string target(const std::string& pod, const std::string& name) {
    return "/var/lib/kubelet/pods/uid-" + pod + "/volumes/kubernetes.io~csi/" + name + "/mount";
  }
  bool runs(const std::string& pod = "web") {
    return h.until([&] { return h.runs(pod, "app"); }, 5min);
  }
  void deletePod(const std::string& name = "web") {
    EXPECT_TRUE(h.client.erase<Pod>("default", name).ok());
    EXPECT_TRUE(h.until([&] { return h.peek(name) == nullptr; }, 5min));
  }
  std::vector<std::string> inUse() {
    return h.client.peek<Node>("", "node-1")->status.volumesInUse;
  }
  size_t csiMounts() {
    const auto all = h.mounter.list();
    return static_cast<size_t>(std::count_if(all->begin(), all->end(), [](const auto& mount) {
      return mount.path.find("csi") != std::string::npos;
    }));
  }

  testing::KubeletHarness h;
  csi::testing::FakePlugin plugin{"x.test", h.files, h.mounter};
};

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

class CsiGrowthTest : public CsiKubeletTest {
 protected:
  void SetUp() override {
    CsiKubeletTest::SetUp();
    setDriver([](auto& spec) { spec.attachRequired = false; });
    registerDriver();
    putClaim();
    h.client.put(podWithClaim());
    ASSERT_TRUE(runs());
  }
  /// What a user and a resizer did.
  void growVolume(const char* size) {
    h.client.change<PersistentVolume>("", "pv-1", [&](PersistentVolume& volume) {
      volume.spec.capacity["storage"] = amount(size);
    });
    h.client.change<PersistentVolumeClaim>("default", "data", [&](PersistentVolumeClaim& claim) {
      claim.spec.resources.requests["storage"] = amount(size);
      claim.status.allocatedResourceStatuses["storage"] = "NodeResizePending";
      auto& condition = claim.status.conditions.emplace_back();
      condition.type = "FileSystemResizePending";
      condition.status = "True";
    });
  }
  std::shared_ptr<const PersistentVolumeClaim> claim() {
    return h.client.peek<PersistentVolumeClaim>("default", "data");
  }
};

TEST_F(CsiGrowthTest, AMountedVolumeGrows) {
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] { return claim()->status.capacity.at("storage") == amount("2Gi"); }));
  EXPECT_EQ(plugin.expanded.capacityRange->requiredBytes, int64_t{2} << 30);
  EXPECT_EQ(plugin.expanded.volumePath, target("web", "pv-1"));
  EXPECT_EQ(plugin.expanded.stagingTargetPath, plugin.staged.stagingTargetPath);
  EXPECT_TRUE(claim()->status.conditions.empty());
  EXPECT_TRUE(claim()->status.allocatedResourceStatuses.empty());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Normal FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded "
                      "for volume \"pv-1\" node-1");
  }));
  h.runFor(5min);
  EXPECT_EQ(plugin.count("NodeExpandVolume vol-1"), 1U);
}

TEST_F(CsiGrowthTest, AClaimThatSaysAnothersVolumeIsItsOwnGetsNothingOfIt) {
  PersistentVolume other;
  other.metadata.name = "pv-2";
  other.spec.capacity = {{"storage", amount("9Gi")}};
  other.spec.persistentVolumeSource.hostPath.emplace().path = "/x";
  other.spec.claimRef.emplace().uid = "other-uid";
  h.client.put(other);
  // Its user made the claim anew below the pod.
  h.client.change<PersistentVolumeClaim>("default", "data", [&](PersistentVolumeClaim& claim) {
    claim.metadata.uid = "later-uid";
    claim.spec.volumeName = "pv-2";
    claim.spec.resources.requests["storage"] = amount("9Gi");
  });
  h.runFor(2min);
  EXPECT_EQ(plugin.count("NodeExpandVolume"), 0U);
  // Nor where the volume agrees: another one is mounted.
  h.client.change<PersistentVolume>(
      "", "pv-2", [](PersistentVolume& volume) { volume.spec.claimRef->uid = "later-uid"; });
  h.runFor(2min);
  EXPECT_EQ(plugin.count("NodeExpandVolume"), 0U);
  EXPECT_EQ(claim()->status.capacity.at("storage"), amount("1Gi"));
}

TEST_F(CsiGrowthTest, AFailureIsToldAndTriedAgain) {
  plugin.failures["NodeExpandVolume"] = net::grpc::toStatus(net::grpc::Code::Internal, "not now");
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning VolumeResizeFailed NodeExpandVolume.NodeExpandVolume failed for "
                      "volume \"pv-1\" : rpc error: code = Internal desc = not now");
  }));
  EXPECT_TRUE(std::ranges::any_of(claim()->status.conditions,
                                  [](const auto& c) { return c.type == "NodeResizeError"; }));
  plugin.failures.clear();
  ASSERT_TRUE(
      h.until([&] { return claim()->status.capacity.at("storage") == amount("2Gi"); }, 5min));
  EXPECT_TRUE(claim()->status.conditions.empty());
}

TEST_F(CsiGrowthTest, WhatCanNeverBeIsNotAskedAgain) {
  plugin.failures["NodeExpandVolume"] =
      net::grpc::toStatus(net::grpc::Code::OutOfRange, "too large");
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] {
    const auto* state = claim()->status.allocatedResourceStatuses.get("storage");
    return state != nullptr && *state == "NodeResizeInfeasible";
  }));
  const size_t tries = plugin.count("NodeExpandVolume failed");
  h.runFor(20min);
  EXPECT_EQ(plugin.count("NodeExpandVolume failed"), tries);
}

TEST_F(CsiGrowthTest, StatisticsAreTheDrivers) {
  auto& usage = plugin.stats.usage.emplace_back();
  usage.unit = csi::BYTES;
  usage.available = 100;
  usage.total = 300;
  usage.used = 200;
  auto metrics = sim::runTask(h.executor, h.kubelet->backend().metricsText({}));
  ASSERT_TRUE(metrics.ok());
  EXPECT_NE(metrics->find("kubelet_volume_stats_used_bytes{namespace=\"default\","
                          "persistentvolumeclaim=\"data\"} 200\n"),
            std::string::npos)
      << *metrics;
  EXPECT_EQ(metrics->find("kubelet_volume_stats_inodes"), std::string::npos);
  auto summary = sim::runTask(h.executor, h.kubelet->backend().statsSummary({}));
  ASSERT_TRUE(summary.ok());
  EXPECT_NE(summary->find("\"availableBytes\":100,\"capacityBytes\":300,\"name\":\"v\","
                          "\"pvcRef\":{\"name\":\"data\",\"namespace\":\"default\"}"),
            std::string::npos)
      << *summary;
}

}  // namespace
}  // namespace coxswain::kubelet
