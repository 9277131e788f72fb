#include "storage/async.h"

#include <gtest/gtest.h>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/compactor.h"
#include "storage/memory/memory_store.h"

namespace coxswain::storage {
namespace {

Task<Result<Revision>> putTwice(Store& store) {
  WriteRequest request;
  request.operations.push_back(Operation::put("/a", "1"));
  CO_TRY(WriteResult first, co_await write(store, request));
  request.compares.push_back({"/a", first.revision});
  CO_TRY(WriteResult second, co_await write(store, std::move(request)));
  CO_TRY_STATUS(co_await compact(store, second.revision));
  co_return second.revision;
}

Task<void> keep(Task<Result<Revision>> task, Result<Revision>& out) {
  out = co_await std::move(task);
}

TEST(AsyncStore, WritesFromCoroutines) {
  sim::SimExecutor executor;
  auto store = makeMemoryStore();
  Result<Revision> revision = canceled();
  spawn(executor, keep(putTwice(*store), revision));
  EXPECT_TRUE(executor.runUntilIdle());
  ASSERT_TRUE(revision.ok()) << revision.status().toString();
  EXPECT_EQ(*revision, 3);
  EXPECT_EQ(store->compactedRevision(), 3);
}

TEST(Compactor, KeepsOneToTwoIntervals) {
  sim::SimExecutor executor;
  auto store = makeMemoryStore();
  auto put = [&] {
    WriteRequest request;
    request.operations.push_back(Operation::put("/a", "1"));
    store->write(std::move(request), [](const Result<WriteResult>&) {});
  };
  std::stop_source stop;
  put();  // 2
  spawn(executor, compactPeriodically(*store, 5min, stop.get_token()));
  executor.runFor(1s);
  put();  // 3
  executor.runFor(5min);
  EXPECT_EQ(store->compactedRevision(), 2);
  put();  // 4
  executor.runFor(5min);
  EXPECT_EQ(store->compactedRevision(), 3);
  executor.runFor(60min);
  EXPECT_EQ(store->compactedRevision(), 4);
  EXPECT_EQ(store->stats().versions, 1);
  stop.request_stop();
  EXPECT_TRUE(executor.runUntilIdle());
}

}  // namespace
}  // namespace coxswain::storage
