#include "up/teardown.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "kubelet/cri/testing/fake_runtime.h"
#include "runtime/reactor.h"

namespace coxswain::up {
namespace {

TEST(MountsBelow, InnermostFirstAndOnlyThose) {
  constexpr std::string_view kText =
      "22 1 0:21 / /data rw - ext4 /dev/vda rw\n"
      "23 22 0:22 / /data/a\\040b rw - tmpfs tmpfs rw\n"
      "24 23 0:23 / /data/a\\040b/c rw - tmpfs tmpfs rw\n"
      "25 22 0:24 / /data2 rw - tmpfs tmpfs rw\n";
  EXPECT_EQ(mountsBelow(kText, "/data"),
            (std::vector<std::string>{"/data/a b/c", "/data/a b", "/data"}));
  EXPECT_TRUE(mountsBelow(kText, "/dat").empty());
  EXPECT_TRUE(mountsBelow("", "/data").empty());
}

TEST(UnmountBelow, FreesAFolder) {
  std::string folder = "/tmp/teardown-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  auto inner = folder + "/one two";
  std::filesystem::create_directory(inner);
  if (::mount("none", inner.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "may not mount";
  EXPECT_TRUE(unmountBelow(folder).ok());
  EXPECT_TRUE(std::filesystem::remove(inner));
  std::filesystem::remove_all(folder);
}

TEST(RemoveCgroups, TakesEmptyFoldersOfEveryHierarchy) {
  std::string root = "/tmp/teardown-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::filesystem::create_directories(root + "/cpu/kubepods/burstable/pod1/c1");
  std::filesystem::create_directories(root + "/memory/kubepods/besteffort");
  std::filesystem::create_directories(root + "/memory/other");
  removeCgroups(root, "kubepods");
  EXPECT_FALSE(std::filesystem::exists(root + "/cpu/kubepods"));
  EXPECT_FALSE(std::filesystem::exists(root + "/memory/kubepods"));
  EXPECT_TRUE(std::filesystem::exists(root + "/memory/other"));
  std::filesystem::remove_all(root);
}

Task<Status> twoPods(kubelet::cri::testing::FakeRuntime& runtime, bool remove) {
  for (std::string name : {"a", "b"}) {
    kubelet::cri::PodSandboxConfig sandbox;
    sandbox.metadata.emplace();
    sandbox.metadata->name = name;
    CO_TRY(auto sandboxId, co_await runtime.runPodSandbox(sandbox, "", std::stop_token()));
    kubelet::cri::ContainerConfig config;
    config.metadata.emplace();
    config.metadata->name = "main";
    config.image.emplace();
    config.image->image = "x";
    CO_TRY(auto id,
           co_await runtime.createContainer(sandboxId, config, sandbox, std::stop_token()));
    CO_TRY_STATUS(co_await runtime.startContainer(id, std::stop_token()));
  }
  co_return co_await endPods(runtime, 5, remove, std::stop_token());
}

TEST(EndPods, StopsContainersBeforeSandboxes) {
  Reactor reactor;
  kubelet::cri::testing::FakeRuntime runtime(reactor);
  runtime.addImage("x");
  Status status = blockOn(reactor, twoPods(runtime, false));
  EXPECT_TRUE(status.ok()) << status.toString();
  EXPECT_EQ(runtime.countCalls("StopContainer"), 2U);
  EXPECT_EQ(runtime.countCalls("StopPodSandbox"), 2U);
  EXPECT_EQ(runtime.sandboxes.size(), 2U);
}

TEST(EndPods, OneFailureDoesNotStopTheRest) {
  Reactor reactor;
  kubelet::cri::testing::FakeRuntime runtime(reactor);
  runtime.addImage("x");
  runtime.reaction = [](std::string_view call, std::string_view subject) {
    return call == "StopPodSandbox" && subject == "a" ? internalError("no") : Status();
  };
  EXPECT_FALSE(blockOn(reactor, twoPods(runtime, true)).ok());
  EXPECT_EQ(runtime.sandboxes.size(), 1U);
}

TEST(ShimsOf, NobodyServesASocketThatIsNot) {
  EXPECT_TRUE(shimsOf("/nowhere/containerd.sock").empty());
}

}  // namespace
}  // namespace coxswain::up
