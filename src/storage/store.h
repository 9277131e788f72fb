#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::storage {

/// Position in the store's history. Every successful write that changed something makes the next
/// one; an empty store is at 1, as etcd is. 0 never names a revision.
using Revision = int64_t;

/// Shared, immutable value bytes. Never null in a stored key.
using Bytes = std::shared_ptr<const std::string>;
inline Bytes makeBytes(std::string value) {
  return std::make_shared<const std::string>(std::move(value));
}

/// One key at one revision.
struct KeyValue {
  std::string key;
  Bytes value;                  ///< null only in keysOnly answers and in Delete events
  Revision createRevision = 0;  ///< of the put that made the key
  Revision modRevision = 0;     ///< of the last put (of the delete, in a Delete event)
  int64_t version = 0;          ///< puts since creation, from 1; 0 in a Delete event
  int64_t expiresAtMs = 0;      ///< Unix milliseconds when the store deletes it; 0: never
};
using KeyValuePtr = std::shared_ptr<const KeyValue>;

/// Holds if the key's modRevision is this one; 0: the key is absent.
struct Compare {
  std::string key;
  Revision modRevision = 0;
};

struct Operation {
  enum class Type : uint8_t { Put, Delete };
  Type type = Type::Put;
  std::string key;
  Bytes value;     ///< of a Put
  Duration ttl{};  ///< of a Put: the store deletes the key after this long; zero: never
  /// Rides along to the watches' events (such as the decoded object); not stored.
  std::shared_ptr<const void> attachment{};

  static Operation put(std::string key, std::string value, Duration ttl = {}) {
    return {Type::Put, std::move(key), makeBytes(std::move(value)), ttl, nullptr};
  }
  static Operation put(std::string key, Bytes value, Duration ttl = {}) {
    return {Type::Put, std::move(key), std::move(value), ttl, nullptr};
  }
  static Operation del(std::string key) {
    return {Type::Delete, std::move(key), nullptr, {}, nullptr};
  }
};

/// If all compares hold, all operations happen at one revision; else none. No key twice among the
/// operations. Deleting an absent key changes nothing; a write that changes nothing makes no
/// revision.
struct WriteRequest {
  std::vector<Compare> compares;
  std::vector<Operation> operations;
};

struct WriteResult {
  bool succeeded = false;  ///< false: a compare did not hold
  Revision revision = 0;   ///< succeeded: this write's; else the store's
  /// Where a compare failed: for each compare what the key holds now (null: absent), which may be
  /// newer than what the compare saw.
  std::vector<KeyValuePtr> current;
};
using WriteCallback = std::function<void(Result<WriteResult>)>;

struct RangeRequest {
  std::string prefix;     ///< keys that begin so; empty: all
  std::string startKey;   ///< and are not below this; empty: from the first
  Revision revision = 0;  ///< as the store was then; 0: latest
  int64_t limit = 0;      ///< at most so many; 0: all
  bool keysOnly = false;  ///< no values
};

struct RangeResult {
  std::vector<KeyValuePtr> items;  ///< by key, ascending
  Revision revision = 0;           ///< the store's revision that the answer shows
  bool more = false;               ///< the limit left some out
  int64_t count = 0;               ///< keys in the range, without the limit
};

struct WatchRequest {
  std::string prefix;          ///< keys that begin so; empty: all
  Revision startRevision = 0;  ///< first revision wanted; 0: what comes after the call
  bool previous = false;       ///< events carry what the key held before
  bool progress = false;       ///< also tell of revisions without events for this prefix
};

struct WatchEvent {
  enum class Type : uint8_t { Put, Delete };
  Type type = Type::Put;
  KeyValuePtr item;                        ///< Delete: key and modRevision (the delete's) only
  KeyValuePtr previous;                    ///< if asked for; null: the key was absent
  std::shared_ptr<const void> attachment;  ///< the operation's; null in history, or after a restart

  [[nodiscard]] bool isCreate() const {
    return type == Type::Put && item->createRevision == item->modRevision;
  }
};

/// Events in order of revision; those of one revision arrive together.
struct WatchDelivery {
  std::span<const WatchEvent> events;
  Revision revision = 0;  ///< everything up to it has been delivered
  Status status;  ///< a failure is the last delivery: Expired (compacted), Canceled (closed)
};
using WatchCallback = std::function<void(const WatchDelivery&)>;

/// A running watch; destroying it ends it. After the destructor no callback runs (it waits for one
/// that runs on another thread; it may be destroyed inside its own callback).
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch() = default;
};

struct StoreStats {
  int64_t keys = 0;      ///< live keys
  int64_t versions = 0;  ///< versions held, tombstones included
  int64_t pendingWrites = 0;
  int64_t commits = 0;      ///< transactions (group commits)
  int64_t bytesOnDisk = 0;  ///< 0 for engines without a disk
};

/// A versioned map from keys to bytes with etcd's semantics. All methods may be called on any
/// thread.
///
/// Writes and watch callbacks run on the store's writer thread (the memory engine: on the thread of
/// some writer, inside its `write`), one at a time and in order of revision: they must be short and
/// must not block; they may call any method. A watch sees a write before the write's own callback.
///
/// Failures: Expired (revision compacted), Timeout (revision in the future),
/// RequestEntityTooLarge, TooManyRequests (queue full), BadRequest, InternalError (disk full or
/// broken; nothing was written), Canceled (store closed).
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  /// Waits for writes under way, answers Canceled to those queued. Destroy watches first.
  virtual ~Store() = default;

  /// Latest durable revision.
  [[nodiscard]] virtual Revision revision() const = 0;
  /// Oldest revision that can be read; 0: nothing was compacted.
  [[nodiscard]] virtual Revision compactedRevision() const = 0;

  /// Calls back exactly once, when the write is durable or has failed.
  virtual void write(WriteRequest request, WriteCallback done) = 0;

  /// Null: the key is absent (not a failure).
  virtual Result<KeyValuePtr> get(std::string_view key, Revision revision = 0) = 0;
  virtual Result<RangeResult> range(const RangeRequest& request) = 0;
  virtual Result<int64_t> count(std::string_view prefix) = 0;

  /// First calls back with history from startRevision, then as writes commit.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(WatchRequest request,
                                                     WatchCallback callback) = 0;

  /// Forgets versions superseded at or before `revision`; reading below it is Expired from now on.
  virtual void compact(Revision revision, std::function<void(Status)> done) = 0;

  /// Deletes keys whose time is over. Engines with a thread do so themselves; with the memory
  /// engine, whoever owns the clock calls it.
  virtual void expireDue() = 0;

  [[nodiscard]] virtual StoreStats stats() const = 0;
};

struct StoreOptions {
  int64_t requestBytesMax = 1536 * 1024;  ///< keys and values of one write, as etcd
  int operationsMax = 128;                ///< of one write, as etcd; below 1024
  int64_t pendingWritesMax = 100'000;     ///< queued; beyond: TooManyRequests
  int64_t pendingBytesMax = 256 * 1024 * 1024;
  std::function<WallTime()> now;  ///< for time to live; empty: the system's clock
  /// False: a durable engine has no thread either, and is used as the memory engine is: whoever
  /// calls `write` does the writing (simulations).
  bool ownThread = true;
};

/// 410 with upstream's text; `what` is "list" or "watch".
Status compactedStatus(std::string_view what);
/// 504 with upstream's cause ResourceVersionTooLarge.
Status futureRevisionStatus(Revision wanted, Revision current);

}  // namespace coxswain::storage
