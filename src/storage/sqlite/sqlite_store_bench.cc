#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <future>

#include "storage/sqlite/sqlite_store.h"

namespace coxswain::storage {
namespace {

/// Writers that each have one put of 1 KiB under way.
class Writers {
 public:
  Writers(Store& store, int writers, int64_t total) : store_(store), left_(total), open_(writers) {
    for (int i = 0; i < writers; ++i) next();
  }
  void wait() { done_.get_future().wait(); }

 private:
  void next() {
    const int64_t n = left_--;
    if (n <= 0) {
      if (--open_ == 0) done_.set_value();
      return;
    }
    WriteRequest request;
    std::string key = fmt::format("/registry/pods/default/pod-{}", n);
    request.compares.push_back({key, 0});
    request.operations.push_back(Operation::put(std::move(key), value_));
    store_.write(std::move(request), [this](const Result<WriteResult>& r) {
      if (!r.ok() || !r->succeeded) std::abort();
      next();
    });
  }

  Store& store_;
  const Bytes value_ = makeBytes(std::string(1024, 'v'));
  std::atomic<int64_t> left_;
  std::atomic<int> open_;
  std::promise<void> done_;
};

void BM_Put(benchmark::State& state) {
  const auto writers = static_cast<int>(state.range(0));
  const int64_t total = writers == 1 ? 2000 : 40'000;
  int64_t commits = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::string dir = (std::filesystem::temp_directory_path() / "bench_XXXXXX").string();
    if (::mkdtemp(dir.data()) == nullptr) std::abort();
    SqliteOptions options;
    options.path = dir + "/store.db";
    auto store = std::move(openSqliteStore(options)).value();
    state.ResumeTiming();
    {
      Writers load(*store, writers, total);
      load.wait();
    }
    state.PauseTiming();
    commits += store->stats().commits;
    store.reset();
    std::filesystem::remove_all(dir);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * total);
  state.counters["commits"] = static_cast<double>(commits);
}
BENCHMARK(BM_Put)->Arg(1)->Arg(16)->Arg(128)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace coxswain::storage
