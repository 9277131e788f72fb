#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "base/log.h"
#include "client/testing/fake_client.h"
#include "kubelet/csi/driver_handler.h"
#include "kubelet/csi/testing/fake_plugin.h"
#include "kubelet/csi/volumes.h"
#include "net/grpc/grpc.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/run_task.h"

namespace coxswain::kubelet::csi {
namespace {

using api::core::v1::Node;
using api::storage::v1::CSINode;

constexpr const char* kSocket = "/k/plugins_registry/x.sock";

TEST(CsiDriver, Versions) {
  struct {
    const char* text;
    const char* result;
  } rows[] = {
      {"1.0.0", "1.0.0"},
      {"v1.2.3", "1.2.3"},
      {"1.5", "1.5.0"},
      {"1.0.0-rc1", "1.0.0"},
      {"1", "refused"},
      {"", "refused"},
      {"x", "refused"},
      {"1.x", "refused"},
      {"1.2.3.4", "refused"},
      {"1.-2", "refused"},
      {"99999999999.1", "refused"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto version = parseVersion(row.text);
    const std::string said = version.ok() ? std::to_string(version->major) + "." +
                                                std::to_string(version->minor) + "." +
                                                std::to_string(version->patch)
                                          : "refused";
    EXPECT_EQ(said, row.result);
  }
  EXPECT_EQ(highestSupported({"0.3.0", "1.1.0", "1.0.5", "2.0.0"}).value(), (Version{1, 1, 0}));
  EXPECT_FALSE(highestSupported({"0.3.0", "2.0.0"}).ok());
  EXPECT_FALSE(highestSupported({}).ok());
}

TEST(CsiDriver, Names) {
  for (const char* good : {"x", "csi.example.com", "A-b_c.9"}) {
    EXPECT_TRUE(checkDriverName(good).ok()) << good;
  }
  for (const char* bad : {"", ".x", "x-", "a/b", "..", "a b"}) {
    EXPECT_FALSE(checkDriverName(bad).ok()) << bad;
  }
  EXPECT_TRUE(checkDriverName(std::string(63, 'a')).ok());
  EXPECT_FALSE(checkDriverName(std::string(64, 'a')).ok());
}

TEST(CsiVolumeData, IsReadAsItWasWritten) {
  VolumeData data;
  data.driverName = "x.test";
  data.volumeHandle = "h";
  data.specVolId = "pv";
  data.nodeName = "n";
  data.attachmentId = attachmentName("h", "x.test", "n");
  data.lifecycleMode = "Persistent";
  const auto read = parseVolumeData(volumeDataJson(data));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->attachmentId, data.attachmentId);
  EXPECT_EQ(read->specVolId, "pv");
  // sha256("hx.testn"), by sha256sum.
  EXPECT_EQ(data.attachmentId,
            "csi-a6473d2bba99ec16f7ca61ab0679ef036f993ed69635d47eb836ec68c2a0997c");
  EXPECT_FALSE(parseVolumeData("{\"driverName\":\"x\"}").ok());
  EXPECT_FALSE(parseVolumeData("[]").ok());
}

class PluginsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setLogLevel(LogLevel::Off);
    ASSERT_TRUE(files.mkdirs("/k/plugins_registry").ok());
    Node node;
    node.metadata.name = "n1";
    cluster.put(std::move(node));
    channels.plugins[kSocket] = &plugin;
    watcher.addHandler("CSIPlugin", handler);
    watcher.start();
  }
  void TearDown() override {
    sim::runTask(executor, watcher.stop());
    sim::runTask(executor, handler.stop());
    drivers = {};
    EXPECT_EQ(channels.openChannels, 0U);
    setLogLevel(LogLevel::Info);
  }
  void appear() { files.putSpecial(kSocket, FileType::Socket); }
  bool until(const std::function<bool()>& condition) { return executor.runUntil(condition, 5min); }
  std::string annotation() {
    const auto node = cluster.peek<Node>("", "n1");
    const auto* text = node->metadata.annotations.get("csi.volume.kubernetes.io/nodeid");
    return text != nullptr ? *text : "";
  }

  sim::SimExecutor executor;
  client::testing::FakeClient cluster{executor};
  sim::MemoryFiles files;
  sim::MemoryMounter mounter{files};
  sim::MemoryFileWatches watches{files};
  testing::FakePlugin plugin{"x.test", files, mounter};
  testing::FakePluginChannels channels;
  Drivers drivers;
  NodeInfoWriter nodeInfo{cluster, "n1"};
  DriverHandler handler{executor, channels, drivers, nodeInfo};
  PluginWatcher watcher{{executor, files, &watches, channels}, "/k/plugins_registry"};
};

