#include "storage/watch_cache.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "storage/memory/memory_store.h"

namespace coxswain::storage {
namespace {

void put(Store& store, int64_t n) {
  WriteRequest request;
  request.operations.push_back(
      Operation::put(fmt::format("/registry/pods/ns/pod-{}", n), std::string(1024, 'v')));
  store.write(std::move(request), [](const Result<WriteResult>&) {});
}

/// One event given to so many watchers.
void BM_Watch(benchmark::State& state) {
  auto store = makeMemoryStore();
  auto cache = std::move(WatchCache::create(*store, {.prefix = "/registry/pods/"})).value();
  std::vector<std::unique_ptr<WatchCache::Watcher>> watchers;
  for (int64_t i = 0; i < state.range(0); ++i)
    watchers.push_back(std::move(cache->watch({.prefix = "/registry/pods/"})).value());
  int64_t n = 0;
  for (auto _ : state) {
    put(*store, n++ % 1000);
    for (auto& w : watchers) benchmark::DoNotOptimize(w->take());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Watch)->Arg(1)->Arg(200);

void BM_List(benchmark::State& state) {
  auto store = makeMemoryStore();
  for (int64_t i = 0; i < state.range(0); ++i) put(*store, i);
  auto cache = std::move(WatchCache::create(*store, {.prefix = "/registry/pods/"})).value();
  for (auto _ : state) benchmark::DoNotOptimize(cache->list("/registry/pods/"));
}
BENCHMARK(BM_List)->Arg(2000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace coxswain::storage
