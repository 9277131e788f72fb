#include "kubelet/volume/volume_manager.h"

#include <gtest/gtest.h>

#include <deque>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Container;
using api::core::v1::Event;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using api::core::v1::Volume;

class VolumeManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_TRUE(files.mkdirs("/tmp").ok());
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.metadata.labels = {{"app", "web"}};
    pod.spec.serviceAccountName = "robot";
    pod.spec.containers.resize(1);
    pod.spec.containers[0].name = "c";
    restart();
  }
  void TearDown() override { stopManager(true); }

  /// A kubelet that comes up anew over the same disk and mounts.
  void restart() {
    if (manager) stopManager(false);
    objects = std::make_unique<ObjectCache>(cluster, executor);
    VolumeManager::Dependencies dependencies{
        cluster, executor, random, files, mounter, *objects, events, [](const Pod&) {
          EnvironmentFacts facts;
          facts.nodeAllocatable = {{"memory", api::Quantity::parse("1Gi").value()}};
          return facts;
        }};
    VolumeManagerOptions options;
    options.rootDir = "/k";
    manager = std::make_unique<VolumeManager>(std::move(dependencies), options);
  }
  Task<void> stopAll(bool withEvents, bool& done) {
    co_await manager->stop();
    co_await objects->stop();
    if (withEvents) co_await events.stop();
    done = true;
  }
  void stopManager(bool withEvents) {
    bool done = false;
    spawn(executor, stopAll(withEvents, done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }

  Volume& add(const std::string& name, const std::string& path = "/data") {
    Volume volume;
    volume.name = name;
    pod.spec.volumes.push_back(volume);
    api::core::v1::VolumeMount mount;
    mount.name = name;
    mount.mountPath = path;
    pod.spec.containers[0].volumeMounts.push_back(mount);
    return pod.spec.volumes.back();
  }
  Task<void> mountInto(std::shared_ptr<const Pod> which, std::optional<Status>& out) {
    out = co_await manager->mountPod(which, {});
  }
  Status mount(Duration limit = 10min) {
    auto& out = fresh();
    spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, limit));
    return out.value_or(canceled());
  }
  Task<void> mountsInto(std::vector<EnvironmentVariable> env,
                        std::optional<Result<std::vector<ContainerMount>>>& out) {
    auto shared = std::make_shared<Pod>(pod);
    auto container = std::make_shared<Container>(pod.spec.containers[0]);
    auto made = co_await manager->containerMounts(shared, container, std::move(env), {});
    out.emplace(std::move(made));
  }
  Result<std::vector<ContainerMount>> mounts(std::vector<EnvironmentVariable> env = {}) {
    std::optional<Result<std::vector<ContainerMount>>> out;
    spawn(executor, mountsInto(std::move(env), out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
    return std::move(*out);
  }
  Task<void> unmountInto(std::string uid, std::optional<Status>& out) {
    out = co_await manager->unmountPod(std::move(uid), {});
  }
  Status unmount(const std::string& uid = "u1") {
    auto& out = fresh();
    spawn(executor, unmountInto(uid, out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
    return out.value_or(canceled());
  }
  std::string text(const std::string& path) {
    auto data = files.read(path);
    return data.ok() ? *data : data.status().toString();
  }
  std::vector<std::string> eventTexts() {
    executor.runFor(1s);
    std::vector<std::string> texts;
    for (const auto& event : cluster.peekAll<Event>()) {
      texts.push_back(event->reason + ": " + event->message);
    }
    return texts;
  }
  void putMap(const std::string& name, api::Map<std::string> data) {
    ConfigMap map;
    map.metadata.name = name;
    map.metadata.namespace_ = "ns";
    map.data = std::move(data);
    cluster.put(std::move(map));
  }
  void putSecret(const std::string& name, api::Map<api::Bytes> data) {
    Secret secret;
    secret.metadata.name = name;
    secret.metadata.namespace_ = "ns";
    secret.data = std::move(data);
    cluster.put(std::move(secret));
  }
  static std::string dir(const std::string& kind, const std::string& name) {
    return "/k/pods/u1/volumes/kubernetes.io~" + kind + "/" + name;
  }

  /// A place for an outcome that may come only when the manager stops.
  std::optional<Status>& fresh() { return outcomes.emplace_back(); }

  std::deque<std::optional<Status>> outcomes;
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  sim::MemoryFiles files;
  sim::MemoryMounter mounter{files};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  std::unique_ptr<ObjectCache> objects;
  std::unique_ptr<VolumeManager> manager;
  Pod pod;
};

TEST_F(VolumeManagerTest, APodWithoutVolumesIsReadyAtOnce) {
  EXPECT_TRUE(mount(1s).ok());
  EXPECT_TRUE(mounts()->empty());
  EXPECT_FALSE(manager->podsOnDisk().size());
}

TEST_F(VolumeManagerTest, EmptyDir) {
  add("scratch").volumeSource.emptyDir.emplace();
  auto& memory = add("mem", "mem").volumeSource.emptyDir.emplace();
  memory.medium = "Memory";
  memory.sizeLimit = api::Quantity::parse("64Mi").value();
  pod.spec.securityContext.emplace().fsGroup = 2000;
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->mode, 02777u);
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->gid, 2000u);
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 64u << 20);
  auto made = mounts();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 2u);
  EXPECT_EQ((*made)[0].hostPath, dir("empty-dir", "scratch"));
  EXPECT_EQ((*made)[0].containerPath, "/data");
  EXPECT_EQ((*made)[0].propagation, "None");
  EXPECT_FALSE((*made)[0].readOnly);
  EXPECT_EQ((*made)[1].containerPath, "/mem");

  // What the container does to it stays, over restarts of the kubelet too.
  ASSERT_TRUE(files.write(dir("empty-dir", "scratch") + "/f", "mine").ok());
  ASSERT_TRUE(files.write(dir("empty-dir", "mem") + "/f", "mine").ok());
  ASSERT_TRUE(files.chmod(dir("empty-dir", "scratch"), 0700).ok());
  restart();
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->mode, 0700u);
  EXPECT_EQ(text(dir("empty-dir", "mem") + "/f"), "mine");
  EXPECT_EQ(mounter.list()->size(), 1u);

  EXPECT_TRUE(manager->hasVolumes("u1"));
  ASSERT_TRUE(unmount().ok());
  EXPECT_FALSE(manager->hasVolumes("u1"));
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_FALSE(files.exists("/k/pods/u1"));
}