TEST_F(PluginsTest, ADriverThatRegistersIsToldToTheCluster) {
  plugin.node.maxVolumesPerNode = 5;
  plugin.node.accessibleTopology.getOrCreate().segments = {{"topology.x.test/zone", "z1"}};
  appear();
  ASSERT_TRUE(until([&] { return plugin.registered.pluginRegistered; }));
  EXPECT_EQ(plugin.registered.error, "");
  EXPECT_NE(drivers.find("x.test"), nullptr);
  const auto stored = cluster.peek<CSINode>("", "n1");
  ASSERT_NE(stored, nullptr);
  ASSERT_EQ(stored->spec.drivers.size(), 1U);
  const auto& driver = stored->spec.drivers[0];
  EXPECT_EQ(driver.name, "x.test");
  EXPECT_EQ(driver.nodeID, "node-id-1");
  EXPECT_EQ(driver.topologyKeys, std::vector<std::string>{"topology.x.test/zone"});
  ASSERT_TRUE(driver.allocatable.has_value());
  EXPECT_EQ(driver.allocatable->count, 5);
  ASSERT_EQ(stored->metadata.ownerReferences.size(), 1U);
  EXPECT_EQ(stored->metadata.ownerReferences[0].kind, "Node");
  EXPECT_EQ(annotation(), "{\"x.test\":\"node-id-1\"}");
  EXPECT_EQ(cluster.peek<Node>("", "n1")->metadata.labels.at("topology.x.test/zone"), "z1");

  // It goes with its socket; labels stay, as upstream.
  EXPECT_TRUE(files.remove(kSocket).ok());
  ASSERT_TRUE(until([&] { return annotation().empty(); }));
  EXPECT_EQ(drivers.find("x.test"), nullptr);
  EXPECT_TRUE(cluster.peek<CSINode>("", "n1")->spec.drivers.empty());
  EXPECT_EQ(cluster.peek<Node>("", "n1")->metadata.labels.at("topology.x.test/zone"), "z1");
}

TEST_F(PluginsTest, AnOlderPluginsEndDoesNotEndItsSuccessor) {
  appear();
  ASSERT_TRUE(until([&] { return plugin.registered.pluginRegistered; }));
  constexpr const char* kNewer = "/k/plugins_registry/newer.sock";
  testing::FakePlugin newer{"x.test", files, mounter};
  newer.info.supportedVersions = {"1.9.0"};
  channels.plugins[kNewer] = &newer;
  files.putSpecial(kNewer, FileType::Socket);
  ASSERT_TRUE(until([&] { return newer.registered.pluginRegistered; }));
  EXPECT_TRUE(files.remove(kSocket).ok());
  executor.runFor(1min);
  ASSERT_NE(drivers.find("x.test"), nullptr);
  EXPECT_EQ(drivers.find("x.test")->endpoint(), kNewer);
  EXPECT_EQ(annotation(), "{\"x.test\":\"node-id-1\"}");
  EXPECT_TRUE(files.remove(kNewer).ok());
  ASSERT_TRUE(until([&] { return annotation().empty(); }));
}

TEST_F(PluginsTest, WhatIsNoDriverOfOursIsToldWhy) {
  plugin.info.type = "DevicePlugin";
  appear();
  ASSERT_TRUE(until([&] { return !plugin.registered.error.empty(); }));
  EXPECT_EQ(plugin.registered.error,
            "RegisterPlugin error -- no handler registered for plugin type: DevicePlugin at socket "
            "/k/plugins_registry/x.sock");
  plugin.info.type = "CSIPlugin";
  plugin.info.supportedVersions = {"0.3.0"};
  ASSERT_TRUE(until([&] {
    return plugin.registered.error.find("None of the versions specified [\"0.3.0\"]") !=
           std::string::npos;
  })) << plugin.registered.error;
  plugin.info.supportedVersions = {"1.0.0"};
  plugin.info.name = "../x";
  ASSERT_TRUE(until(
      [&] { return plugin.registered.error.find("invalid driver name") != std::string::npos; }));
  plugin.info.name = "y.test";
  ASSERT_TRUE(until([&] {
    return plugin.registered.error.find("was registered as \"y.test\"") != std::string::npos;
  }));
  EXPECT_EQ(drivers.find("y.test"), nullptr);
  // It is asked again and again, ever more rarely: what it says may become right.
  plugin.info.name = "x.test";
  ASSERT_TRUE(until([&] { return plugin.registered.pluginRegistered; }));
}

