// The volume manager over the real disk and mount table.

#include <gtest/gtest.h>
#include <stdlib.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::Secret;

class RealMountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/coxswain-volumes-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root = name;
    ASSERT_TRUE(files.mkdirs(root + "/try").ok());
    if (!mounter.tmpfs(root + "/try", 0, 0755).ok()) GTEST_SKIP() << "may not mount here";
    ASSERT_TRUE(mounter.unmount(root + "/try").ok());
    VolumeManagerOptions options;
    options.rootDir = root;
    manager = std::make_unique<VolumeManager>(
        VolumeManager::Dependencies{cluster, executor, random, files, mounter, objects, events,
                                    nullptr},
        options);
  }
  void TearDown() override {
    if (manager) {
      bool done = false;
      spawn(executor, stopAll(done));
      EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
    }
    EXPECT_TRUE(mounter.unmountAll(root).ok());
    EXPECT_TRUE(files.removeAll(root).ok());
  }
  Task<void> stopAll(bool& done) {
    co_await manager->stop();
    co_await objects.stop();
    co_await events.stop();
    done = true;
  }
  Task<void> live(std::shared_ptr<const Pod> pod, std::vector<ContainerMount>& mounts,
                  std::optional<Status>& out) {
    Status status = co_await manager->mountPod(pod, {});
    if (status.ok()) {
      auto container = std::make_shared<Container>(pod->spec.containers[0]);
      auto made = co_await manager->containerMounts(pod, container, {}, {});
      if (made.ok()) mounts = *made;
      status = made.status();
    }
    out = status;
  }
  Task<void> die(std::string uid, std::optional<Status>& out) {
    out = co_await manager->unmountPod(std::move(uid), {});
  }

  std::string root;
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  SystemFiles files;
  SystemMounter mounter;
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  ObjectCache objects{cluster, executor};
  std::unique_ptr<VolumeManager> manager;
};

TEST_F(RealMountsTest, APodsVolumesComeAndGo) {
  Secret secret;
  secret.metadata.name = "s";
  secret.metadata.namespace_ = "ns";
  secret.data = {{"password", "pw"}};
  cluster.put(secret);
  Pod pod;
  pod.metadata.name = "web";
  pod.metadata.namespace_ = "ns";
  pod.metadata.uid = "u1";
  pod.spec.containers.resize(1);
  auto& container = pod.spec.containers[0];
  container.name = "c";
  pod.spec.volumes.resize(2);
  pod.spec.volumes[0].name = "s";
  pod.spec.volumes[0].volumeSource.secret.emplace().secretName = "s";
  pod.spec.volumes[1].name = "mem";
  pod.spec.volumes[1].volumeSource.emptyDir.emplace().medium = "Memory";
  pod.spec.volumes[1].volumeSource.emptyDir->sizeLimit = api::Quantity::parse("1Mi").value();
  container.volumeMounts.resize(3);
  container.volumeMounts[0].name = "s";
  container.volumeMounts[0].mountPath = "/s";
  container.volumeMounts[1].name = "s";
  container.volumeMounts[1].mountPath = "/pw";
  container.volumeMounts[1].subPath = "password";
  container.volumeMounts[2].name = "mem";
  container.volumeMounts[2].mountPath = "/mem";
  container.volumeMounts[2].subPath = "a/b";

  std::vector<ContainerMount> mounts;
  std::optional<Status> out;
  spawn(executor, live(std::make_shared<Pod>(pod), mounts, out));
  ASSERT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
  ASSERT_TRUE(out->ok()) << out->toString();
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(files.read(mounts[0].hostPath + "/password").value(), "pw");
  EXPECT_EQ(files.read(mounts[1].hostPath).value(), "pw");
  EXPECT_TRUE(files.stat(mounts[2].hostPath)->isDirectory());
  EXPECT_TRUE(files.write(mounts[2].hostPath + "/f", "x").ok());
  const auto size = files.statfs(mounts[2].hostPath);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(size->bytes, 1u << 20);

  out.reset();
  spawn(executor, die("u1", out));
  ASSERT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
  EXPECT_TRUE(out->ok()) << out->toString();
  EXPECT_FALSE(files.exists(root + "/pods/u1"));
  const auto left = mounter.list().value();
  for (const auto& mount : left) EXPECT_FALSE(mount.path.starts_with(root));
}

}  // namespace
}  // namespace coxswain::kubelet