TEST_F(VolumeManagerTest, MemoryIsBoundedByThePodAndTheNode) {
  add("mem").volumeSource.emptyDir.emplace().medium = "Memory";
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 1u << 30);
  ASSERT_TRUE(unmount().ok());
  pod.spec.containers[0].resources.limits = {{"memory", api::Quantity::parse("128Mi").value()}};
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 128u << 20);
}

TEST_F(VolumeManagerTest, VolumesThatNobodyUsesAreNotMade) {
  add("scratch").volumeSource.emptyDir.emplace();
  Volume other;
  other.name = "unused";
  other.volumeSource.configMap.emplace().localObjectReference.name = "gone";
  pod.spec.volumes.push_back(other);
  EXPECT_TRUE(mount(10s).ok());
}

TEST_F(VolumeManagerTest, ConfigMapFilesAsUsersSeeThem) {
  putMap("m", {{"a", "1"}, {"b", "2"}});
  auto& source = add("cfg").volumeSource.configMap.emplace();
  source.localObjectReference.name = "m";
  source.defaultMode = 0640;
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("configmap", "cfg");
  EXPECT_EQ(text(folder + "/a"), "1");
  EXPECT_EQ(files.readlink(folder + "/a").value(), "..data/a");
  const std::string dated = files.readlink(folder + "/..data").value();
  EXPECT_TRUE(dated.starts_with("..20") || dated.starts_with("..1970")) << dated;
  EXPECT_EQ(files.stat(folder + "/a")->mode, 0640u);
  EXPECT_TRUE(mounts()->front().readOnly);

  cluster.change<ConfigMap>("ns", "m", [](ConfigMap& m) { m.data = {{"a", "new"}, {"c", "3"}}; });
  ASSERT_TRUE(executor.runUntil([&] { return text(folder + "/a") == "new"; }, 5s));
  EXPECT_EQ(text(folder + "/c"), "3");
  EXPECT_FALSE(files.exists(folder + "/b"));
  EXPECT_NE(files.readlink(folder + "/..data").value(), dated);
  EXPECT_FALSE(files.exists(folder + "/" + dated));
  EXPECT_EQ(files.list(folder)->size(), 4u);
}

