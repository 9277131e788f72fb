#include "storage/watch_cache.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "storage/memory/memory_store.h"

namespace coxswain::storage {
namespace {

constexpr const char* kPrefix = "/registry/pods/";

class WatchCacheTest : public ::testing::Test {
 protected:
  Revision put(const std::string& name, std::string value) {
    WriteRequest request;
    request.operations.push_back(Operation::put(kPrefix + name, std::move(value)));
    return write(std::move(request));
  }
  Revision del(const std::string& name) {
    WriteRequest request;
    request.operations.push_back(Operation::del(kPrefix + name));
    return write(std::move(request));
  }
  Revision write(WriteRequest request) {
    Revision revision = 0;
    store_->write(std::move(request),
                  [&](const Result<WriteResult>& r) { revision = r->revision; });
    return revision;
  }
  std::unique_ptr<WatchCache> make(WatchCache::Options options = {}) {
    options.prefix = kPrefix;
    auto cache = WatchCache::create(*store_, std::move(options));
    EXPECT_TRUE(cache.ok());
    return std::move(cache).value();
  }
  /// "+a=1 ~b=2 -c=3 B4": name and value of each event taken.
  static std::string take(WatchCache::Watcher& watcher) {
    auto events = watcher.take();
    if (!events.ok()) return events.status().toString();
    std::string out;
    for (const CacheEventPtr& e : *events) {
      if (!out.empty()) out += " ";
      if (e->type == CacheEvent::Type::Bookmark) {
        out += "B" + std::to_string(e->revision);
        continue;
      }
      out += "+~-"[static_cast<int>(e->type)];
      out += e->entry->key().substr(std::string_view(kPrefix).size()) + "=" + e->entry->bytes();
    }
    return out;
  }