TEST_F(PluginsTest, TheNodesLabelsWin) {
  cluster.change<Node>("", "n1", [](Node& node) { node.metadata.labels["zone"] = "z2"; });
  plugin.node.accessibleTopology.getOrCreate().segments = {{"zone", "z1"}};
  appear();
  ASSERT_TRUE(until([&] { return !plugin.registered.error.empty(); }));
  EXPECT_NE(plugin.registered.error.find("detected topology value collision: driver reported "
                                         "\"zone\":\"z1\" but existing label is \"zone\":\"z2\""),
            std::string::npos)
      << plugin.registered.error;
}

TEST_F(PluginsTest, HowManyVolumesFitIsAskedAgainWhereTheDriverWantsThat) {
  api::storage::v1::CSIDriver object;
  object.metadata.name = "x.test";
  object.spec.nodeAllocatableUpdatePeriodSeconds = 60;
  cluster.put(std::move(object));
  plugin.node.maxVolumesPerNode = 5;
  appear();
  ASSERT_TRUE(until([&] { return plugin.registered.pluginRegistered; }));
  plugin.node.maxVolumesPerNode = 3;
  const auto count = [&] {
    return cluster.peek<CSINode>("", "n1")->spec.drivers.at(0).allocatable->count;
  };
  ASSERT_TRUE(until([&] { return count() == 3; }));
  const auto writes = cluster.writes();
  executor.runFor(10min);
  EXPECT_EQ(cluster.writes(), writes) << "what stays the same is not written";
}

TEST_F(PluginsTest, ARefusedWriteIsTriedAgain) {
  cluster.faults.error = 0.25;
  cluster.faults.conflict = 0.3;
  appear();
  ASSERT_TRUE(until([&] { return plugin.registered.pluginRegistered; }));
  EXPECT_EQ(annotation(), "{\"x.test\":\"node-id-1\"}");
}

class CsiVolumesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setLogLevel(LogLevel::Off);
    channels.plugins["/x.sock"] = &plugin;
    driver =
        std::make_shared<Driver>("x.test", "/x.sock", Version{1, 0, 0}, channels.open("/x.sock"));
    restart();
    drivers.put(driver);
  }
  void TearDown() override { setLogLevel(LogLevel::Info); }
  void restart() {
    volumes = std::make_unique<Volumes>(
        Volumes::Dependencies{executor, files, mounter, drivers, [this] { ++changes; }}, "/k");
    volumes->load();
  }
  std::shared_ptr<MountSpec> specOf(const std::string& uid) {
    auto spec = std::make_shared<MountSpec>();
    spec->data.driverName = "x.test";
    spec->data.volumeHandle = "vol-1";
    spec->data.specVolId = "pv";
    spec->data.lifecycleMode = "Persistent";
    spec->folder = "/k/pods/" + uid + "/volumes/kubernetes.io~csi/pv";
    return spec;
  }
  Status mount(const std::string& uid) {
    const auto spec = specOf(uid);
    const Status staged = sim::runTask(executor, volumes->stage(spec, {}));
    if (!staged.ok()) return staged;
    return sim::runTask(executor, volumes->publish(spec, {})).status();
  }
  Status unmount(const std::string& uid) {
    return sim::runTask(executor, volumes->unmountPod("/k/pods/" + uid, {}));
  }

  sim::SimExecutor executor;
  sim::MemoryFiles files;
  sim::MemoryMounter mounter{files};
  testing::FakePlugin plugin{"x.test", files, mounter};
  testing::FakePluginChannels channels;
  std::shared_ptr<Driver> driver;
  Drivers drivers;
  std::unique_ptr<Volumes> volumes;
  int changes = 0;
};

TEST_F(CsiVolumesTest, StagedOnceForAllPodsOfTheNode) {
  ASSERT_TRUE(mount("u1").ok());
  ASSERT_TRUE(mount("u2").ok());
  EXPECT_EQ(plugin.count("NodeStageVolume vol-1"), 1U);
  EXPECT_EQ(plugin.count("NodePublishVolume vol-1"), 2U);
  ASSERT_TRUE(unmount("u1").ok());
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 0U);
  ASSERT_TRUE(unmount("u2").ok());
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_EQ(plugin.count("NodeUnpublishVolume vol-1"), 2U);
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_TRUE(files.list("/k/plugins/kubernetes.io/csi/x.test")->empty());
  EXPECT_TRUE(files.list("/k/pods/u1/volumes/kubernetes.io~csi")->empty());
}

