#include "runtime/files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/file_watch.h"
#include "runtime/mounter.h"
#include "runtime/reactor.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain {
namespace {

/// One suite for the real disk and the one in memory.
class FilesTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      char name[] = "/tmp/coxswain-files-XXXXXX";
      ASSERT_NE(::mkdtemp(name), nullptr);
      root = name;
      files = std::make_unique<SystemFiles>();
      mounter = std::make_unique<SystemMounter>();
    } else {
      auto memory = std::make_unique<sim::MemoryFiles>();
      mounter = std::make_unique<sim::MemoryMounter>(*memory);
      files = std::move(memory);
      root = "/root";
      ASSERT_TRUE(files->mkdirs(root).ok());
    }
  }
  void TearDown() override {
    if (!mounter) return;
    EXPECT_TRUE(mounter->unmountAll(root).ok());
    EXPECT_TRUE(files->removeAll(root).ok());
    EXPECT_FALSE(files->exists(root));
  }
  [[nodiscard]] std::string at(std::string_view name) const { return joinPath(root, name); }
  std::string text(std::string_view name) {
    auto data = files->read(at(name));
    return data.ok() ? *data : data.status().toString();
  }
  /// False: may not mount here; the test should end.
  bool canMount() {
    EXPECT_TRUE(files->mkdirs(at("try")).ok());
    const Status status = mounter->tmpfs(at("try"), 0, 0755);
    if (!status.ok()) return false;
    EXPECT_TRUE(mounter->unmount(at("try")).ok());
    return true;
  }

  std::string root;
  std::unique_ptr<Files> files;
  std::unique_ptr<Mounter> mounter;
};

TEST_P(FilesTest, WritesAndReads) {
  ASSERT_TRUE(files->write(at("a"), "one", 0600).ok());
  EXPECT_EQ(text("a"), "one");
  EXPECT_EQ(files->stat(at("a"))->mode, 0600u);
  ASSERT_TRUE(files->write(at("a"), "tw", 0644).ok());
  EXPECT_EQ(text("a"), "tw");
  EXPECT_EQ(files->stat(at("a"))->mode, 0600u);
  ASSERT_TRUE(files->writeAtomically(at("a"), "three", 0640).ok());
  EXPECT_EQ(text("a"), "three");
  EXPECT_EQ(files->stat(at("a"))->mode, 0640u);
  EXPECT_EQ(files->stat(at("a"))->size, 5u);
  EXPECT_EQ(files->list(root).value(), std::vector<std::string>{"a"});
  EXPECT_EQ(files->read(at("a"), 4).status().reason(), Reason::RequestEntityTooLarge);
  EXPECT_TRUE(isNotFound(files->read(at("b")).status()));
  EXPECT_FALSE(files->read(root).ok());
  EXPECT_TRUE(isNotFound(files->write(at("no/a"), "", 0644)));
  EXPECT_TRUE(isNotFound(files->writeAtomically(at("no/a"), "", 0644)));
}

TEST_P(FilesTest, FoldersAndLinks) {
  ASSERT_TRUE(files->mkdirs(at("x/y/z"), 0711).ok());
  ASSERT_TRUE(files->mkdirs(at("x/y/z")).ok());
  EXPECT_EQ(files->stat(at("x/y"))->mode, 0711u);
  ASSERT_TRUE(files->write(at("x/f"), "1", 0644).ok());
  EXPECT_FALSE(files->mkdirs(at("x/f/g")).ok());
  ASSERT_TRUE(files->symlink("y/z", at("x/link")).ok());
  EXPECT_TRUE(isAlreadyExists(files->symlink("y", at("x/link"))));
  EXPECT_EQ(files->readlink(at("x/link")).value(), "y/z");
  EXPECT_TRUE(files->lstat(at("x/link"))->isSymlink());
  EXPECT_TRUE(files->stat(at("x/link"))->isDirectory());
  ASSERT_TRUE(files->write(at("x/link/in"), "deep", 0644).ok());
  EXPECT_EQ(text("x/y/z/in"), "deep");
  EXPECT_EQ(files->list(at("x")).value(), (std::vector<std::string>{"f", "link", "y"}));
  ASSERT_TRUE(files->rename(at("x/y"), at("moved")).ok());
  EXPECT_EQ(text("moved/z/in"), "deep");
  EXPECT_TRUE(isNotFound(files->stat(at("x/link")).status()));
  EXPECT_FALSE(files->remove(at("moved")).ok());
  EXPECT_TRUE(files->remove(at("x/link")).ok());
  EXPECT_TRUE(files->remove(at("x/link")).ok());
  ASSERT_TRUE(files->chmod(at("x/f"), 02750).ok());
  EXPECT_EQ(files->stat(at("x/f"))->mode, 02750u);
  EXPECT_GT(files->statfs(root)->bytes, 0u);
}