TEST_F(VolumeManagerTest, NothingIsWrittenWhereAllIsThere) {
  putMap("m", {{"a", "1"}});
  add("cfg").volumeSource.configMap.emplace().localObjectReference.name = "m";
  ASSERT_TRUE(mount().ok());
  const std::string dated = files.readlink(dir("configmap", "cfg") + "/..data").value();
  restart();
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.readlink(dir("configmap", "cfg") + "/..data").value(), dated);
}

TEST_F(VolumeManagerTest, MissingConfigMapIsToldAndComesLater) {
  add("cfg").volumeSource.configMap.emplace().localObjectReference.name = "m";
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  executor.runFor(5s);
  EXPECT_FALSE(out.has_value());
  EXPECT_EQ(eventTexts(),
            std::vector<std::string>{"FailedMount: MountVolume.SetUp failed for volume \"cfg\" : "
                                     "configmap \"m\" not found"});
  putMap("m", {{"a", "1"}});
  // At once: nobody waits for the backoff.
  ASSERT_TRUE(executor.runUntil([&] { return out.has_value(); }, 100ms));
  EXPECT_TRUE(out->ok());
}

TEST_F(VolumeManagerTest, GivesUpAfterAWhile) {
  add("b").volumeSource.configMap.emplace().localObjectReference.name = "m";
  add("a").volumeSource.secret.emplace().secretName = "s";
  add("ok").volumeSource.emptyDir.emplace();
  const Status status = mount();
  EXPECT_TRUE(isTimeout(status));
  EXPECT_EQ(status.message(),
            "unmounted volumes=[a b], unattached volumes=[], failed to process volumes=[]: "
            "context deadline exceeded");
  putMap("m", {});
  putSecret("s", {});
  EXPECT_TRUE(mount().ok());
}

TEST_F(VolumeManagerTest, ItemsModesAndOptionalKeys) {
  putMap("m", {{"a", "1"}, {"b", "2"}});
  auto& source = add("cfg").volumeSource.configMap.emplace();
  source.localObjectReference.name = "m";
  source.items.resize(2);
  source.items[0].key = "a";
  source.items[0].path = "deep/er/x";
  source.items[0].mode = 0400;
  source.items[1].key = "none";
  source.items[1].path = "y";
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  EXPECT_FALSE(executor.runUntil([&] { return out.has_value(); }, 3s));
  EXPECT_EQ(eventTexts().front(),
            "FailedMount: MountVolume.SetUp failed for volume \"cfg\" : configmap references "
            "non-existent config key: none");
  ASSERT_TRUE(unmount().ok());
  ASSERT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1s));
  EXPECT_TRUE(isCanceled(*out));
  pod.spec.volumes[0].volumeSource.configMap->optional = true;
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(text(dir("configmap", "cfg") + "/deep/er/x"), "1");
  EXPECT_EQ(files.stat(dir("configmap", "cfg") + "/deep/er/x")->mode, 0400u);
  EXPECT_EQ(files.readlink(dir("configmap", "cfg") + "/deep").value(), "..data/deep");
  EXPECT_FALSE(files.exists(dir("configmap", "cfg") + "/y"));
}

TEST_F(VolumeManagerTest, OptionalObjectsMayComeAndGo) {
  auto& source = add("s").volumeSource.secret.emplace();
  source.secretName = "s";
  source.optional = true;
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("secret", "s");
  EXPECT_TRUE(mounter.isMountPoint(folder).value());
  putSecret("s", {{"k", "v"}});
  EXPECT_TRUE(executor.runUntil([&] { return text(folder + "/k") == "v"; }, 5s));
  ASSERT_TRUE(cluster.erase<Secret>("ns", "s").ok());
  EXPECT_TRUE(executor.runUntil([&] { return !files.exists(folder + "/k"); }, 5s));
}

TEST_F(VolumeManagerTest, DownwardFilesFollowLabels) {
  auto& source = add("info").volumeSource.downwardAPI.emplace();
  source.items.resize(2);
  source.items[0].path = "labels";
  source.items[0].fieldRef.emplace().fieldPath = "metadata.labels";
  source.items[1].path = "mem";
  auto& resource = source.items[1].resourceFieldRef.emplace();
  resource.containerName = "c";
  resource.resource = "limits.memory";
  resource.divisor = api::Quantity::parse("1Mi").value();
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("downward-api", "info");
  EXPECT_EQ(text(folder + "/labels"), "app=\"web\"");
  EXPECT_EQ(text(folder + "/mem"), "1024");
  pod.metadata.labels = {{"app", "db"}};
  ASSERT_TRUE(mount().ok());
  EXPECT_TRUE(executor.runUntil([&] { return text(folder + "/labels") == "app=\"db\""; }, 5s));
}

