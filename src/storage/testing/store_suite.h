#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "storage/store.h"

/// The suite every engine passes. Include it in one _test.cc of the engine and instantiate
/// StoreSuite with a function that makes an Engine.
namespace coxswain::storage {

namespace testing {

/// Makes stores on one place; the second `open` (after the first store is gone) continues it.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::unique_ptr<Store> open(StoreOptions options) = 0;
};

/// Waits for the answer.
inline Result<WriteResult> writeSync(Store& store, WriteRequest request) {
  auto answer = std::make_shared<std::promise<Result<WriteResult>>>();
  auto future = answer->get_future();
  store.write(std::move(request),
              [answer](Result<WriteResult> r) { answer->set_value(std::move(r)); });
  return future.get();
}
inline Status compactSync(Store& store, Revision revision) {
  auto answer = std::make_shared<std::promise<Status>>();
  auto future = answer->get_future();
  store.compact(revision, [answer](Status s) { answer->set_value(std::move(s)); });
  return future.get();
}

/// Collects what a watch delivers.
class Collector {
 public:
  WatchCallback callback() {
    return [this](const WatchDelivery& d) {
      std::lock_guard lock(mutex_);
      for (const WatchEvent& e : d.events) events_.push_back(e);
      if (d.status.ok())
        revision_ = d.revision;
      else
        status_ = d.status;
      changed_.notify_all();
    };
  }
  std::vector<WatchEvent> wait(size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 240s, [&] { return events_.size() >= n; }));
    return events_;
  }
  Status waitStatus() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 240s, [&] { return !status_.ok(); }));
    return status_;
  }
  bool waitRevision(Revision revision) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 240s, [&] { return revision_ >= revision; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WatchEvent> events_;
  Revision revision_ = 0;
  Status status_;
};

}  // namespace testing

class StoreSuite
    : public ::testing::TestWithParam<std::function<std::unique_ptr<testing::Engine>()>> {
 protected:
  void SetUp() override {
    engine_ = GetParam()();
    options_.now = [this] { return WallTime(Duration(nowNs_.load())); };
    store_ = engine_->open(options_);
    ASSERT_NE(store_, nullptr);
  }
  Result<WriteResult> put(std::string key, std::string value, Duration ttl = {}) {
    WriteRequest request;
    request.operations.push_back(Operation::put(std::move(key), std::move(value), ttl));
    return testing::writeSync(*store_, std::move(request));
  }
  Result<WriteResult> putIf(std::string key, std::string value, Revision modRevision) {
    WriteRequest request;
    request.compares.push_back({key, modRevision});
    request.operations.push_back(Operation::put(std::move(key), std::move(value)));
    return testing::writeSync(*store_, std::move(request));
  }
  Result<WriteResult> del(std::string key) {
    WriteRequest request;
    request.operations.push_back(Operation::del(std::move(key)));
    return testing::writeSync(*store_, std::move(request));
  }
  /// The value; "-" where the key is absent.
  std::string value(std::string_view key, Revision revision = 0) {
    auto item = store_->get(key, revision);
    if (!item.ok()) return item.status().toString();
    return *item ? *(*item)->value : "-";
  }
  std::string keys(RangeRequest request) {
    auto result = store_->range(request);
    if (!result.ok()) return result.status().toString();
    std::string out;
    for (auto& item : result->items) {
      out += item->key + "=" + (item->value ? *item->value : "?") + " ";
    }
    return out;
  }
  void advance(Duration d) { nowNs_ += d.count(); }

  std::atomic<int64_t> nowNs_{1'700'000'000'000'000'000};
  std::unique_ptr<testing::Engine> engine_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreSuite, RevisionsAndVersionsCountAsEtcdDoes) {
  EXPECT_EQ(store_->revision(), 1);
  auto first = put("/a", "1");
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first->succeeded);
  EXPECT_EQ(first->revision, 2);
  ASSERT_TRUE(put("/a", "2").ok());
  ASSERT_TRUE(put("/b", "x").ok());
  EXPECT_EQ(store_->revision(), 4);
  auto a = store_->get("/a");
  ASSERT_TRUE(a.ok() && *a);
  EXPECT_EQ((*a)->createRevision, 2);
  EXPECT_EQ((*a)->modRevision, 3);
  EXPECT_EQ((*a)->version, 2);
  EXPECT_EQ(del("/a")->revision, 5);
  EXPECT_EQ(value("/a"), "-");
  EXPECT_EQ(del("/a")->revision, 5) << "deleting what is absent changes nothing";
  EXPECT_EQ(put("/a", "3")->revision, 6);
  EXPECT_EQ((*store_->get("/a"))->version, 1);
  EXPECT_EQ((*store_->get("/a"))->createRevision, 6);
  EXPECT_EQ(*store_->count("/"), 2);
}

