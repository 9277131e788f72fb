#include "up/preflight.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "net/testing/free_port.h"
#include "up/layout.h"
#include "up/progress.h"

namespace coxswain::up {
namespace {

/// A listening socket on a port that the kernel chose.
struct TakenPort {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port = 0;
  TakenPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd, 1), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  ~TakenPort() { ::close(fd); }
};

bool mentions(const std::vector<Problem>& problems, std::string_view text) {
  return std::any_of(problems.begin(), problems.end(), [&](const Problem& problem) {
    return problem.what.find(text) != std::string::npos;
  });
}

TEST(Preflight, NamesWhoHoldsAPort) {
  TakenPort taken;
  PreflightRequest request;
  request.ports = {taken.port};
  auto result = inspect(request);
  EXPECT_TRUE(mentions(result.problems, "port " + std::to_string(taken.port) + " is in use by "))
      << describe(result.problems);
  EXPECT_TRUE(mentions(result.problems, "(pid " + std::to_string(::getpid()) + ")"));
}

TEST(Preflight, FreePortIsNoProblem) {
  Reactor reactor;
  const auto port = net::testing::freePort(reactor);
  PreflightRequest request;
  request.ports = {port};
  EXPECT_FALSE(mentions(inspect(request).problems, "port " + std::to_string(port)));
}

TEST(Preflight, PluginsMustBeInTheGivenFolder) {
  PreflightRequest request;
  request.cniPluginFolder = "/nowhere";
  auto result = inspect(request);
  EXPECT_TRUE(mentions(result.problems, "not found in /nowhere"));
  EXPECT_NE(describe(result.problems).find("fix: sudo apt-get install"), std::string::npos);
}

TEST(Layout, FoldersOfAnotherClusterAreItsOwn) {
  EXPECT_EQ(Layout::at("/var/lib/coxswain").run, "/run/coxswain");
  EXPECT_EQ(Layout::at("/tmp/x").run, "/tmp/x/run");
  EXPECT_EQ(Layout::at("/tmp/x").kubeconfig(), "/tmp/x/kubeconfig/admin.conf");
  EXPECT_EQ(Layout().cgroup(), "coxswain");
  EXPECT_NE(Layout::at("/tmp/x").cgroup(), Layout::at("/tmp/y").cgroup());
  EXPECT_EQ(Layout().podLogs(), "/var/log/pods");
  EXPECT_EQ(Layout::at("/tmp/x").podLogs(), "/tmp/x/logs/pods");
  EXPECT_EQ(Layout::at("/tmp/x").containerLogs(), "");
}

TEST(Progress, IsReadWhileItGrows) {
  auto path =
      std::filesystem::temp_directory_path() / ("coxswain_progress_" + std::to_string(::getpid()));
  ProgressWriter writer(path);
  ASSERT_TRUE(writer.begin().ok());
  writer.stage("store");
  writer.stage("API server");
  std::ofstream(path, std::ios::app) << "rea";
  auto progress = readProgress(path);
  EXPECT_EQ(progress.stages, (std::vector<std::string>{"store", "API server"}));
  EXPECT_FALSE(progress.ready);
  std::ofstream(path, std::ios::app) << "dy\n";
  EXPECT_TRUE(readProgress(path).ready);
  ASSERT_TRUE(writer.begin().ok());
  writer.failed("no\nluck");
  EXPECT_EQ(readProgress(path).failure, "no luck");
  EXPECT_FALSE(readProgress(path).ready);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace coxswain::up