  std::unique_ptr<Store> store_ = makeMemoryStore();
};

TEST_F(WatchCacheTest, ListsAndGetsWhatTheStoreHas) {
  put("ns/b", "1");
  auto cache = make();
  put("ns/a", "2");
  put("other/c", "3");
  del("ns/b");
  EXPECT_EQ(cache->revision(), 5);
  EXPECT_EQ(cache->get("/registry/pods/ns/b"), nullptr);
  ASSERT_NE(cache->get("/registry/pods/ns/a"), nullptr);
  EXPECT_EQ(cache->get("/registry/pods/ns/a")->bytes(), "2");
  EXPECT_EQ(cache->list("/registry/pods/ns/").entries.size(), 1U);
  auto page = cache->list(kPrefix, "", 1);
  EXPECT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.count, 2);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(cache->count(kPrefix), 2);
  EXPECT_EQ(cache->stats().bytes, 19 + 22 + 2);
}

TEST_F(WatchCacheTest, WatchesFromStateFromRevisionAndWithBookmark) {
  put("ns/a", "1");  // 2
  auto cache = make();
  put("ns/b", "2");  // 3
  auto state = std::move(cache->watch({.prefix = kPrefix})).value();
  auto resumed = std::move(cache->watch({.prefix = kPrefix, .after = 2})).value();
  auto list = std::move(cache->watch({.prefix = kPrefix, .initialEvents = true})).value();
  put("ns/a", "3");
  del("ns/b");
  EXPECT_EQ(state->progress(), 0);
  EXPECT_EQ(take(*state), "+ns/a=1 +ns/b=2 ~ns/a=3 -ns/b=2");
  EXPECT_EQ(take(*resumed), "+ns/b=2 ~ns/a=3 -ns/b=2");
  EXPECT_EQ(take(*list), "+ns/a=1 +ns/b=2 B3 ~ns/a=3 -ns/b=2");
  EXPECT_EQ(take(*state), "");
  EXPECT_EQ(state->progress(), 5);
  EXPECT_EQ(cache->watch({.prefix = kPrefix, .after = 99}).status().reason(), Reason::Timeout);
}

TEST_F(WatchCacheTest, OldRevisionsAreExpired) {
  auto cache = make({.eventsMax = 3});
  for (int i = 0; i < 10; ++i) put("ns/a", std::to_string(i));  // 2..11
  auto tooOld = cache->watch({.prefix = kPrefix, .after = 7}).status();
  EXPECT_TRUE(isExpired(tooOld));
  EXPECT_EQ(tooOld.message(), "too old resource version: 7 (8)");
  auto watcher = std::move(cache->watch({.prefix = kPrefix, .after = 8})).value();
  EXPECT_EQ(take(*watcher), "~ns/a=7 ~ns/a=8 ~ns/a=9");
}

TEST_F(WatchCacheTest, EventsOfBigObjectsAreFewer) {
  auto cache = make({.eventBytesMax = 250});
  const auto known = [&](Revision after) { return cache->watch({.after = after}).ok(); };
  for (int i = 0; i < 8; ++i) put("ns/a", std::to_string(i));  // 2..9, of 20 bytes each
  EXPECT_TRUE(known(1));
  put("ns/a", std::string(101, 'x'));  // 10: 280 bytes in all
  EXPECT_FALSE(known(2));
  EXPECT_TRUE(known(3));
  put("ns/a", std::string(1000, 'x'));  // more than may be kept: nobody resumes before it
  EXPECT_FALSE(known(10));
  EXPECT_TRUE(known(11));
  auto watcher = std::move(cache->watch({.after = 11})).value();
  put("ns/b", "1");
  EXPECT_EQ(take(*watcher), "+ns/b=1");
  EXPECT_TRUE(known(11));
}

TEST_F(WatchCacheTest, SlowWatcherEndsAloneAndHistoryDoesNotCount) {
  for (int i = 0; i < 20; ++i) put("ns/" + std::to_string(i), "x");
  auto cache = make({.watcherEventsMax = 5});
  auto slow = std::move(cache->watch({.prefix = kPrefix})).value();
  auto quick = std::move(cache->watch({.prefix = kPrefix, .after = 21})).value();
  for (int i = 0; i < 5; ++i) put("ns/0", std::to_string(i));
  EXPECT_EQ(quick->take()->size(), 5U);
  put("ns/0", "one too many");
  EXPECT_TRUE(isCanceled(slow->take().status()));
  EXPECT_EQ(take(*quick), "~ns/0=one too many");
}

TEST_F(WatchCacheTest, AWatcherThatIsAlwaysBehindSeesAllInOrder) {
  auto cache = make({.watcherEventsMax = 100});
  auto watcher = std::move(cache->watch({.prefix = kPrefix})).value();
  int written = 0;
  int seen = 0;
  for (; written < 20; ++written) put("ns/a", std::to_string(written));
  while (written < 300) {
    for (int i = 0; i < 7; ++i) put("ns/a", std::to_string(written++));
    const auto some = watcher->take(7).value();
    for (const auto& event : some) {
      EXPECT_EQ(event->entry->bytes(), std::to_string(seen++));
    }
    EXPECT_EQ(watcher->progress(), 0);
  }
  const auto rest = watcher->take().value();
  for (const auto& event : rest) {
    EXPECT_EQ(event->entry->bytes(), std::to_string(seen++));
  }
  EXPECT_EQ(seen, written);
}

TEST_F(WatchCacheTest, NotifiesOncePerTakenEmpty) {
  auto cache = make();
  int notified = 0;
  WatchCache::WatchOptions options;
  options.prefix = kPrefix;
  options.filter = [](const CacheEvent& e) { return e.entry->bytes() != "hidden"; };
  options.notify = [&] { ++notified; };
  auto watcher = std::move(cache->watch(std::move(options))).value();
  put("ns/a", "hidden");
  EXPECT_EQ(notified, 0);
  put("ns/a", "1");
  put("ns/a", "2");
  EXPECT_EQ(notified, 1);
  EXPECT_EQ(take(*watcher), "~ns/a=1 ~ns/a=2");
  put("ns/a", "3");
  EXPECT_EQ(notified, 1) << "not before the watcher has seen that nothing is left";
  EXPECT_EQ(take(*watcher), "~ns/a=3");
  EXPECT_EQ(take(*watcher), "");
  put("ns/a", "4");
  EXPECT_EQ(notified, 2);
  watcher.reset();
  put("ns/a", "5");
  EXPECT_EQ(notified, 2);
}

TEST_F(WatchCacheTest, TriggersFindNarrowWatchers) {
  WatchCache::Options options;
  options.trigger = [](const Entry& e) { return std::string_view(e.bytes()); };
  put("ns/a", "node1");
  auto cache = make(std::move(options));
  auto one = std::move(cache->watch({.prefix = kPrefix, .trigger = "node1"})).value();
  auto two = std::move(cache->watch({.prefix = kPrefix, .trigger = "node2"})).value();
  put("ns/b", "node2");
  put("ns/a", "node2");
  put("ns/c", "node3");
  EXPECT_EQ(take(*one), "+ns/a=node1 ~ns/a=node2");
  EXPECT_EQ(take(*two), "+ns/b=node2 ~ns/a=node2");
}

TEST_F(WatchCacheTest, AttachmentReachesTheEntry) {
  WatchCache::Options options;
  options.makeEntry = [](KeyValuePtr kv, std::shared_ptr<const void> attachment) {
    auto entry = std::make_shared<const Entry>(std::move(kv), nullptr);
    entry->setDecoded(std::move(attachment));
    return entry;
  };
  auto cache = make(std::move(options));
  WriteRequest request;
  request.operations.push_back(Operation::put(std::string(kPrefix) + "ns/a", "bytes"));
  auto decoded = std::make_shared<const int>(7);
  request.operations[0].attachment = decoded;
  write(std::move(request));
  EXPECT_EQ(cache->get("/registry/pods/ns/a")->decoded(), decoded);
}

TEST_F(WatchCacheTest, WaitsForFreshRevision) {
  auto cache = make();
  Status waited = canceled();
  cache->waitFresh(1, [&](Status s) { waited = std::move(s); });
  EXPECT_TRUE(waited.ok());
  waited = canceled();
  cache->waitFresh(2, [&](Status s) { waited = std::move(s); });
  EXPECT_FALSE(waited.ok());
  WriteRequest other;
  other.operations.push_back(Operation::put("/registry/nodes/a", "x"));
  write(std::move(other));
  EXPECT_TRUE(waited.ok()) << "writes elsewhere count too";
  auto watcher = std::move(cache->watch({.prefix = kPrefix})).value();
  cache->waitFresh(99, [&](Status s) { waited = std::move(s); });
  cache.reset();
  EXPECT_TRUE(isCanceled(waited));
  EXPECT_TRUE(isCanceled(watcher->take().status()));
}

/// Writers and watchers on several threads: each watcher sees every change once, in order.
TEST_F(WatchCacheTest, ConcurrentWatchersSeeEveryRevisionInOrder) {
  auto cache = make({.eventsMax = 100'000, .watcherEventsMax = 100'000});
  constexpr int kPuts = 500;
  constexpr int kWriters = 4;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int w = 0; w < 4; ++w) {
    threads.emplace_back([&] {
      auto watcher = std::move(cache->watch({.prefix = kPrefix, .after = 1})).value();
      Revision expected = 2;
      while (expected < 2 + kPuts * kWriters) {
        auto events = watcher->take();
        if (!events.ok()) return;
        for (auto& e : *events) {
          if (e->revision != expected++) return;
        }
        if (events->empty()) std::this_thread::yield();
      }
      ++good;
    });
  }
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < kPuts; ++i) {
        WriteRequest request;
        request.operations.push_back(
            Operation::put(kPrefix + std::to_string(w) + "/" + std::to_string(i % 10), "v"));
        store_->write(std::move(request), [](const Result<WriteResult>&) {});
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 4);
}

}  // namespace
}  // namespace coxswain::storage
