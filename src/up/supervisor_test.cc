#include "up/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace coxswain::up {
namespace {

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "supervisor-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  SupervisorOptions shell(const std::string& script) const {
    SupervisorOptions options;
    options.argv = {"/bin/sh", "-c", script, "sh", folder_};
    options.lockFile = folder_ + "/lock";
    options.backoffFirst = 1ms;
    return options;
  }
  /// In a process of its own: it blocks signals and waits for children.
  static pid_t forkSupervisor(const SupervisorOptions& options) {
    pid_t pid = ::fork();
    if (pid == 0) ::_exit(supervise(options));
    return pid;
  }
  static int exitOf(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool appears(const std::string& name) const {
    for (int i = 0; i < 50000; ++i) {
      if (std::filesystem::exists(folder_ + "/" + name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::string folder_;
};

TEST_F(SupervisorTest, StartsAgainWhatDies) {
  // Dies by a signal, then by an error, then ends in order.
  auto options = shell(
      "echo x >> $1/runs; n=$(wc -l < $1/runs);"
      "[ $n = 1 ] && kill -9 $$; [ $n = 2 ] && exit 3; exit 0");
  EXPECT_EQ(exitOf(forkSupervisor(options)), 0);
  std::ifstream in(folder_ + "/runs");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 3);
}

TEST_F(SupervisorTest, GivesUpWhenTheServerSaysSo) {
  auto options = shell("echo x >> $1/runs; exit 78");
  EXPECT_EQ(exitOf(forkSupervisor(options)), kExitGivenUp);
}

TEST_F(SupervisorTest, PassesTermOnAndEndsWithTheServer) {
  auto options =
      shell("trap 'touch $1/asked; exit 0' TERM; touch $1/ready; while :; do sleep 0.01; done");
  pid_t supervisor = forkSupervisor(options);
  ASSERT_TRUE(appears("ready"));
  EXPECT_EQ(runningSupervisor(options.lockFile), supervisor);
  // A second one stays out.
  EXPECT_EQ(exitOf(forkSupervisor(options)), 1);
  ::kill(supervisor, SIGTERM);
  EXPECT_EQ(exitOf(supervisor), 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/asked"));
  EXPECT_EQ(runningSupervisor(options.lockFile), std::nullopt);
}

TEST_F(SupervisorTest, DetachedHasItsOwnSessionAndLog) {
  auto pid = startDetached(
      {"/bin/sh", "-c", "echo hello; ps -o sid= -p $$; touch $0/done", folder_}, folder_ + "/log");
  ASSERT_TRUE(pid.ok()) << pid.status().toString();
  EXPECT_EQ(exitOf(*pid), 0);
  ASSERT_TRUE(appears("done"));
  std::ifstream in(folder_ + "/log");
  std::string hello;
  pid_t session = 0;
  in >> hello >> session;
  EXPECT_EQ(hello, "hello");
  EXPECT_EQ(session, *pid);
  EXPECT_FALSE(startDetached({"/no/such/program"}, folder_ + "/log").ok());
}

}  // namespace
}  // namespace coxswain::up
