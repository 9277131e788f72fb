#include "kubelet/images/image_gc.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/testing/fake_client.h"
#include "kubelet/cri/testing/fake_runtime.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Event;

MonotonicTime at(Duration since) {
  return MonotonicTime(since);
}

TEST(ImagesToRemove, LeastRecentlyUsedFirst) {
  const std::vector<KnownImage> all = {{"used-late", 10, at(0s), at(90s)},
                                       {"used-early", 10, at(0s), at(10s)},
                                       {"never-old", 10, at(0s), {}},
                                       {"never-new", 10, at(50s), {}},
                                       {"young", 100, at(95s), {}}};
  const auto names = [&](uint64_t bytes) {
    std::string text;
    for (const auto& image : imagesToRemove(all, bytes, at(100s), 20s)) text += image.id + " ";
    return text;
  };
  EXPECT_EQ(names(0), "");
  EXPECT_EQ(names(1), "never-old ");
  EXPECT_EQ(names(11), "never-old never-new ");
  EXPECT_EQ(names(1000), "never-old never-new used-early used-late ");
}

class ImageGcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    executor.runFor(1h);
    files.fileSystem = FileSystemInfo{1000, 500, 500, 10, 10};
    for (const char* name : {"a:1", "b:1", "pause:1", "running:1"}) runtime.addImage(name, 60);
    cri::testing::FakeRuntime::FakeContainer container;
    container.id = "c1";
    container.config.image.getOrCreate().image = runtime.images["running:1"].id;
    runtime.containers["c1"] = container;
    options.nodeName = "n1";
    runtime.sandboxImage = "pause:1";
  }
  void begin() {
    collector = std::make_unique<ImageGarbageCollector>(
        ImageGarbageCollector::Dependencies{executor, runtime, runtime, files, events}, options);
    collector->start();
    executor.runFor(1s);
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  Task<void> stopAll(bool& done) {
    if (collector) co_await collector->stop();
    co_await events.stop();
    done = true;
  }
  std::string present() const {
    std::string text;
    for (const auto& [name, image] : runtime.images) text += name + " ";
    return text;
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  sim::MemoryFiles files;
  cri::testing::FakeRuntime runtime{executor};
  ImageGcOptions options;
  std::unique_ptr<ImageGarbageCollector> collector;
};

TEST_F(ImageGcTest, NothingIsRemovedWhileThereIsRoom) {
  begin();
  executor.runFor(1h);
  EXPECT_EQ(present(), "a:1 b:1 pause:1 running:1 ");
}

TEST_F(ImageGcTest, RemovesUnusedImagesOfAFullDisk) {
  begin();
  files.fileSystem.bytesAvailable = 145;  // 86 % used; 55 bytes below 80 %
  executor.runFor(6min);
  EXPECT_EQ(present().size(), std::string("a:1 pause:1 running:1 ").size());
  EXPECT_NE(present().find("pause:1 running:1"), std::string::npos);
  EXPECT_TRUE(cluster.peekAll<Event>().empty());
}

TEST_F(ImageGcTest, TellsWhenItIsNotEnough) {
  files.fileSystem.bytesAvailable = 0;
  begin();
  // Too young at the first look.
  EXPECT_EQ(present(), "a:1 b:1 pause:1 running:1 ");
  executor.runFor(6min);
  EXPECT_EQ(present(), "pause:1 running:1 ");
  const auto all = cluster.peekAll<Event>();
  ASSERT_FALSE(all.empty());
  std::string texts;
  for (const auto& event : all) texts += event->reason + ": " + event->message + "\n";
  EXPECT_NE(texts.find("FreeDiskSpaceFailed: Failed to garbage collect required amount of images. "
                       "Attempted to free 200 bytes, but only found 120 bytes eligible to free.\n"),
            std::string::npos)
      << texts;
}

TEST_F(ImageGcTest, AHundredPercentIsNever) {
  options.highThresholdPercent = 100;
  files.fileSystem.bytesAvailable = 0;
  begin();
  executor.runFor(1h);
  EXPECT_EQ(present(), "a:1 b:1 pause:1 running:1 ");
}

}  // namespace
}  // namespace coxswain::kubelet
