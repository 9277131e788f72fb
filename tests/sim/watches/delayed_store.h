#pragma once

#include "runtime/executor.h"
#include "runtime/random.h"
#include "storage/store.h"

namespace coxswain {

/// Another store behind a slow and failing disk: a write reaches it, and its answer the caller,
/// some virtual milliseconds later, in any order; some are refused. Watches and reads pass.
class DelayedStore final : public storage::Store {
 public:
  DelayedStore(storage::Store& inner, Executor& executor, uint64_t seed)
      : inner_(inner), executor_(executor), random_(seed) {}

  [[nodiscard]] storage::Revision revision() const override { return inner_.revision(); }
  [[nodiscard]] storage::Revision compactedRevision() const override {
    return inner_.compactedRevision();
  }
  void write(storage::WriteRequest request, storage::WriteCallback done) override {
    if (random_.below(40) == 0) {
      return later(
          [done = std::move(done)] { done(Status(Reason::Timeout, 504, "the disk is slow")); });
    }
    later([this, request = std::move(request), done = std::move(done)]() mutable {
      inner_.write(std::move(request), [this, done = std::move(done)](auto result) mutable {
        later([done = std::move(done), result = std::move(result)]() mutable {
          done(std::move(result));
        });
      });
    });
  }
  Result<storage::KeyValuePtr> get(std::string_view key, storage::Revision revision) override {
    return inner_.get(key, revision);
  }
  Result<storage::RangeResult> range(const storage::RangeRequest& request) override {
    return inner_.range(request);
  }
  Result<int64_t> count(std::string_view prefix) override { return inner_.count(prefix); }
  std::unique_ptr<storage::Watch> watch(storage::WatchRequest request,
                                        storage::WatchCallback callback) override {
    return inner_.watch(std::move(request), std::move(callback));
  }
  void compact(storage::Revision revision, std::function<void(Status)> done) override {
    inner_.compact(revision, std::move(done));
  }
  void expireDue() override { inner_.expireDue(); }
  [[nodiscard]] storage::StoreStats stats() const override { return inner_.stats(); }

 private:
  void later(UniqueFunction work) {
    executor_.schedule(executor_.now() + std::chrono::milliseconds(random_.below(25)),
                       std::move(work));
  }
  storage::Store& inner_;
  Executor& executor_;
  SeededRandom random_;
};

}  // namespace coxswain
