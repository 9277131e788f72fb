#include "kubelet/logs/log_rotator.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "runtime/reactor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::logs {
namespace {

namespace fs = std::filesystem;

class FakeWriters final : public LogWriters {
 public:
  Task<Result<std::string>> writerOf(std::string logPath, std::stop_token) override {
    if (gone) co_return notFound("containers", logPath);
    path = logPath;
    co_return std::string("id");
  }
  Task<Status> reopen(std::string, std::stop_token) override {
    if (failing) co_return internalError("no");
    std::ofstream(path) << "new\n";
    ++reopened;
    co_return Status();
  }
  bool gone = false;
  bool failing = false;
  int reopened = 0;
  std::string path;
};

class LogRotation : public ::testing::Test {
 public:
  LogRotation() {
    char pattern[] = "/tmp/coxswain-rotate-XXXXXX";
    options.podLogsDir = ::mkdtemp(pattern);
    options.sizeMax = 100;
    options.filesMax = 3;
    folder = options.podLogsDir + "/ns_pod_uid/main";
    fs::create_directories(folder);
    path = folder + "/0.log";
  }
  ~LogRotation() override { fs::remove_all(options.podLogsDir); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  void put(const std::string& name, size_t size) const {
    std::ofstream(folder + "/" + name) << std::string(size, 'x');
  }
  void rotateAll() {
    Reactor reactor;
    LogRotator rotator(reactor, writers, options);
    blockOn(reactor, rotator.rotateAll({}));
  }

  LogRotationOptions options;
  FakeWriters writers;
  std::string folder;
  std::string path;
};

TEST_F(LogRotation, SmallLogsStay) {
  put("0.log", 99);
  rotateAll();
  EXPECT_EQ(names(), (std::vector<std::string>{"0.log"}));
}

TEST_F(LogRotation, KeepsTheLatestAsItIsAndPacksOlderOnes) {
  put("0.log", 1000);
  put("0.log.20200101-000000.gz", 10);
  put("0.log.20210101-000000", 5000);
  put("0.log.20190101-000000.tmp", 10);
  rotateAll();
  auto all = names();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], "0.log");
  EXPECT_EQ(fs::file_size(path), 4u);
  EXPECT_EQ(all[1], "0.log.20210101-000000.gz");
  EXPECT_TRUE(all[2].starts_with("0.log.2"));
  EXPECT_EQ(fs::file_size(folder + "/" + all[2]), 1000u);
  gzFile in = ::gzopen((folder + "/" + all[1]).c_str(), "rb");
  char buffer[6000];
  EXPECT_EQ(::gzread(in, buffer, sizeof buffer), 5000);
  ::gzclose(in);
}

TEST_F(LogRotation, EndedContainersKeepTheirLog) {
  put("0.log", 1000);
  writers.gone = true;
  rotateAll();
  EXPECT_EQ(names(), (std::vector<std::string>{"0.log"}));
}

TEST_F(LogRotation, FailedReopenBringsTheLogBack) {
  put("0.log", 1000);
  writers.failing = true;
  rotateAll();
  EXPECT_EQ(names(), (std::vector<std::string>{"0.log"}));
  EXPECT_EQ(fs::file_size(path), 1000u);
}

TEST_F(LogRotation, LinksAreLeftAlone) {
  put("elsewhere", 1000);
  fs::create_symlink(folder + "/elsewhere", folder + "/1.log");
  rotateAll();
  EXPECT_EQ(writers.reopened, 0);
}

Task<void> waitRotated(LogRotator& rotator, FakeWriters& writers) {
  rotator.start();
  Deadline deadline(240s, {});
  while (writers.reopened == 0 && !deadline.expired()) {
    Status slept = co_await sleepFor(1ms, deadline.token());
  }
  co_await rotator.stop();
}

TEST_F(LogRotation, RunsByItselfUntilStopped) {
  put("0.log", 1000);
  options.interval = 1ms;
  Reactor reactor;
  LogRotator rotator(reactor, writers, options);
  blockOn(reactor, waitRotated(rotator, writers));
  EXPECT_GE(writers.reopened, 1);
}

}  // namespace
}  // namespace coxswain::kubelet::logs
