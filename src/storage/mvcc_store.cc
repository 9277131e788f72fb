#include "storage/mvcc_store.h"

#include <algorithm>
#include <unordered_set>

#include "base/assert.h"
#include "base/log.h"

namespace coxswain::storage {
namespace {

const Logger log("storage");

constexpr size_t kBatchTasksMax = 4096;
constexpr int64_t kBatchBytesMax = 16 * 1024 * 1024;
constexpr size_t kCompactChunk = 1000;
constexpr size_t kHistoryChunk = 1000;
constexpr size_t kExpireChunk = 128;
constexpr auto kRetryAfterFailure = 1s;

int64_t sizeOf(const WriteRequest& request) {
  int64_t bytes = 0;
  for (const Compare& c : request.compares) bytes += static_cast<int64_t>(c.key.size());
  for (const Operation& o : request.operations)
    bytes += static_cast<int64_t>(o.key.size() + (o.value ? o.value->size() : 0));
  return bytes;
}

std::shared_ptr<KeyValue> toKeyValue(const std::string& key, const Version& v) {
  auto item = std::make_shared<KeyValue>();
  item->key = key;
  item->value = v.value;
  item->createRevision = v.createRevision;
  item->modRevision = v.modRevision;
  item->version = v.version;
  item->expiresAtMs = v.expiresAtMs;
  return item;
}

}  // namespace

/// Shared by the handle and the writer, so that either may go first.
class MvccStore::Watcher {
 public:
  Watcher(WatchRequest r, WatchCallback c) : request(std::move(r)), callback_(std::move(c)) {}

  void deliver(const WatchDelivery& delivery) {
    std::lock_guard lock(mutex_);
    if (!closed_) callback_(delivery);
  }
  void fail(Status status) {
    deliver({{}, 0, std::move(status)});
    closed_ = true;
  }
  void close() {
    closed_ = true;
    std::lock_guard lock(mutex_);  // waits for a callback on another thread
  }
  [[nodiscard]] bool closed() const { return closed_; }

  const WatchRequest request;

