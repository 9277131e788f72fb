// What holds for volumes of every kind: mounts, failures, leftovers of an earlier life.

#include "kubelet/volume/testing/volume_manager_fixture.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;
using api::core::v1::Volume;
using testing::VolumeManagerTest;

TEST_F(VolumeManagerTest, APodWithoutVolumesIsReadyAtOnce) {
  EXPECT_TRUE(mount(1s).ok());
  EXPECT_TRUE(mounts()->empty());
  EXPECT_FALSE(manager->podsOnDisk().size());
}

TEST_F(VolumeManagerTest, VolumesThatNobodyUsesAreNotMade) {
  add("scratch").volumeSource.emptyDir.emplace();
  Volume other;
  other.name = "unused";
  other.volumeSource.configMap.emplace().localObjectReference.name = "gone";
  pod.spec.volumes.push_back(other);
  EXPECT_TRUE(mount(10s).ok());
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

TEST_F(VolumeManagerTest, UnknownKindsAreRefusedWithAMessage) {
  add("n").volumeSource.nfs.emplace().server = "x";
  auto& out = fresh();
  spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
  executor.runFor(1s);
  EXPECT_NE(eventTexts().front().find("no volume plugin matched"), std::string::npos);
}

}  // namespace
}  // namespace coxswain::kubelet