TEST_F(VolumeManagerTest, ProjectedWithRotatingToken) {
  ServiceAccount account;
  account.metadata.name = "robot";
  account.metadata.namespace_ = "ns";
  cluster.put(account);
  putMap("ca", {{"ca.crt", "CA"}});
  auto& sources = add("api", "/var/run/secrets").volumeSource.projected.emplace().sources;
  sources.resize(3);
  auto& token = sources[0].serviceAccountToken.emplace();
  token.path = "token";
  token.expirationSeconds = 1000;
  auto& map = sources[1].configMap.emplace();
  map.localObjectReference.name = "ca";
  map.items.resize(1);
  map.items[0].key = "ca.crt";
  map.items[0].path = "ca.crt";
  auto& field = sources[2].downwardAPI.emplace().items.emplace_back();
  field.path = "namespace";
  field.fieldRef.emplace().fieldPath = "metadata.namespace";
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("projected", "api");
  EXPECT_EQ(text(folder + "/token"), "token-1");
  EXPECT_EQ(text(folder + "/ca.crt"), "CA");
  EXPECT_EQ(text(folder + "/namespace"), "ns");
  EXPECT_EQ(files.stat(folder + "/token")->mode, 0644u);

  executor.runFor(790s);
  EXPECT_EQ(text(folder + "/token"), "token-1");
  cluster.change<ConfigMap>("ns", "ca", [](ConfigMap& m) { m.data["ca.crt"] = "CA2"; });
  executor.runFor(1s);
  EXPECT_EQ(text(folder + "/ca.crt"), "CA2");
  EXPECT_EQ(text(folder + "/token"), "token-1");
  executor.runFor(20s);
  EXPECT_EQ(text(folder + "/token"), "token-2");
  executor.runFor(801s);
  EXPECT_EQ(text(folder + "/token"), "token-3");
}

TEST_F(VolumeManagerTest, TokensAreNewAfterTheMachineSlept) {
  ServiceAccount account;
  account.metadata.name = "robot";
  account.metadata.namespace_ = "ns";
  cluster.put(account);
  auto& sources = add("api").volumeSource.projected.emplace().sources;
  sources.resize(1);
  sources[0].serviceAccountToken.emplace().path = "token";
  ASSERT_TRUE(mount().ok());
  const std::string path = dir("projected", "api") + "/token";
  EXPECT_EQ(text(path), "token-1");
  executor.suspend(12h);
  // The next sync of the pod sees it, long before the timer would.
  ASSERT_TRUE(mount().ok());
  EXPECT_TRUE(executor.runUntil([&] { return text(path) == "token-2"; }, 1s));
}

TEST_F(VolumeManagerTest, TokenFilesBelongToTheContainersUser) {
  ServiceAccount account;
  account.metadata.name = "robot";
  account.metadata.namespace_ = "ns";
  cluster.put(account);
  pod.spec.containers[0].securityContext.emplace().runAsUser = 1000;
  auto& sources = add("api").volumeSource.projected.emplace().sources;
  sources.resize(1);
  sources[0].serviceAccountToken.emplace().path = "token";
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.stat(dir("projected", "api") + "/token")->mode, 0600u);
  EXPECT_EQ(files.stat(dir("projected", "api") + "/token")->uid, 1000u);
}

TEST_F(VolumeManagerTest, ProjectedTellsAllThatFailed) {
  auto& sources = add("all").volumeSource.projected.emplace().sources;
  sources.resize(3);
  sources[0].serviceAccountToken.emplace().path = "token";
  sources[1].configMap.emplace().localObjectReference.name = "m";
  sources[2].secret.emplace().localObjectReference.name = "s";
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  executor.runFor(3s);
  EXPECT_EQ(eventTexts().front(),
            "FailedMount: MountVolume.SetUp failed for volume \"all\" : [failed to fetch token: "
            "serviceaccounts \"robot\" not found, configmap \"m\" not found, secret \"s\" not "
            "found]");
}

