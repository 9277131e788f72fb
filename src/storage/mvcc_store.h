#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "storage/mvcc_index.h"
#include "storage/store.h"

namespace coxswain::storage {

/// One operation as a durable engine writes it down.
struct LogRecord {
  std::string key;
  Version version;  ///< with its value
  std::shared_ptr<const void> attachment;
};

struct LogPosition {
  Revision revision;
  uint32_t sub;
};

/// Where a durable engine keeps its history. `append`, `compact` and `idle` are called by the
/// writer alone; `read` and `bytesOnDisk` by any thread at any time.
class Log {
 public:
  virtual ~Log() = default;

  struct State {
    Revision revision = 1;
    Revision compacted = 0;
  };
  /// All records, oldest first, without values. Once, before anything else.
  virtual Result<State> load(const std::function<void(LogRecord)>& record) = 0;
  /// All of them durable, or none.
  virtual Status append(std::span<const LogRecord> records) = 0;
  /// Remembers `compacted` and `current` and drops these records, atomically.
  virtual Status compact(Revision compacted, Revision current,
                         std::span<const MvccIndex::Dropped> records) = 0;
  /// Values in the order asked for; null where there is no such record (any more).
  virtual Result<std::vector<Bytes>> read(std::span<const LogPosition> positions) = 0;
  /// A piece of upkeep; true: there is more to do.
  virtual bool idle() = 0;
  [[nodiscard]] virtual int64_t bytesOnDisk() const = 0;
};

/// The engines' common heart: history in an MvccIndex, one writer that gathers all waiting writes
/// in one commit. With a Log it has a thread and values live in the log; without, values live in
/// the index and whoever calls `write` does the writing.
class MvccStore final : public Store {
 public:
  /// `log` may be null.
  static Result<std::unique_ptr<MvccStore>> create(StoreOptions options, std::unique_ptr<Log> log);
  ~MvccStore() override;

  [[nodiscard]] Revision revision() const override { return revision_.load(); }
  [[nodiscard]] Revision compactedRevision() const override { return compacted_.load(); }
  void write(WriteRequest request, WriteCallback done) override;
  Result<KeyValuePtr> get(std::string_view key, Revision revision) override;
  Result<RangeResult> range(const RangeRequest& request) override;
  Result<int64_t> count(std::string_view prefix) override;
  std::unique_ptr<Watch> watch(WatchRequest request, WatchCallback callback) override;
  void compact(Revision revision, std::function<void(Status)> done) override;
  void expireDue() override;
  [[nodiscard]] StoreStats stats() const override;

 private:
  class Watcher;
  class WatchHandle;
  struct WriteTask {
    WriteRequest request;
    WriteCallback done;
    int64_t bytes = 0;
    // Decided while its batch is prepared.
    bool succeeded = false;
    Revision revision = 0;
  };
  struct Task {
    enum class Kind : uint8_t { Write, Watch, Compact, Expire } kind = Kind::Write;
    WriteTask write;
    std::shared_ptr<Watcher> watcher;
    Revision compactRevision = 0;
    std::function<void(Status)> compactDone;
  };

  MvccStore(StoreOptions options, std::unique_ptr<Log> log);

  [[nodiscard]] Status check(const WriteRequest& request, int64_t bytes) const;
  void enqueue(Task task);
  void run();
  void process(std::deque<Task> tasks);
  void commit(std::vector<WriteTask>& writes);
  void prepare(WriteTask& write, std::unordered_map<std::string, Version>& pending,
               std::vector<LogRecord>& records, Revision& next) const;
  void publish(std::vector<LogRecord> records, Revision revision);
  void answer(WriteTask& write);
  void startWatch(const std::shared_ptr<Watcher>& watcher);
  void startCompact(Task& task);
  bool compactSome();
  bool expire();

  [[nodiscard]] int64_t nowMs() const;
  [[nodiscard]] bool anyWatcherWantsPrevious(std::string_view key) const;
  /// Fills values from the log; `missing` is set where a record is gone.
  Status fillValues(std::span<const std::shared_ptr<KeyValue>> items,
                    std::span<const LogPosition> positions, bool& missing);
  Result<RangeResult> rangeOnce(const RangeRequest& request, bool& missing);

  const StoreOptions options_;
  const std::unique_ptr<Log> log_;

  mutable std::shared_mutex indexMutex_;
  MvccIndex index_;
  std::atomic<Revision> revision_{1};
  std::atomic<Revision> compacted_{0};
  std::atomic<int64_t> commits_{0};

  mutable std::mutex queueMutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  int64_t pendingWrites_ = 0;
  int64_t pendingBytes_ = 0;
  bool draining_ = false;  ///< without a thread: some caller is doing the work
  bool stopping_ = false;

  // The writer's own.
  std::vector<std::shared_ptr<Watcher>> watchers_;
  bool compacting_ = false;
  bool upkeep_ = false;
  std::vector<MvccIndex::Dropped> undropped_;  ///< gone from the index, still in the log

  std::thread thread_;
};

}  // namespace coxswain::storage
