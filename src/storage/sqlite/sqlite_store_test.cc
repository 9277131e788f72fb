#include "storage/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "storage/testing/store_suite.h"

namespace coxswain::storage {
namespace {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "store_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file() const { return path_ + "/store.db"; }

 private:
  std::string path_;
};

std::unique_ptr<Store> openAt(const std::string& path, StoreOptions options = {}) {
  SqliteOptions o;
  o.path = path;
  o.store = std::move(options);
  auto store = openSqliteStore(std::move(o));
  EXPECT_TRUE(store.ok()) << store.status().toString();
  return store.ok() ? std::move(store).value() : nullptr;
}

class SqliteEngine final : public testing::Engine {
 public:
  std::unique_ptr<Store> open(StoreOptions options) override {
    return openAt(dir_.file(), std::move(options));
  }

 private:
  TempDir dir_;
};

Result<WriteResult> put(Store& store, std::string key, std::string value, Duration ttl = {}) {
  WriteRequest request;
  request.operations.push_back(Operation::put(std::move(key), std::move(value), ttl));
  return testing::writeSync(store, std::move(request));
}

Result<WriteResult> del(Store& store, std::string key) {
  WriteRequest request;
  request.operations.push_back(Operation::del(std::move(key)));
  return testing::writeSync(store, std::move(request));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreSuite,
                         ::testing::Values([]() -> std::unique_ptr<testing::Engine> {
                           return std::make_unique<SqliteEngine>();
                         }));

namespace {

TEST(SqliteStore, ReopenContinuesExactly) {
  TempDir dir;
  {
    auto store = openAt(dir.file());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(*store, "/a", std::to_string(i)).ok());
    ASSERT_TRUE(put(*store, "/b", "x", 3600s).ok());
    ASSERT_TRUE(del(*store, "/a").ok());
    EXPECT_EQ(store->revision(), 13);
  }
  {
    auto store = openAt(dir.file());
    EXPECT_EQ(store->revision(), 13);
    EXPECT_EQ(*(*store->get("/a", 12))->value, "9");
    EXPECT_EQ((*store->get("/a", 12))->version, 10);
    EXPECT_EQ(*store->get("/a"), nullptr);
    EXPECT_GT((*store->get("/b"))->expiresAtMs, 0);
    testing::Collector seen;
    auto watch = store->watch({.prefix = "/", .startRevision = 2}, seen.callback());
    EXPECT_EQ(seen.wait(12).size(), 12U);
    ASSERT_TRUE(testing::compactSync(*store, 13).ok());
  }
  auto store = openAt(dir.file());
  EXPECT_EQ(store->revision(), 13) << "although the record of revision 13 is compacted away";
  EXPECT_EQ(store->compactedRevision(), 13);
  EXPECT_TRUE(isExpired(store->get("/a", 12).status()));
  EXPECT_EQ(store->stats().versions, 1);
  EXPECT_EQ(put(*store, "/a", "new")->revision, 14);
}

TEST(SqliteStore, ExpiresByItself) {
  TempDir dir;
  auto store = openAt(dir.file());
  testing::Collector seen;
  auto watch = store->watch({.prefix = "/e"}, seen.callback());
  ASSERT_TRUE(put(*store, "/e", "x", 1ms).ok());
  auto events = seen.wait(2);
  EXPECT_EQ(events[1].type, WatchEvent::Type::Delete);
}

TEST(SqliteStore, OneProcessAtATime) {
  TempDir dir;
  auto store = openAt(dir.file());
  SqliteOptions options;
  options.path = dir.file();
  EXPECT_TRUE(isConflict(openSqliteStore(options).status()));
}

TEST(SqliteStore, ForeignOrDamagedFileIsRefused) {
  TempDir dir;
  {
    const int fd = ::open(dir.file().c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string text(8192, 'x');
    ASSERT_EQ(::write(fd, text.data(), text.size()), 8192);
    ::close(fd);
  }
  SqliteOptions options;
  options.path = dir.file();
  EXPECT_EQ(openSqliteStore(options).status().reason(), Reason::InternalError);
  options.path = "/nonexistent/folder/store.db";
  EXPECT_FALSE(openSqliteStore(options).ok());
}

TEST(SqliteStore, CompactionGivesSpaceBack) {
  TempDir dir;
  int64_t before = 0;
  {
    auto store = openAt(dir.file());
    const std::string big(100'000, 'v');
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(*store, "/a", big).ok());
    before = store->stats().bytesOnDisk;
    ASSERT_TRUE(testing::compactSync(*store, store->revision()).ok());
    while (store->stats().versions > 1) std::this_thread::yield();
    ASSERT_TRUE(put(*store, "/b", "x").ok());
  }
  auto store = openAt(dir.file());
  EXPECT_LT(store->stats().bytesOnDisk, before);
  EXPECT_EQ(store->stats().versions, 2);
}

TEST(SqliteStore, FullRefusesClearlyAndRecovers) {
  TempDir dir;
  SqliteOptions options;
  options.path = dir.file();
  options.fileBytesMax = 2 * 1024 * 1024;
  auto opened = openSqliteStore(options);
  ASSERT_TRUE(opened.ok());
  Store& store = **opened;
  const std::string value(50'000, 'v');
  Status refused;
  int written = 0;
  for (; written < 1000 && refused.ok(); ++written) {
    refused = put(store, fmt::format("/{:04}", written), value).status();
  }
  --written;
  ASSERT_LT(written, 100);
  EXPECT_NE(refused.message().find("no space left"), std::string::npos) << refused.toString();
  const Revision revision = store.revision();
  EXPECT_EQ(revision, written + 1);
  // All or nothing: neither half of it is there.
  WriteRequest both;
  both.operations.push_back(Operation::put("/small", "x"));
  both.operations.push_back(Operation::put("/zbig", std::string(1'000'000, 'z')));
  EXPECT_FALSE(testing::writeSync(store, both).ok());
  EXPECT_EQ(*store.get("/small"), nullptr);
  EXPECT_EQ(store.revision(), revision);
  EXPECT_EQ(*(*store.get("/0000"))->value, value);
  // What makes room works again: replaced values go with the compaction.
  for (int i = 0; i < written; i += 2) {
    auto gone = del(store, fmt::format("/{:04}", i));
    ASSERT_TRUE(gone.ok()) << gone.status().toString();
  }
  ASSERT_TRUE(testing::compactSync(store, store.revision()).ok());
  while (store.stats().versions > written / 2) std::this_thread::yield();
  EXPECT_TRUE(testing::writeSync(store, both).ok());
  EXPECT_EQ(*(*store.get("/small"))->value, "x");
}

/// What fillDisk answers: 0 is good, else the step that went wrong.
int fillDisk(const std::string& folder) {
  SqliteOptions options;
  options.path = folder + "/store.db";
  options.checkpointBytes = 1024 * 1024;  // else closing, which copies all of it, fills the disk
  const std::string ballast = folder + "/ballast";
  {
    const int fd = ::open(ballast.c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string block(1024 * 1024, 'b');
    for (int i = 0; i < 4; ++i)
      if (::write(fd, block.data(), block.size()) != 1024 * 1024) return 1;
    ::close(fd);
  }
  Revision revision = 0;
  int written = 0;
  {
    auto opened = openSqliteStore(options);
    if (!opened.ok()) return 2;
    Store& store = **opened;
    Status refused;
    for (; written < 1000 && refused.ok(); ++written)
      refused = put(store, fmt::format("/{:04}", written), std::string(20'000, 'v')).status();
    --written;
    if (written < 10 || written > 900) return 3;
    if (refused.message().find("no space left") == std::string::npos) return 4;
    if (store.revision() != written + 1) return 5;
    if (*store.get(fmt::format("/{:04}", written)) != nullptr) return 6;
    if (!store.get("/0000").ok()) return 7;
  }
  // Opening may need some room, too: it says so, or works.
  if (auto full = openSqliteStore(options);
      full.ok() ? (*full)->revision() != written + 1
                : full.status().message().find("no space left") == std::string::npos)
    return 11;
  ::unlink(ballast.c_str());
  {
    auto opened = openSqliteStore(options);
    if (!opened.ok()) return 12;
    Store& store = **opened;
    if (store.revision() != written + 1) return 13;
    for (int i = 0; i < 50; ++i)
      if (!put(store, "/more", std::string(20'000, 'm')).ok()) return 8;
    revision = store.revision();
  }
  auto again = openSqliteStore(options);
  if (!again.ok()) {
    std::fprintf(stderr, "reopening: %s\n", again.status().toString().c_str());
    return 9;
  }
  return (*again)->revision() == revision ? 0 : 10;
}

TEST(SqliteStore, FullDiskRefusesAndRecoversWhenThereIsRoom) {
  TempDir dir;
  const std::string folder = dir.file() + ".mount";
  std::filesystem::create_directory(folder);
  const pid_t child = ::fork();
  if (child == 0) {
    // A small disk of its own, gone with the child.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", folder.c_str(), "tmpfs", 0, "size=12m") != 0)
      ::_exit(100);
    ::_exit(fillDisk(folder));
  }
  int state = 0;
  ASSERT_EQ(::waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFEXITED(state));
  if (WEXITSTATUS(state) == 100) GTEST_SKIP() << "mounting needs root";
  EXPECT_EQ(WEXITSTATUS(state), 0);
}

/// A child writes from several threads and reports each acknowledged key through a pipe; it is
/// killed in the middle. All that was reported must be there, whole.
TEST(SqliteStore, KilledAmidWritesLosesNothingAcknowledged) {
  TempDir dir;
  constexpr int kRounds = 12;
  constexpr int kWriters = 16;
  const auto valueOf = [](uint32_t n) {
    return fmt::format("{}:{}", n, std::string(500 + n % 3000, static_cast<char>('a' + n % 26)));
  };
  std::set<uint32_t> acknowledged;
  std::mt19937 random(1);
  Revision last = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(fds[0]);
      SqliteOptions options;
      options.path = dir.file();
      auto store = openSqliteStore(options);
      if (!store.ok()) ::_exit(1);
      std::atomic<uint32_t> next{round << 20};
      std::vector<std::thread> writers;
      for (int w = 0; w < kWriters; ++w) {
        writers.emplace_back([&] {
          for (;;) {
            const uint32_t n = next++;
            if (n % 100 == 99) (void)testing::compactSync(**store, (*store)->revision() - 20);
            if (!put(**store, fmt::format("/k/{}", n), valueOf(n)).ok()) ::_exit(2);
            if (::write(fds[1], &n, sizeof n) != sizeof n) ::_exit(3);
          }
        });
      }
      writers[0].join();
      ::_exit(4);
    }
    ::close(fds[1]);
    const size_t killAfter = acknowledged.size() + 50 + random() % 400;
    uint32_t n = 0;
    bool killed = false;
    while (::read(fds[0], &n, sizeof n) == sizeof n) {
      acknowledged.insert(n);
      if (!killed && acknowledged.size() >= killAfter) {
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    ::close(fds[0]);
    int state = 0;
    ASSERT_EQ(::waitpid(child, &state, 0), child);
    ASSERT_TRUE(WIFSIGNALED(state)) << "the child ended by itself: " << WEXITSTATUS(state);

    auto store = openAt(dir.file());
    ASSERT_NE(store, nullptr);
    EXPECT_GE(store->revision(), last + 50);
    last = store->revision();
    auto all = store->range({.prefix = "/k/"});
    ASSERT_TRUE(all.ok());
    std::set<uint32_t> found;
    for (const auto& item : all->items) {
      const auto key = static_cast<uint32_t>(std::stoul(item->key.substr(3)));
      found.insert(key);
      ASSERT_EQ(*item->value, valueOf(key));
    }
    for (uint32_t a : acknowledged) ASSERT_TRUE(found.contains(a)) << a << " in round " << round;
  }
}

}  // namespace
}  // namespace coxswain::storage