TEST_F(VolumeManagerTest, HostPathTypes) {
  ASSERT_TRUE(files.mkdirs("/host/dir").ok());
  ASSERT_TRUE(files.write("/host/file", "x").ok());
  files.putSpecial("/host/sock", FileType::Socket);
  files.putSpecial("/host/char", FileType::CharDevice);
  files.putSpecial("/host/block", FileType::BlockDevice);
  struct Row {
    const char* path;
    const char* type;
    const char* failure;  ///< empty: none
  };
  const Row rows[] = {
      {"/host/none", "", ""},
      {"/host/dir", "Directory", ""},
      {"/host/file", "Directory", "hostPath type check failed: /host/file is not a directory"},
      {"/host/none", "Directory", "hostPath type check failed: /host/none is not a directory"},
      {"/host/new/dir", "DirectoryOrCreate", ""},
      {"/host/file", "DirectoryOrCreate",
       "hostPath type check failed: /host/file is not a directory"},
      {"/host/file", "File", ""},
      {"/host/dir", "File", "hostPath type check failed: /host/dir is not a file"},
      {"/host/newfile", "FileOrCreate", ""},
      {"/host/dir", "FileOrCreate", "hostPath type check failed: /host/dir is not a file"},
      {"/host/sock", "Socket", ""},
      {"/host/file", "Socket", "hostPath type check failed: /host/file is not a socket file"},
      {"/host/char", "CharDevice", ""},
      {"/host/dir", "CharDevice",
       "hostPath type check failed: /host/dir is not a character device"},
      {"/host/block", "BlockDevice", ""},
      {"/host/dir", "BlockDevice", "hostPath type check failed: /host/dir is not a block device"},
      {"/host/dir", "Nonsense", "Nonsense is an invalid volume type"},
  };
  auto& source = add("h").volumeSource.hostPath.emplace();
  for (const auto& row : rows) {
    source.path = row.path;
    source.type = row.type;
    pod.metadata.name = std::string("p-") + std::to_string(&row - rows);
    auto& out = fresh();
    spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
    executor.runFor(1s);
    if (*row.failure == 0) {
      ASSERT_TRUE(out && out->ok()) << row.path << " " << row.type;
      EXPECT_EQ(mounts()->front().hostPath, row.path);
    } else {
      EXPECT_FALSE(out.has_value()) << row.path << " " << row.type;
      bool told = false;
      for (const auto& event : cluster.peekAll<Event>()) {
        told = told || (event->involvedObject.name == pod.metadata.name &&
                        event->message == "MountVolume.SetUp failed for volume \"h\" : " +
                                              std::string(row.failure));
      }
      EXPECT_TRUE(told) << row.path << " " << row.type;
    }
    ASSERT_TRUE(unmount().ok());
    executor.runFor(1s);
  }
  EXPECT_TRUE(files.stat("/host/new/dir")->isDirectory());
  EXPECT_TRUE(files.stat("/host/newfile")->isRegular());
  EXPECT_EQ(text("/host/file"), "x");
}

TEST_F(VolumeManagerTest, SubPaths) {
  add("scratch").volumeSource.emptyDir.emplace();
  auto& mount0 = pod.spec.containers[0].volumeMounts[0];
  mount0.subPath = "a/b";
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("empty-dir", "scratch");
  auto made = mounts();
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_EQ((*made)[0].hostPath, "/k/pods/u1/volume-subpaths/scratch/c/0");
  EXPECT_TRUE(files.stat(folder + "/a/b")->isDirectory());
  ASSERT_TRUE(files.write((*made)[0].hostPath + "/f", "x").ok());
  EXPECT_EQ(text(folder + "/a/b/f"), "x");
  // A container that comes again gets it anew, not on top.
  ASSERT_TRUE(mounts().ok());
  EXPECT_EQ(mounter.list()->size(), 1u);

  mount0.subPath.clear();
  mount0.subPathExpr = "$(POD)/logs";
  ASSERT_TRUE(mounts({{"POD", "web"}}).ok());
  EXPECT_TRUE(files.stat(folder + "/web/logs")->isDirectory());
  EXPECT_EQ(mounts().status().message(), "missing value for \"POD\"");
  mount0.subPathExpr.clear();

  mount0.subPath = "/abs";
  EXPECT_EQ(mounts().status().message(), "error SubPath `/abs` must not be an absolute path");
  mount0.subPath = "a/../../x";
  EXPECT_EQ(mounts().status().message(),
            "unable to provision SubPath `a/../../x`: must not contain '..'");
  ASSERT_TRUE(files.symlink("/etc", folder + "/evil").ok());
  mount0.subPath = "evil/x";
  EXPECT_EQ(mounts().status().message(),
            "failed to create subPath directory for volumeMount \"scratch\" of container \"c\"");
  EXPECT_FALSE(files.exists("/etc/x"));

  ASSERT_TRUE(unmount().ok());
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_FALSE(files.exists("/k/pods/u1"));
}

