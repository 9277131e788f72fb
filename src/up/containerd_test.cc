#include "up/containerd.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pause/pause_image.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::up {
namespace {

TEST(ContainerdConfig, SaysWhatItWasGiven) {
  ContainerdSettings settings;
  settings.root = "/data/a \"b\"";
  settings.socket = "/run/c.sock";
  settings.snapshotter = "native";
  auto text = containerdConfig(settings);
  EXPECT_NE(text.find("root = \"/data/a \\\"b\\\"\"\n"), std::string::npos);
  EXPECT_NE(text.find("snapshotter = \"native\"\n"), std::string::npos);
  EXPECT_EQ(text.find("restrict_oom_score_adj"), std::string::npos);
  settings.restrictOomScore = true;
  EXPECT_NE(containerdConfig(settings).find("restrict_oom_score_adj = true\n"), std::string::npos);
}

/// A real containerd in a folder of its own.
class ContainerdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !findProgram("containerd").ok())
      GTEST_SKIP() << "no root or containerd";
    std::string pattern = "/tmp/cxw-XXXXXX";  // short: a socket's path has 107 characters
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    settings_.configFile = folder_ + "/config.toml";
    settings_.root = folder_ + "/root";
    settings_.state = folder_ + "/state";
    settings_.socket = folder_ + "/c.sock";
    settings_.pidFile = folder_ + "/pid";
    settings_.logFile = folder_ + "/log";
    settings_.sandboxImage = kPauseImageName;
    settings_.cniConfigFolder = folder_ + "/cni";
    settings_.cniPluginFolder = "/usr/lib/cni";
    settings_.snapshotter = overlayWorks(settings_.root) ? "overlayfs" : "native";
    settings_.restrictOomScore = !mayLowerOomScore();
  }
  void TearDown() override {
    std::error_code error;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
  }
  pid_t pid() const {
    pid_t value = 0;
    std::ifstream(settings_.pidFile) >> value;
    return value;
  }
  std::string folder_;
  ContainerdSettings settings_;
};

Task<void> keepInside(Containerd& containerd, Gate::Pass pass, std::stop_token stop) {
  co_await containerd.keep(stop);
}

Task<Status> restartsAfterDeath(Reactor& reactor, Containerd& containerd,
                                ContainerdSettings settings, pid_t before) {
  Gate gate;
  std::stop_source stop;
  spawn(reactor, keepInside(containerd, gate.enter(), stop.get_token()));
  ::kill(before, SIGKILL);
  Deadline deadline(240s, std::stop_token());
  pid_t now = before;
  Status waited;
  while (waited.ok() && now == before) {
    waited = co_await sleepFor(20ms, deadline.token());
    std::ifstream(settings.pidFile) >> now;
  }
  // Serves again: an import needs it.
  Result<std::string> imported = std::string();
  while (waited.ok()) {
    imported = co_await containerd.importImage(settings.root + "/../pause.tar", deadline.token());
    if (imported.ok()) break;
    waited = co_await sleepFor(20ms, deadline.token());
  }
  stop.request_stop();
  co_await gate.close();
  co_return waited;
}

Task<Status> lifeCycle(Reactor& reactor, ContainerdSettings settings) {
  Containerd containerd(reactor, settings);
  CO_TRY_STATUS(co_await containerd.start(std::stop_token()));
  auto file = settings.root + "/../pause.tar";
  std::ofstream(file, std::ios::binary) << pauseImageTar();
  CO_TRY(auto printed, co_await containerd.importImage(file, std::stop_token()));
  EXPECT_NE(printed.find(kPauseImageName), std::string::npos) << printed;
  pid_t before = 0;
  std::ifstream(settings.pidFile) >> before;
  Status again = co_await restartsAfterDeath(reactor, containerd, settings, before);
  EXPECT_TRUE(again.ok()) << again.toString();
  // Another run of the program finds it, and can end it without being its parent.
  pid_t running = 0;
  std::ifstream(settings.pidFile) >> running;
  Containerd second(reactor, settings);
  CO_TRY_STATUS(co_await second.start(std::stop_token()));
  co_await second.end();
  EXPECT_FALSE(std::filesystem::exists(settings.pidFile));
  co_return Status();
}

TEST_F(ContainerdTest, StartsImportsRestartsAndEnds) {
  Reactor reactor;
  Status status = blockOn(reactor, lifeCycle(reactor, settings_));
  EXPECT_TRUE(status.ok()) << status.toString();
}

}  // namespace
}  // namespace coxswain::up