TEST_P(FilesTest, RemovesTreesButFollowsNoLink) {
  ASSERT_TRUE(files->mkdirs(at("keep")).ok());
  ASSERT_TRUE(files->write(at("keep/me"), "here", 0644).ok());
  ASSERT_TRUE(files->mkdirs(at("tree/a/b")).ok());
  ASSERT_TRUE(files->symlink(at("keep"), at("tree/a/link")).ok());
  ASSERT_TRUE(files->write(at("tree/a/b/f"), "x", 0400).ok());
  ASSERT_TRUE(files->removeAll(at("tree")).ok());
  EXPECT_FALSE(files->exists(at("tree")));
  EXPECT_EQ(text("keep/me"), "here");
  EXPECT_TRUE(files->removeAll(at("tree")).ok());
}

TEST_P(FilesTest, RemovesDeepTrees) {
  std::string path = at("tree");
  for (int i = 0; i < 300; ++i) path += "/d";
  ASSERT_TRUE(files->mkdirs(path).ok());
  ASSERT_TRUE(files->write(path + "/f", "x", 0644).ok());
  ASSERT_TRUE(files->removeAll(at("tree")).ok());
  EXPECT_FALSE(files->exists(at("tree")));
}

TEST_P(FilesTest, MakesFoldersOnlyBeneath) {
  ASSERT_TRUE(files->mkdirs(at("vol")).ok());
  ASSERT_TRUE(files->mkdirs(at("outside")).ok());
  ASSERT_TRUE(files->mkdirsBeneath(at("vol"), "a/b", 0770).ok());
  EXPECT_EQ(files->stat(at("vol/a/b"))->mode, 0770u);
  ASSERT_TRUE(files->symlink("a", at("vol/inner")).ok());
  ASSERT_TRUE(files->mkdirsBeneath(at("vol"), "inner/c").ok());
  EXPECT_TRUE(files->stat(at("vol/a/c")).ok());
  ASSERT_TRUE(files->symlink("../outside", at("vol/out")).ok());
  EXPECT_EQ(files->mkdirsBeneath(at("vol"), "out/c").reason(), Reason::BadRequest);
  ASSERT_TRUE(files->symlink(at("outside"), at("vol/absolute")).ok());
  EXPECT_EQ(files->mkdirsBeneath(at("vol"), "absolute/c").reason(), Reason::BadRequest);
  EXPECT_EQ(files->mkdirsBeneath(at("vol"), "../outside/c").reason(), Reason::BadRequest);
  EXPECT_TRUE(files->list(at("outside"))->empty());
  ASSERT_TRUE(files->write(at("vol/file"), "", 0644).ok());
  EXPECT_TRUE(files->mkdirsBeneath(at("vol"), "file").ok());
}

TEST_P(FilesTest, MountsAndNeverRemovesAcross) {
  if (!canMount()) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(files->mkdirs(at("data")).ok());
  ASSERT_TRUE(files->write(at("data/f"), "host", 0644).ok());
  ASSERT_TRUE(files->mkdirs(at("pod/bind")).ok());
  ASSERT_TRUE(files->mkdirs(at("pod/mem")).ok());
  ASSERT_TRUE(mounter->bind(at("data"), at("pod/bind"), {}).ok());
  ASSERT_TRUE(mounter->tmpfs(at("pod/mem"), 1 << 20, 0711).ok());
  EXPECT_EQ(text("pod/bind/f"), "host");
  EXPECT_EQ(files->stat(at("pod/mem"))->mode, 0711u);
  EXPECT_TRUE(mounter->isMountPoint(at("pod/mem")).value());
  EXPECT_FALSE(mounter->isMountPoint(at("pod")).value());

  EXPECT_TRUE(isConflict(files->removeAll(at("pod"))));
  EXPECT_EQ(text("data/f"), "host");
  ASSERT_TRUE(mounter->unmountAll(at("pod")).ok());
  EXPECT_FALSE(mounter->isMountPoint(at("pod/mem")).value());
  EXPECT_TRUE(mounter->unmount(at("pod/mem")).ok());
  EXPECT_TRUE(files->removeAll(at("pod")).ok());
  EXPECT_EQ(text("data/f"), "host");
}

TEST_P(FilesTest, MountsAreFoundThroughLinks) {
  if (!GetParam()) GTEST_SKIP() << "the table in memory has paths as they were given";
  if (!canMount()) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(files->mkdirs(at("disk/mem")).ok());
  ASSERT_TRUE(files->symlink("disk", at("link")).ok());
  ASSERT_TRUE(mounter->tmpfs(at("link/mem"), 0, 0755).ok());
  EXPECT_TRUE(mounter->isMountPoint(at("link/mem")).value());
  EXPECT_TRUE(mounter->isMountPoint(at("disk/mem")).value());
  ASSERT_TRUE(mounter->unmountAll(at("link")).ok());
  EXPECT_FALSE(mounter->isMountPoint(at("disk/mem")).value());
}