TEST_F(CsiVolumesTest, ALaterKubeletEndsWhatThisOneBegan) {
  ASSERT_TRUE(mount("u1").ok());
  restart();
  EXPECT_EQ(volumes->inUse(), std::vector<std::string>{"kubernetes.io/csi/x.test^vol-1"});
  ASSERT_TRUE(unmount("u1").ok());
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_TRUE(volumes->inUse().empty());
  EXPECT_TRUE(mounter.list()->empty());
}

TEST_F(CsiVolumesTest, StagedOnlyIsUnstagedWhenItsDriverComes) {
  ASSERT_TRUE(sim::runTask(executor, volumes->stage(specOf("u1"), {})).ok());
  restart();  // nothing was published: no pod is known to use it
  sim::runTask(executor, volumes->unstageUnused("x.test", {}));
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_TRUE(volumes->inUse().empty());
  EXPECT_TRUE(mounter.list()->empty());
}

TEST_F(CsiVolumesTest, APodThatCameNoFurtherThanStagingIsUnstaged) {
  ASSERT_TRUE(sim::runTask(executor, volumes->stage(specOf("u1"), {})).ok());
  ASSERT_TRUE(unmount("u1").ok());
  EXPECT_EQ(plugin.count("NodeUnstageVolume vol-1"), 1U);
  EXPECT_TRUE(mounter.list()->empty());
}

TEST_F(CsiVolumesTest, FailuresLeaveWhatANextTryNeeds) {
  ASSERT_TRUE(mount("u1").ok());
  for (const char* method : {"NodeUnpublishVolume", "NodeUnstageVolume"}) {
    plugin.failures[method] = net::grpc::toStatus(net::grpc::Code::Internal, "no");
    const Status failed = unmount("u1");
    EXPECT_NE(failed.message().find("rpc error: code = Internal desc = no"), std::string::npos);
    plugin.failures.clear();
    if (std::string_view(method) == "NodeUnpublishVolume") restart();
  }
  ASSERT_TRUE(unmount("u1").ok());
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_TRUE(volumes->inUse().empty());
}

TEST_F(CsiVolumesTest, WithoutItsDriverNothingIsLost) {
  ASSERT_TRUE(mount("u1").ok());
  drivers.remove(*driver);
  const Status failed = unmount("u1");
  EXPECT_NE(failed.message().find("driver name x.test not found in the list of registered CSI"),
            std::string::npos)
      << failed.message();
  EXPECT_EQ(mounter.list()->size(), 2U);
  drivers.put(driver);
  EXPECT_TRUE(unmount("u1").ok());
}

TEST_F(CsiVolumesTest, AClaimedVolumeWaitsUntilTheClusterKnows) {
  std::optional<Status> done;
  spawn(executor, sim::detail::into(volumes->claim(specOf("u1"), {}), done));
  executor.runFor(5s);
  EXPECT_FALSE(done.has_value());
  EXPECT_EQ(changes, 1);
  volumes->reported(volumes->inUse());
  executor.runFor(1s);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->ok());
}

TEST_F(CsiVolumesTest, AccessModesInCsisTerms) {
  struct {
    const char* mode;
    int32_t plain;
    int32_t fine;
  } rows[] = {
      {"ReadWriteOnce", SINGLE_NODE_WRITER, SINGLE_NODE_MULTI_WRITER},
      {"ReadOnlyMany", MULTI_NODE_READER_ONLY, MULTI_NODE_READER_ONLY},
      {"ReadWriteMany", MULTI_NODE_MULTI_WRITER, MULTI_NODE_MULTI_WRITER},
      {"ReadWriteOncePod", SINGLE_NODE_WRITER, SINGLE_NODE_SINGLE_WRITER},
  };
  for (const bool fine : {false, true}) {
    if (fine) plugin.capabilities.push_back(SINGLE_NODE_MULTI_WRITER_CAPABILITY);
    auto other =
        std::make_shared<Driver>("x.test", "/x.sock", Version{1, 0, 0}, channels.open("/x.sock"));
    drivers.put(other);
    for (const auto& row : rows) {
      SCOPED_TRACE(row.mode);
      auto spec = specOf("u1");
      spec->accessMode = row.mode;
      ASSERT_TRUE(sim::runTask(executor, volumes->publish(spec, {})).ok());
      EXPECT_EQ(plugin.published.volumeCapability->accessMode->mode, fine ? row.fine : row.plain);
    }
  }
}

}  // namespace
}  // namespace coxswain::kubelet::csi
