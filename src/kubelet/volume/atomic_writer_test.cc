#include "kubelet/volume/atomic_writer.h"

#include <gtest/gtest.h>

#include "kubelet/volume/ownership.h"
#include "runtime/sim/memory_files.h"

namespace coxswain::kubelet {
namespace {

class AtomicWriterTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files.mkdirs("/v").ok()); }
  Status write(const std::map<std::string, std::string>& data) {
    Payload payload;
    for (const auto& [path, text] : data) payload[path].data = text;
    const WallTime now = WallTime(std::chrono::seconds(1764108902));
    return writePayload(files, "/v", payload, now, random);
  }
  std::string text(const std::string& path) {
    auto data = files.read("/v/" + path);
    return data.ok() ? *data : "<absent>";
  }
  sim::MemoryFiles files;
  SeededRandom random{7};
};

TEST_F(AtomicWriterTest, NamesTheFolderByTime) {
  ASSERT_TRUE(write({{"a", "1"}}).ok());
  EXPECT_TRUE(files.readlink("/v/..data")->starts_with("..2025_11_25_22_15_02."));
}

TEST_F(AtomicWriterTest, RefusesPathsThatLeave) {
  for (const char* path : {"", "/a", "..", "../a", "a/../b", "a/..", "..a"}) {
    EXPECT_FALSE(write({{path, "x"}}).ok()) << path;
  }
  EXPECT_FALSE(write({{std::string(5000, 'a'), "x"}}).ok());
  EXPECT_FALSE(write({{std::string(256, 'a'), "x"}}).ok());
  EXPECT_TRUE(files.list("/v")->empty());
  EXPECT_TRUE(write({{"a..b", "x"}, {".hidden", "y"}}).ok());
}

TEST_F(AtomicWriterTest, AFailureLeavesTheOldOneWhole) {
  ASSERT_TRUE(write({{"a", "old"}, {"d/b", "old"}}).ok());
  for (const char* verb : {"mkdir", "write", "symlink", "rename"}) {
    files.reaction = [verb](std::string_view what, const std::string&) {
      return what == verb ? internalError("injected") : Status();
    };
    EXPECT_FALSE(write({{"a", "new"}, {"d/c", "new"}}).ok()) << verb;
    EXPECT_EQ(text("a"), "old");
    EXPECT_EQ(text("d/b"), "old");
    files.reaction = nullptr;
  }
  ASSERT_TRUE(write({{"a", "new"}, {"d/c", "new"}}).ok());
  EXPECT_EQ(text("a"), "new");
  EXPECT_EQ(text("d/b"), "<absent>");
  EXPECT_EQ(text("d/c"), "new");
  EXPECT_EQ(files.list("/v")->size(), 4u);  // two links, ..data, its folder
}

TEST_F(AtomicWriterTest, FinishesWhatACrashLeft) {
  ASSERT_TRUE(write({{"a", "1"}, {"b", "2"}}).ok());
  ASSERT_TRUE(files.remove("/v/b").ok());
  ASSERT_TRUE(files.symlink("..somewhere", "/v/..data_tmp").ok());
  ASSERT_TRUE(write({{"a", "1"}, {"b", "2"}}).ok());
  EXPECT_EQ(text("b"), "2");
  ASSERT_TRUE(write({{"b", "3"}}).ok());
  EXPECT_EQ(text("b"), "3");
  EXPECT_EQ(text("a"), "<absent>");
}

TEST(Ownership, GivesAllToTheGroup) {
  sim::MemoryFiles files;
  ASSERT_TRUE(files.mkdirs("/v/d", 0755).ok());
  ASSERT_TRUE(files.write("/v/d/f", "x", 0600).ok());
  ASSERT_TRUE(files.symlink("d/f", "/v/link").ok());
  ASSERT_TRUE(setVolumeOwnership(files, "/v", 42, false, false).ok());
  EXPECT_EQ(files.stat("/v")->gid, 42u);
  EXPECT_EQ(files.stat("/v")->mode, 02775u);
  EXPECT_EQ(files.stat("/v/d/f")->mode, 0660u);
  EXPECT_EQ(files.lstat("/v/link")->gid, 42u);
  ASSERT_TRUE(files.write("/v/d/g", "x", 0600).ok());
  ASSERT_TRUE(setVolumeOwnership(files, "/v", 42, false, true).ok());
  EXPECT_EQ(files.stat("/v/d/g")->mode, 0600u);
  ASSERT_TRUE(setVolumeOwnership(files, "/v", 42, true, false).ok());
  EXPECT_EQ(files.stat("/v/d/g")->mode, 0640u);
}

}  // namespace
}  // namespace coxswain::kubelet