TEST_P(FilesTest, BindsOnlyBeneath) {
  if (!canMount()) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(files->mkdirs(at("vol/d")).ok());
  ASSERT_TRUE(files->write(at("vol/d/f"), "in", 0644).ok());
  ASSERT_TRUE(files->write(at("secret"), "out", 0644).ok());
  ASSERT_TRUE(files->symlink("d/f", at("vol/good")).ok());
  ASSERT_TRUE(files->symlink("../secret", at("vol/evil")).ok());
  ASSERT_TRUE(mounter->bindBeneath(at("vol"), "d", at("sub/0"), {}).ok());
  EXPECT_EQ(text("sub/0/f"), "in");
  ASSERT_TRUE(mounter->bindBeneath(at("vol"), "good", at("sub/1"), {}).ok());
  EXPECT_EQ(text("sub/1"), "in");
  EXPECT_EQ(mounter->bindBeneath(at("vol"), "evil", at("sub/2"), {}).reason(), Reason::BadRequest);
  EXPECT_EQ(mounter->bindBeneath(at("vol"), "../secret", at("sub/2"), {}).reason(),
            Reason::BadRequest);
  EXPECT_TRUE(isNotFound(mounter->bindBeneath(at("vol"), "none", at("sub/2"), {})));
  EXPECT_FALSE(mounter->isMountPoint(at("sub/2")).value());
}

INSTANTIATE_TEST_SUITE_P(Disks, FilesTest, ::testing::Values(true, false),
                         [](const auto& i) { return i.param ? "System" : "Memory"; });

TEST(MountInfo, IsRead) {
  const auto mounts = parseMountInfo(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
      "40 35 0:5 / /a\\040b ro,relatime - tmpfs none rw\n"
      "nonsense\n"
      "41 35 0:6 / /end rw - proc \\");
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].path, "/mnt2");
  EXPECT_EQ(mounts[0].root, "/mnt1");
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[0].source, "/dev/root");
  EXPECT_FALSE(mounts[0].readOnly);
  EXPECT_EQ(mounts[1].path, "/a b");
  EXPECT_TRUE(mounts[1].readOnly);
  EXPECT_EQ(mounts[2].source, "\\");
}

TEST(Paths, AreJoinedAndSplit) {
  EXPECT_EQ(joinPath("/a/", "/b"), "/a/b");
  EXPECT_EQ(joinPath("/a", ""), "/a");
  EXPECT_EQ(baseName("/a/b"), "b");
  EXPECT_EQ(parentPath("/a/b"), "/a");
  EXPECT_EQ(parentPath("/a"), "/");
  EXPECT_EQ(parentPath("a"), "");
}

Task<void> awaitChanges(FileWatch& watch, std::vector<Status>& seen) {
  Status status;
  while (status.ok()) {
    status = co_await watch.changed({});
    seen.push_back(status);
  }
}

TEST(FileWatch, MemoryTells) {
  sim::SimExecutor executor;
  sim::MemoryFiles files;
  sim::MemoryFileWatches watches(files);
  EXPECT_TRUE(isNotFound(watches.watchFolder("/d").status()));
  ASSERT_TRUE(files.mkdirs("/d/sub").ok());
  auto watch = watches.watchFolder("/d");
  ASSERT_TRUE(watch.ok());
  std::vector<Status> seen;
  spawn(executor, awaitChanges(**watch, seen));
  executor.runFor(1s);
  EXPECT_TRUE(seen.empty());
  ASSERT_TRUE(files.write("/d/f", "1").ok());
  executor.runFor(1s);
  EXPECT_EQ(seen.size(), 1u);
  ASSERT_TRUE(files.write("/d/sub/f", "1").ok());
  executor.runFor(1s);
  EXPECT_EQ(seen.size(), 1u);
  ASSERT_TRUE(files.removeAll("/d").ok());
  executor.runFor(1s);
  ASSERT_GE(seen.size(), 2u);
  EXPECT_TRUE(isNotFound(seen.back()));
}

Task<bool> seesChanges(Reactor& reactor, std::string folder) {
  SystemFileWatches watches(reactor);
  SystemFiles files;
  auto watch = watches.watchFolder(folder);
  if (!watch.ok()) co_return false;
  Status written = files.writeAtomically(folder + "/a", "1", 0644);
  if (!written.ok()) co_return false;
  Status first = co_await (*watch)->changed({});
  if (!first.ok()) co_return false;
  Status removed = files.removeAll(folder);
  if (!removed.ok()) co_return false;
  Status last;
  while (last.ok()) last = co_await (*watch)->changed({});
  co_return isNotFound(last);
}

TEST(SystemFiles, AtomicWritesTakeNamesWithoutAFolder) {
  char name[] = "/tmp/coxswain-files-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(name);
  SystemFiles files;
  Status written = files.writeAtomically("a", "1", 0600);
  std::filesystem::current_path(before);
  EXPECT_TRUE(written.ok()) << written.message();
  EXPECT_EQ(files.read(std::string(name) + "/a").valueOr(""), "1");
  std::filesystem::remove_all(name);
}

TEST(FileWatch, InotifyTells) {
  char name[] = "/tmp/coxswain-watch-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  Reactor reactor;
  EXPECT_TRUE(blockOn(reactor, seesChanges(reactor, name)));
}

}  // namespace
}  // namespace coxswain