 private:
  std::recursive_mutex mutex_;  // the callback may destroy its own watch
  std::atomic<bool> closed_{false};
  const WatchCallback callback_;
};

class MvccStore::WatchHandle final : public Watch {
 public:
  explicit WatchHandle(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
  ~WatchHandle() override { watcher_->close(); }

 private:
  const std::shared_ptr<Watcher> watcher_;
};

MvccStore::MvccStore(StoreOptions options, std::unique_ptr<Log> durable)
    : options_(std::move(options)), log_(std::move(durable)) {}

Result<std::unique_ptr<MvccStore>> MvccStore::create(StoreOptions options,
                                                     std::unique_ptr<Log> durable) {
  std::unique_ptr<MvccStore> store(new MvccStore(std::move(options), std::move(durable)));
  if (!store->log_) return store;
  MvccIndex& index = store->index_;
  Result<Log::State> state = store->log_->load(
      [&index](LogRecord record) { index.apply(record.key, std::move(record.version)); });
  if (!state.ok()) return std::move(state).status();
  store->revision_ = state->revision;
  store->compacted_ = state->compacted;
  // What a compaction cut short by a crash had left.
  store->undropped_ = index.compact(state->compacted, SIZE_MAX);
  store->compacting_ = !store->undropped_.empty();
  if (store->options_.ownThread) store->thread_ = std::thread(&MvccStore::run, store.get());
  return store;
}

MvccStore::~MvccStore() {
  std::deque<Task> left;
  {
    std::lock_guard lock(queueMutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  {
    std::lock_guard lock(queueMutex_);
    left.swap(queue_);
  }
  for (Task& task : left) {
    if (task.write.done) task.write.done(canceled());
    if (task.compactDone) task.compactDone(canceled());
    if (task.watcher) task.watcher->fail(canceled());
  }
  for (auto& watcher : watchers_) watcher->fail(canceled());
}

int64_t MvccStore::nowMs() const {
  const WallTime now =
      options_.now ? options_.now()
                   : std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

// --- queue -------------------------------------------------------------------------------------

Status MvccStore::check(const WriteRequest& request, int64_t bytes) const {
  if (std::cmp_greater(request.operations.size(), options_.operationsMax) ||
      std::cmp_greater(request.compares.size(), options_.operationsMax))
    return badRequest("etcdserver: too many operations in txn request");
  if (bytes > options_.requestBytesMax)
    return requestEntityTooLarge("etcdserver: request is too large");
  std::unordered_set<std::string_view> seen;
  for (const Operation& o : request.operations) {
    if (o.key.empty()) return badRequest("etcdserver: key is not provided");
    if (o.type == Operation::Type::Put && !o.value)
      return badRequest("etcdserver: value is not provided");
    if (o.ttl < Duration::zero()) return badRequest("etcdserver: too small lease TTL");
    if (request.operations.size() > 1 && !seen.insert(o.key).second)
      return badRequest("etcdserver: duplicate key given in txn request");
  }
  return {};
}

void MvccStore::write(WriteRequest request, WriteCallback done) {
  const int64_t bytes = sizeOf(request);
  if (Status bad = check(request, bytes); !bad.ok()) return done(std::move(bad));
  Task task;
  task.write.request = std::move(request);
  task.write.done = std::move(done);
  task.write.bytes = bytes;
  enqueue(std::move(task));
}

void MvccStore::enqueue(Task task) {
  std::unique_lock lock(queueMutex_);
  if (task.kind == Task::Kind::Write) {
    if (pendingWrites_ >= options_.pendingWritesMax ||
        pendingBytes_ + task.write.bytes > options_.pendingBytesMax) {
      lock.unlock();
      return task.write.done(tooManyRequests("etcdserver: too many requests", 1));
    }
    ++pendingWrites_;
    pendingBytes_ += task.write.bytes;
  }
  queue_.push_back(std::move(task));
  if (thread_.joinable()) {
    const bool first = queue_.size() == 1;
    lock.unlock();
    if (first) wake_.notify_one();
    return;
  }
  // No thread: whoever comes first works until the queue is empty; callbacks may add to it.
  if (draining_) return;
  draining_ = true;
  while (!queue_.empty()) {
    std::deque<Task> tasks;
    tasks.swap(queue_);
    pendingWrites_ = pendingBytes_ = 0;
    lock.unlock();
    process(std::move(tasks));
    const bool upkeep = log_ && compacting_;
    while (compactSome()) {
    }
    while (upkeep && log_->idle()) {
    }
    lock.lock();
  }
  draining_ = false;
}

void MvccStore::run() {
  auto notBefore = std::chrono::steady_clock::time_point::min();
  std::unique_lock lock(queueMutex_);
  for (;;) {
    auto ready = [this] { return stopping_ || !queue_.empty(); };
    if (!compacting_ && !upkeep_) {
      const int64_t expiry = index_.nextExpiry();
      if (expiry == 0) {
        wake_.wait(lock, ready);
      } else {
        auto until = std::chrono::steady_clock::now() +
                     std::chrono::milliseconds(std::clamp<int64_t>(expiry - nowMs(), 0, 3'600'000));
        wake_.wait_until(lock, std::max(until, notBefore), ready);
      }
    }
    if (stopping_) return;
    std::deque<Task> tasks;
    int64_t bytes = 0;
    while (!queue_.empty() && tasks.size() < kBatchTasksMax && bytes < kBatchBytesMax) {
      if (queue_.front().kind == Task::Kind::Write) {
        --pendingWrites_;
        bytes += queue_.front().write.bytes;
      }
      tasks.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    pendingBytes_ -= bytes;
    lock.unlock();
    const bool idle = tasks.empty();
    process(std::move(tasks));
    const auto now = std::chrono::steady_clock::now();
    if (now >= notBefore && !expire()) notBefore = now + kRetryAfterFailure;
    if (compacting_) upkeep_ = true;
    compactSome();
    if (idle && upkeep_ && !compacting_) upkeep_ = log_->idle();
    lock.lock();
  }
}

void MvccStore::process(std::deque<Task> tasks) {
  std::vector<WriteTask> writes;
  auto flush = [&] {
    if (!writes.empty()) commit(writes);
    writes.clear();
  };
  for (Task& task : tasks) {
    switch (task.kind) {
      case Task::Kind::Write:
        writes.push_back(std::move(task.write));
        break;
      case Task::Kind::Watch:
        flush();
        startWatch(task.watcher);
        break;
      case Task::Kind::Compact:
        flush();
        startCompact(task);
        break;
      case Task::Kind::Expire:
        flush();
        expire();
        break;
    }
  }
  flush();
}

// --- writing -----------------------------------------------------------------------------------

void MvccStore::prepare(WriteTask& write, std::unordered_map<std::string, Version>& pending,
                        std::vector<LogRecord>& records, Revision& next) const {
  auto head = [&](const std::string& key) -> const Version* {
    auto it = pending.find(key);
    const Version* v = it != pending.end() ? &it->second : index_.latest(key);
    return v == nullptr || v->deleted() ? nullptr : v;
  };
  for (const Compare& compare : write.request.compares) {
    const Version* v = head(compare.key);
    if ((v == nullptr ? 0 : v->modRevision) != compare.modRevision) return;
  }
  write.succeeded = true;
  uint32_t sub = 0;
  for (Operation& o : write.request.operations) {
    const Version* old = head(o.key);
    Version v;
    v.modRevision = next;
    v.sub = sub;
    if (o.type == Operation::Type::Put) {
      v.createRevision = old == nullptr ? next : old->createRevision;
      v.version = old == nullptr ? 1 : old->version + 1;
      if (o.ttl > Duration::zero())
        v.expiresAtMs = nowMs() + std::chrono::ceil<std::chrono::milliseconds>(o.ttl).count();
      v.value = std::move(o.value);
    } else if (old == nullptr) {
      continue;
    }
    ++sub;
    pending[o.key] = v;
    records.push_back({std::move(o.key), std::move(v), std::move(o.attachment)});
  }
  write.revision = sub == 0 ? next - 1 : next;
  if (sub != 0) ++next;
}

void MvccStore::commit(std::vector<WriteTask>& writes) {
  std::unordered_map<std::string, Version> pending;
  std::vector<LogRecord> records;
  records.reserve(writes.size());
  Revision next = revision_ + 1;
  for (WriteTask& write : writes) prepare(write, pending, records, next);
  if (!records.empty()) {
    if (log_) {
      if (Status failed = log_->append(records); !failed.ok()) {
        log.error("commit failed", {{"writes", writes.size()}, {"error", failed}});
        for (WriteTask& write : writes) write.done(failed);
        return;
      }
    }
    commits_.fetch_add(1, std::memory_order_relaxed);
    publish(std::move(records), next - 1);
  }
  for (WriteTask& write : writes) answer(write);
}

void MvccStore::answer(WriteTask& write) {
  WriteResult result;
  result.succeeded = write.succeeded;
  result.revision = write.succeeded ? write.revision : revision_.load();
  if (!write.succeeded) {
    for (const Compare& compare : write.request.compares) {
      Result<KeyValuePtr> current = get(compare.key, 0);
      if (!current.ok()) return write.done(std::move(current).status());
      result.current.push_back(std::move(current).value());
    }
  }
  write.done(std::move(result));
}

bool MvccStore::anyWatcherWantsPrevious(std::string_view key) const {
  return std::any_of(watchers_.begin(), watchers_.end(), [&](const auto& w) {
    return w->request.previous && key.starts_with(w->request.prefix);
  });
}

void MvccStore::publish(std::vector<LogRecord> records, Revision revision) {
  const bool watched = !watchers_.empty();
  std::vector<WatchEvent> events;
  std::vector<std::shared_ptr<KeyValue>> unread;
  std::vector<LogPosition> positions;
  if (watched) events.reserve(records.size());
  {
    std::unique_lock lock(indexMutex_);
    for (LogRecord& record : records) {
      if (watched) {
        WatchEvent event;
        if (record.version.deleted()) event.type = WatchEvent::Type::Delete;
        event.item = toKeyValue(record.key, record.version);
        event.attachment = std::move(record.attachment);
        const Version* old = index_.latest(record.key);
        if (old != nullptr && !old->deleted() && anyWatcherWantsPrevious(record.key)) {
          auto previous = toKeyValue(record.key, *old);
          if (log_) {
            unread.push_back(previous);
            positions.push_back({old->modRevision, old->sub});
          }
          event.previous = std::move(previous);
        }
        events.push_back(std::move(event));
      }
      if (log_) record.version.value = nullptr;
      index_.apply(record.key, std::move(record.version));
    }
    revision_ = revision;
  }
  if (!watched) return;
  if (!unread.empty()) {
    bool missing = false;
    Status failed = fillValues(unread, positions, missing);
    if (!failed.ok() || missing) {
      log.error("reading previous values failed", {{"error", failed}});
      for (auto& watcher : watchers_)
        if (watcher->request.previous) watcher->fail(internalError("storage: " + failed.message()));
    }
  }
  std::vector<WatchEvent> matching;
  for (auto& watcher : watchers_) {
    if (watcher->closed()) continue;
    const WatchRequest& request = watcher->request;
    matching.clear();
    for (const WatchEvent& event : events) {
      if (!event.item->key.starts_with(request.prefix)) continue;
      if (event.item->modRevision < request.startRevision) continue;
      matching.push_back(event);
      if (!request.previous) matching.back().previous = nullptr;
    }
    if (!matching.empty() || request.progress) watcher->deliver({matching, revision, {}});
  }
  std::erase_if(watchers_, [](const auto& w) { return w->closed(); });
}

void MvccStore::expireDue() {
  Task task;
  task.kind = Task::Kind::Expire;
  enqueue(std::move(task));
}

/// False: the log refused.
bool MvccStore::expire() {
  for (;;) {
    if (index_.nextExpiry() == 0) return true;
    std::vector<Compare> due = index_.due(nowMs(), kExpireChunk);
    if (due.empty()) return true;
    bool ok = true;
    std::vector<WriteTask> writes(1);
    for (const Compare& compare : due)
      writes[0].request.operations.push_back(Operation::del(compare.key));
    writes[0].done = [&ok](const Result<WriteResult>& result) { ok = result.ok(); };
    commit(writes);
    if (!ok) return false;
  }
}

// --- watching ----------------------------------------------------------------------------------

std::unique_ptr<Watch> MvccStore::watch(WatchRequest request, WatchCallback callback) {
  auto watcher = std::make_shared<Watcher>(std::move(request), std::move(callback));
  auto handle = std::make_unique<WatchHandle>(watcher);
  Task task;
  task.kind = Task::Kind::Watch;
  task.watcher = std::move(watcher);
  enqueue(std::move(task));
  return handle;
}

void MvccStore::startWatch(const std::shared_ptr<Watcher>& watcher) {
  if (watcher->closed()) return;
  const WatchRequest& request = watcher->request;
  if (request.startRevision != 0) {
    if (request.startRevision <= compacted_) return watcher->fail(compactedStatus("watch"));
    const std::vector<MvccIndex::Change> changes =
        index_.changes(request.prefix, request.startRevision);
    size_t i = 0;
    while (i < changes.size()) {
      std::vector<WatchEvent> events;
      std::vector<std::shared_ptr<KeyValue>> unread;
      std::vector<LogPosition> positions;
      auto take = [&](const std::string& key, const Version& v) {
        auto item = toKeyValue(key, v);
        if (log_ && !v.deleted()) {
          unread.push_back(item);
          positions.push_back({v.modRevision, v.sub});
        }
        return item;
      };
      Revision last = 0;
      for (; i < changes.size(); ++i) {
        const MvccIndex::Change& change = changes[i];
        if (events.size() >= kHistoryChunk && change.version->modRevision != last) break;
        last = change.version->modRevision;
        WatchEvent event;
        if (change.version->deleted()) event.type = WatchEvent::Type::Delete;
        event.item = take(*change.key, *change.version);
        if (request.previous && change.previous)
          event.previous = take(*change.key, *change.previous);
        events.push_back(std::move(event));
      }
      bool missing = false;
      Status failed = fillValues(unread, positions, missing);
      if (failed.ok() && missing) failed = internalError("storage: a record is missing");
      if (!failed.ok()) return watcher->fail(std::move(failed));
      watcher->deliver({events, last, {}});
      if (watcher->closed()) return;
    }
  }
  watchers_.push_back(watcher);
  if (request.progress) watcher->deliver({{}, revision_.load(), {}});
}

// --- compaction --------------------------------------------------------------------------------

void MvccStore::compact(Revision revision, std::function<void(Status)> done) {
  Task task;
  task.kind = Task::Kind::Compact;
  task.compactRevision = revision;
  task.compactDone = std::move(done);
  enqueue(std::move(task));
}

void MvccStore::startCompact(Task& task) {
  Status status;
  if (task.compactRevision <= compacted_) {
    status = expired("etcdserver: mvcc: required revision has been compacted");
  } else if (task.compactRevision > revision_) {
    status = futureRevisionStatus(task.compactRevision, revision_);
  } else {
    if (log_) status = log_->compact(task.compactRevision, revision_, {});
    if (status.ok()) {
      std::unique_lock lock(indexMutex_);
      compacted_ = task.compactRevision;
      compacting_ = true;
    }
  }
  if (task.compactDone) task.compactDone(std::move(status));
}

/// A piece of the work; true: there is more.
bool MvccStore::compactSome() {
  if (!compacting_) return false;
  if (undropped_.empty()) {
    std::unique_lock lock(indexMutex_);
    undropped_ = index_.compact(compacted_, kCompactChunk);
  }
  if (undropped_.empty()) {
    compacting_ = false;
    return false;
  }
  if (log_) {
    const size_t n = std::min(undropped_.size(), kCompactChunk);
    Status failed =
        log_->compact(compacted_, revision_, std::span(undropped_).subspan(undropped_.size() - n));
    if (!failed.ok()) {
      // Harmless: what is left in the log is dropped with the next compaction, or the next start.
      log.warn("compaction cut short", {{"error", failed}});
      compacting_ = false;
      return false;
    }
    undropped_.resize(undropped_.size() - n);
  } else {
    undropped_.clear();
  }
  return true;
}

// --- reading -----------------------------------------------------------------------------------

Status MvccStore::fillValues(std::span<const std::shared_ptr<KeyValue>> items,
                             std::span<const LogPosition> positions, bool& missing) {
  if (items.empty()) return {};
  TRY(std::vector<Bytes> values, log_->read(positions));
  for (size_t i = 0; i < items.size(); ++i) {
    if (!values[i]) missing = true;
    items[i]->value = std::move(values[i]);
  }
  return {};
}

Result<RangeResult> MvccStore::rangeOnce(const RangeRequest& request, bool& missing) {
  RangeResult result;
  std::vector<std::shared_ptr<KeyValue>> unread;
  std::vector<LogPosition> positions;
  {
    std::shared_lock lock(indexMutex_);
    result.revision = request.revision == 0 ? revision_.load() : request.revision;
    if (result.revision > revision_) return futureRevisionStatus(result.revision, revision_);
    if (result.revision < compacted_) return compactedStatus("list");
    const auto found = index_.range(request.prefix, request.startKey, result.revision,
                                    request.limit, result.count);
    result.items.reserve(found.size());
    for (const MvccIndex::Found& f : found) {
      auto item = toKeyValue(*f.key, *f.version);
      if (request.keysOnly) {
        item->value = nullptr;
      } else if (log_) {
        unread.push_back(item);
        positions.push_back({f.version->modRevision, f.version->sub});
      }
      result.items.push_back(std::move(item));
    }
  }
  result.more = std::cmp_less(result.items.size(), result.count);
  TRY_STATUS(fillValues(unread, positions, missing));
  return result;
}

Result<RangeResult> MvccStore::range(const RangeRequest& request) {
  if (request.revision < 0 || request.limit < 0) return badRequest("negative revision or limit");
  // Between index and log a compaction may take what was just superseded: read again.
  for (int attempt = 0; attempt < 10; ++attempt) {
    bool missing = false;
    Result<RangeResult> result = rangeOnce(request, missing);
    if (!result.ok() || !missing) return result;
  }
  return internalError("storage: a record is missing");
}

Result<KeyValuePtr> MvccStore::get(std::string_view key, Revision revision) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::shared_ptr<KeyValue> item;
    LogPosition position{};
    {
      std::shared_lock lock(indexMutex_);
      const Revision at = revision == 0 ? revision_.load() : revision;
      if (at > revision_) return futureRevisionStatus(at, revision_);
      if (at < compacted_) return compactedStatus("list");
      const Version* version = index_.at(key, at);
      if (version == nullptr) return KeyValuePtr();
      item = toKeyValue(std::string(key), *version);
      position = {version->modRevision, version->sub};
    }
    if (!log_) return KeyValuePtr(std::move(item));
    bool missing = false;
    TRY_STATUS(fillValues({&item, 1}, {&position, 1}, missing));
    if (!missing) return KeyValuePtr(std::move(item));
  }
  return internalError("storage: a record is missing");
}

Result<int64_t> MvccStore::count(std::string_view prefix) {
  std::shared_lock lock(indexMutex_);
  return index_.count(prefix);
}

StoreStats MvccStore::stats() const {
  StoreStats stats;
  {
    std::shared_lock lock(indexMutex_);
    stats.keys = index_.liveKeys();
    stats.versions = index_.versions();
  }
  {
    std::lock_guard lock(queueMutex_);
    stats.pendingWrites = pendingWrites_;
  }
  stats.commits = commits_;
  if (log_) stats.bytesOnDisk = log_->bytesOnDisk();
  return stats;
}

}  // namespace coxswain::storage