TEST_P(StoreSuite, CompareDecidesAndSaysWhatIsThere) {
  EXPECT_TRUE(putIf("/a", "1", 0)->succeeded);
  auto second = putIf("/a", "2", 0);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->succeeded);
  EXPECT_EQ(second->revision, 2);
  ASSERT_EQ(second->current.size(), 1U);
  EXPECT_EQ(*second->current[0]->value, "1");
  EXPECT_EQ(second->current[0]->modRevision, 2);
  EXPECT_TRUE(putIf("/a", "2", 2)->succeeded);
  EXPECT_FALSE(putIf("/a", "3", 2)->succeeded);
  auto absent = putIf("/no", "3", 7);
  EXPECT_FALSE(absent->succeeded);
  EXPECT_EQ(absent->current[0], nullptr);
  EXPECT_EQ(value("/a"), "2");
}

TEST_P(StoreSuite, OneRevisionForAllOperationsOrNone) {
  WriteRequest request;
  request.compares.push_back({"/a", 0});
  request.operations.push_back(Operation::put("/a", "1"));
  request.operations.push_back(Operation::put("/b", "2"));
  request.operations.push_back(Operation::del("/c"));
  EXPECT_TRUE(testing::writeSync(*store_, request)->succeeded);
  EXPECT_EQ(store_->revision(), 2);
  EXPECT_EQ((*store_->get("/b"))->modRevision, 2);
  EXPECT_FALSE(testing::writeSync(*store_, request)->succeeded);
  EXPECT_EQ(store_->revision(), 2);
}

TEST_P(StoreSuite, RefusesBadRequests) {
  WriteRequest twice;
  twice.operations.push_back(Operation::put("/a", "1"));
  twice.operations.push_back(Operation::del("/a"));
  EXPECT_EQ(testing::writeSync(*store_, twice).status().reason(), Reason::BadRequest);
  EXPECT_EQ(put("", "1").status().reason(), Reason::BadRequest);
  EXPECT_EQ(put("/big", std::string(2'000'000, 'x')).status().reason(),
            Reason::RequestEntityTooLarge);
  WriteRequest many;
  for (int i = 0; i < 129; ++i)
    many.operations.push_back(Operation::put("/" + std::to_string(i), "x"));
  EXPECT_EQ(testing::writeSync(*store_, many).status().reason(), Reason::BadRequest);
  EXPECT_EQ(store_->get("/a", 9).status().reason(), Reason::Timeout);
  EXPECT_EQ(store_->revision(), 1);
}

TEST_P(StoreSuite, BinaryAndEmptyValues) {
  const std::string bytes("k8s\0\xff\x80\n", 7);
  ASSERT_TRUE(put("/a", bytes).ok());
  ASSERT_TRUE(put("/b", "").ok());
  EXPECT_EQ(value("/a"), bytes);
  EXPECT_EQ(value("/b"), "");
}

TEST_P(StoreSuite, RangePagesAtOneRevision) {
  for (const char* key : {"/r/c", "/r/a", "/q/z", "/r/b", "/s"}) ASSERT_TRUE(put(key, "1").ok());
  EXPECT_EQ(keys({.prefix = "/r/"}), "/r/a=1 /r/b=1 /r/c=1 ");
  auto page = store_->range({.prefix = "/r/", .limit = 2});
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->count, 3);
  EXPECT_EQ(page->revision, 6);
  ASSERT_TRUE(del("/r/c").ok());
  ASSERT_TRUE(put("/r/b", "2").ok());
  EXPECT_EQ(keys({.prefix = "/r/", .startKey = std::string("/r/b\0", 5), .revision = 6}),
            "/r/c=1 ");
  EXPECT_EQ(keys({.prefix = "/r/", .startKey = "/r/b", .revision = 6}), "/r/b=1 /r/c=1 ");
  EXPECT_EQ(keys({.prefix = "/r/"}), "/r/a=1 /r/b=2 ");
  EXPECT_EQ(keys({.prefix = "/r/", .keysOnly = true}), "/r/a=? /r/b=? ");
  EXPECT_EQ(keys({.prefix = "/zz"}), "");
  EXPECT_EQ(*store_->count("/r/"), 2);
}