TEST_F(VolumeManagerTest, AMountOfNoVolumeIsRefused) {
  add("scratch").volumeSource.emptyDir.emplace();
  pod.spec.containers[0].volumeMounts[0].name = "other";
  EXPECT_TRUE(mount().ok());
  EXPECT_EQ(mounts().status().message(),
            "cannot find volume \"other\" to mount into container \"c\"");
}

TEST_F(VolumeManagerTest, OrphansOfAnEarlierLifeAreCleanedUp) {
  add("scratch").volumeSource.emptyDir.emplace().medium = "Memory";
  ASSERT_TRUE(mount().ok());
  restart();
  EXPECT_EQ(manager->podsOnDisk(), std::vector<std::string>{"u1"});
  EXPECT_TRUE(manager->hasVolumes("u1"));
  ASSERT_TRUE(unmount().ok());
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_TRUE(manager->podsOnDisk().empty());
  EXPECT_FALSE(unmount("../..").ok());
  EXPECT_FALSE(unmount("").ok());
  EXPECT_TRUE(unmount("never-seen").ok());
}

TEST_F(VolumeManagerTest, WhatStaysMountedIsNotDestroyed) {
  add("scratch").volumeSource.emptyDir.emplace();
  ASSERT_TRUE(files.mkdirs("/precious").ok());
  ASSERT_TRUE(files.write("/precious/f", "x").ok());
  ASSERT_TRUE(mount().ok());
  const std::string inner = dir("empty-dir", "scratch") + "/m";
  ASSERT_TRUE(files.mkdirs(inner).ok());
  ASSERT_TRUE(mounter.bind("/precious", inner, {}).ok());
  mounter.reaction = [](std::string_view verb, const std::string&) {
    return verb == "unmount" ? internalError("busy") : Status();
  };
  EXPECT_FALSE(unmount().ok());
  EXPECT_EQ(text("/precious/f"), "x");
  mounter.reaction = nullptr;
  EXPECT_TRUE(unmount().ok());
  EXPECT_EQ(text("/precious/f"), "x");
}

TEST_F(VolumeManagerTest, ADiskThatFailsIsTriedAgain) {
  add("scratch").volumeSource.emptyDir.emplace();
  files.reaction = [](std::string_view verb, const std::string&) {
    return verb == "mkdir" ? errnoStatus("mkdir", ENOSPC) : Status();
  };
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  executor.runFor(3s);
  EXPECT_FALSE(out.has_value());
  EXPECT_EQ(eventTexts().front(),
            "FailedMount: MountVolume.SetUp failed for volume \"scratch\" : mkdir: No space left "
            "on device");
  files.reaction = nullptr;
  EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 10s));
  EXPECT_TRUE(out->ok());
}

