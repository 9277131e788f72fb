// Volumes whose files come from the API: config maps, secrets, downward, projected, tokens.

#include "kubelet/volume/testing/volume_manager_fixture.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using testing::VolumeManagerTest;

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

}  // namespace
}  // namespace coxswain::kubelet