TEST_P(StoreSuite, CompactionForgetsOnlyWhatNobodyCanSee) {
  ASSERT_TRUE(put("/a", "1").ok());  // 2
  ASSERT_TRUE(put("/a", "2").ok());  // 3
  ASSERT_TRUE(put("/b", "x").ok());  // 4
  ASSERT_TRUE(del("/b").ok());       // 5
  ASSERT_TRUE(put("/a", "3").ok());  // 6
  ASSERT_TRUE(testing::compactSync(*store_, 5).ok());
  EXPECT_TRUE(isExpired(store_->get("/a", 4).status()));
  EXPECT_TRUE(isExpired(store_->range({.prefix = "/", .revision = 4}).status()));
  EXPECT_EQ(value("/a", 5), "2");
  EXPECT_EQ(value("/a"), "3");
  EXPECT_EQ(keys({.prefix = "/", .revision = 5}), "/a=2 ");
  EXPECT_TRUE(isExpired(testing::compactSync(*store_, 5)));
  EXPECT_EQ(testing::compactSync(*store_, 99).reason(), Reason::Timeout);
  ASSERT_TRUE(testing::compactSync(*store_, 6).ok());
  EXPECT_EQ(value("/a"), "3");
  EXPECT_EQ(store_->compactedRevision(), 6);
}

TEST_P(StoreSuite, WatchFollowsFromNow) {
  ASSERT_TRUE(put("/p/a", "0").ok());
  testing::Collector seen;
  auto watch = store_->watch({.prefix = "/p/", .previous = true}, seen.callback());
  ASSERT_TRUE(put("/p/a", "1").ok());
  ASSERT_TRUE(put("/q/a", "1").ok());
  ASSERT_TRUE(put("/p/b", "1").ok());
  ASSERT_TRUE(del("/p/a").ok());
  auto events = seen.wait(3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_FALSE(events[0].isCreate());
  EXPECT_EQ(*events[0].previous->value, "0");
  EXPECT_EQ(*events[0].item->value, "1");
  EXPECT_TRUE(events[1].isCreate());
  EXPECT_EQ(events[1].previous, nullptr);
  EXPECT_EQ(events[2].type, WatchEvent::Type::Delete);
  EXPECT_EQ(events[2].item->modRevision, 6);
  EXPECT_EQ(*events[2].previous->value, "1");
}

TEST_P(StoreSuite, WatchReplaysHistoryThenFollows) {
  for (int i = 0; i < 2500; ++i) {
    WriteRequest request;
    request.operations.push_back(Operation::put("/k" + std::to_string(i % 7), std::to_string(i)));
    store_->write(std::move(request), [](const Result<WriteResult>&) {});
  }
  ASSERT_TRUE(del("/k3").ok());
  testing::Collector seen;
  auto watch =
      store_->watch({.prefix = "/k", .startRevision = 2, .previous = true}, seen.callback());
  ASSERT_TRUE(put("/k9", "last").ok());
  auto events = seen.wait(2502);
  ASSERT_EQ(events.size(), 2502U);
  for (int i = 0; i < 2500; ++i) {
    ASSERT_EQ(events[i].item->modRevision, i + 2);
    ASSERT_EQ(*events[i].item->value, std::to_string(i));
    if (i >= 7) {
      ASSERT_EQ(*events[i].previous->value, std::to_string(i - 7));
    } else {
      ASSERT_EQ(events[i].previous, nullptr);
    }
  }
  EXPECT_EQ(events[2500].type, WatchEvent::Type::Delete);
  EXPECT_EQ(*events[2501].item->value, "last");
}

TEST_P(StoreSuite, WatchFromCompactedIsExpired) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put("/a", "1").ok());
  ASSERT_TRUE(testing::compactSync(*store_, 4).ok());
  testing::Collector old;
  auto watch = store_->watch({.prefix = "/", .startRevision = 3}, old.callback());
  EXPECT_TRUE(isExpired(old.waitStatus()));
  testing::Collector good;
  auto second = store_->watch({.prefix = "/", .startRevision = 5}, good.callback());
  EXPECT_EQ(good.wait(2).size(), 2U);
}