TEST_F(VolumeManagerTest, ClaimsOfHostPathAndLocalVolumes) {
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  EXPECT_EQ(mount().message(),
            "unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: "
            "error processing PVC ns/claim: failed to fetch PVC from API server: "
            "persistentvolumeclaims \"claim\" not found");
  PersistentVolumeClaim claim;
  claim.metadata.name = "claim";
  claim.metadata.namespace_ = "ns";
  claim.spec.volumeName = "pv";
  const auto stored = cluster.put(claim);
  executor.runFor(5s);
  EXPECT_TRUE(mount().message().ends_with("error processing PVC ns/claim: PVC is not bound"));
  cluster.change<PersistentVolumeClaim>("ns", "claim",
                                        [](PersistentVolumeClaim& c) { c.status.phase = "Bound"; });
  ASSERT_TRUE(files.mkdirs("/disk").ok());
  PersistentVolume volume;
  volume.metadata.name = "pv";
  volume.spec.claimRef.emplace().uid = stored->metadata.uid;
  volume.spec.persistentVolumeSource.local.emplace().path = "/disk";
  cluster.put(volume);
  executor.runFor(5s);
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("local-volume", "pv");
  EXPECT_EQ(mounts()->front().hostPath, folder);
  ASSERT_TRUE(files.write(folder + "/f", "kept").ok());
  ASSERT_TRUE(unmount().ok());
  EXPECT_EQ(text("/disk/f"), "kept");
  const auto texts = eventTexts();
  EXPECT_EQ(texts.front().rfind("FailedMount: Unable to attach or mount volumes: unmounted "
                                "volumes=[data], unattached volumes=[], failed to process "
                                "volumes=[data]: error processing PVC ns/claim: ",
                                0),
            0u)
      << texts.front();
}

class LocalClaimTest : public VolumeManagerTest {
 protected:
  static api::Quantity amount(const char* text) { return api::Quantity::parse(text).value(); }
  void putClaim(const std::string& path, const char* mode) {
    PersistentVolumeClaim claim;
    claim.metadata.name = "claim";
    claim.metadata.namespace_ = "ns";
    claim.spec.volumeName = "pv";
    claim.spec.volumeMode = mode;
    claim.status.phase = "Bound";
    claim.status.capacity = {{"storage", amount("1Gi")}};
    claim.status.allocatedResourceStatuses = {{"storage", "NodeResizePending"}};
    claim.status.conditions.resize(2);
    claim.status.conditions[0].type = "FileSystemResizePending";
    claim.status.conditions[1].type = "ModifyingVolume";
    const auto stored = cluster.put(claim);
    PersistentVolume volume;
    volume.metadata.name = "pv";
    volume.spec.capacity = {{"storage", amount("2Gi")}};
    volume.spec.claimRef.emplace().uid = stored->metadata.uid;
    volume.spec.persistentVolumeSource.local.emplace().path = path;
    cluster.put(volume);
  }
};

TEST_F(LocalClaimTest, AFolderHasTheSizeThatItsVolumeSays) {
  ASSERT_TRUE(files.mkdirs("/disk").ok());
  putClaim("/disk", "Filesystem");
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  ASSERT_TRUE(mount().ok());
  const auto claim = cluster.peek<PersistentVolumeClaim>("ns", "claim");
  EXPECT_EQ(claim->status.capacity.at("storage"), amount("2Gi"));
  EXPECT_TRUE(claim->status.allocatedResourceStatuses.empty());
  ASSERT_EQ(claim->status.conditions.size(), 1U);
  EXPECT_EQ(claim->status.conditions[0].type, "ModifyingVolume");
}

TEST_F(LocalClaimTest, ADeviceIsLinked) {
  ASSERT_TRUE(files.mkdirs("/dev").ok());
  files.putSpecial("/dev/x", FileType::BlockDevice);
  putClaim("/dev/x", "Block");
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  auto& container = pod.spec.containers[0];
  container.volumeMounts.clear();
  auto& use = container.volumeDevices.emplace_back();
  use.name = "data";
  use.devicePath = "/dev/data";
  ASSERT_TRUE(mount().ok());
  const auto devices = manager->containerDevices(pod, container);
  ASSERT_TRUE(devices.ok());
  ASSERT_EQ(devices->size(), 1U);
  const std::string link = "/k/pods/u1/volumeDevices/kubernetes.io~local-volume/pv";
  EXPECT_EQ(devices->front().hostPath, link);
  EXPECT_EQ(devices->front().containerPath, "/dev/data");
  EXPECT_EQ(files.readlink(link).valueOr(""), "/dev/x");
  EXPECT_TRUE(manager->hasVolumes("u1"));
  ASSERT_TRUE(unmount().ok());
  EXPECT_FALSE(files.exists(link));
  EXPECT_TRUE(files.exists("/dev/x"));
}

TEST_F(VolumeManagerTest, UnknownKindsAreRefusedWithAMessage) {
  add("n").volumeSource.nfs.emplace().server = "x";
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  executor.runFor(1s);
  EXPECT_NE(eventTexts().front().find("no volume plugin matched"), std::string::npos);
}

}  // namespace
}  // namespace coxswain::kubelet