TEST_P(StoreSuite, WatchTellsProgressAndEndsWithItsHandle) {
  testing::Collector seen;
  auto watch = store_->watch({.prefix = "/none", .progress = true}, seen.callback());
  ASSERT_TRUE(put("/a", "1").ok());
  EXPECT_TRUE(seen.waitRevision(2));
  watch.reset();
  ASSERT_TRUE(put("/none/a", "1").ok());
  EXPECT_TRUE(seen.wait(0).empty());
}

TEST_P(StoreSuite, WatchCallbackMayWriteAndEndItself) {
  std::promise<void> done;
  std::unique_ptr<Watch> watch;
  std::promise<void> assigned;
  auto ready = assigned.get_future().share();
  watch = store_->watch({.prefix = "/in/"}, [&, ready](const WatchDelivery& d) {
    if (d.events.empty()) return;
    ready.wait();
    WriteRequest request;
    request.operations.push_back(Operation::put("/out", "copied"));
    store_->write(std::move(request), [&](const Result<WriteResult>&) { done.set_value(); });
    watch.reset();
  });
  assigned.set_value();
  ASSERT_TRUE(put("/in/a", "1").ok());
  ASSERT_TRUE(put("/in/a", "2").ok());
  done.get_future().wait();
  EXPECT_EQ(value("/out"), "copied");
}

TEST_P(StoreSuite, TimeToLive) {
  ASSERT_TRUE(put("/e/1", "x", 10s).ok());
  ASSERT_TRUE(put("/e/2", "x", 20s).ok());
  ASSERT_TRUE(put("/e/3", "x", 10s).ok());
  ASSERT_TRUE(put("/e/3", "kept").ok());
  testing::Collector seen;
  auto watch = store_->watch({.prefix = "/e/"}, seen.callback());
  advance(9s);
  store_->expireDue();
  ASSERT_TRUE(put("/x", "fence").ok());
  EXPECT_EQ(*store_->count("/e/"), 3);
  advance(2s);
  store_->expireDue();
  auto events = seen.wait(1);
  EXPECT_EQ(events[0].type, WatchEvent::Type::Delete);
  EXPECT_EQ(events[0].item->key, "/e/1");
  EXPECT_EQ(keys({.prefix = "/e/", .keysOnly = true}), "/e/2=? /e/3=? ");
}

TEST_P(StoreSuite, ConcurrentWritersKeepCompareAndSet) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 30;
  ASSERT_TRUE(put("/n", "0").ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int done = 0; done < kRounds;) {
        auto item = *store_->get("/n");
        auto next = std::to_string(std::stoi(*item->value) + 1);
        if (putIf("/n", next, item->modRevision)->succeeded) ++done;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(value("/n"), std::to_string(kThreads * kRounds));
  EXPECT_EQ((*store_->get("/n"))->version, kThreads * kRounds + 1);
}

TEST_P(StoreSuite, RandomHistoryEqualsModel) {
  std::mt19937 random(7);
  std::vector<std::map<std::string, std::string>> states(2);  // [revision]
  Revision compacted = 0;
  for (int i = 0; i < 300; ++i) {
    std::map<std::string, std::string> model = states.back();
    WriteRequest request;
    std::string used;
    bool changed = false;
    for (unsigned n = 1 + random() % 3; n > 0; --n) {
      const std::string key = "/" + std::to_string(random() % 12);
      if (used.find(key + ";") != std::string::npos) continue;
      used += key + ";";
      if (random() % 3 == 0) {
        changed |= model.erase(key) > 0;
        request.operations.push_back(Operation::del(key));
      } else {
        model[key] = std::to_string(i);
        changed = true;
        request.operations.push_back(Operation::put(key, std::to_string(i)));
      }
    }
    auto result = testing::writeSync(*store_, std::move(request));
    ASSERT_TRUE(result.ok());
    if (changed) states.push_back(model);
    ASSERT_EQ(result->revision, static_cast<Revision>(states.size()) - 1);
    if (i % 50 == 49) {
      compacted += (result->revision - compacted) / 2;
      ASSERT_TRUE(testing::compactSync(*store_, compacted).ok());
    }
    const Revision at = compacted + static_cast<Revision>(random() % (states.size() - compacted));
    if (at == 0) continue;
    std::string want;
    for (auto& [k, v] : states[at]) want += k + "=" + v + " ";
    ASSERT_EQ(keys({.prefix = "/", .revision = at}), want) << "at " << at;
  }
}

}  // namespace coxswain::storage
