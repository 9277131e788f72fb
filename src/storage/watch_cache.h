#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/store.h"

namespace coxswain::storage {

/// One stored object, shared by everybody who reads it; never changed. What is decoded or encoded
/// of it on first use may be hung on it.
class Entry {
 public:
  /// What the API server asks often (labels, owners, node name, phase): it derives from this.
  struct Header {
    Header() = default;
    Header(const Header&) = delete;
    Header& operator=(const Header&) = delete;
    virtual ~Header() = default;
  };

  Entry(KeyValuePtr stored, std::shared_ptr<const Header> header)
      : stored_(std::move(stored)), header_(std::move(header)) {}

  [[nodiscard]] const std::string& key() const { return stored_->key; }
  [[nodiscard]] const std::string& bytes() const { return *stored_->value; }
  [[nodiscard]] Revision modRevision() const { return stored_->modRevision; }
  [[nodiscard]] const KeyValue& stored() const { return *stored_; }
  /// Null where it was given none.
  [[nodiscard]] const Header* header() const { return header_.get(); }

  /// A form made on first use; null: not made, or dropped to save memory. Any thread; of two that
  /// make it at once the last stays.
  [[nodiscard]] std::shared_ptr<const void> decoded() const { return std::atomic_load(&decoded_); }
  void setDecoded(std::shared_ptr<const void> decoded) const {
    std::atomic_store(&decoded_, std::move(decoded));
  }

 private:
  const KeyValuePtr stored_;
  const std::shared_ptr<const Header> header_;
  mutable std::shared_ptr<const void> decoded_;
};
using EntryPtr = std::shared_ptr<const Entry>;

struct CacheEvent {
  enum class Type : uint8_t { Added, Modified, Deleted, Bookmark };
  Type type = Type::Added;
  Revision revision = 0;
  EntryPtr entry;     ///< Deleted: what it was at last; Bookmark: null
  EntryPtr previous;  ///< Modified: what it was before (a selector may have matched only then)
};
using CacheEventPtr = std::shared_ptr<const CacheEvent>;

struct CacheSnapshot {
  std::vector<EntryPtr> entries;  ///< by key, ascending
  Revision revision = 0;          ///< of the store, when the entries were so
  bool more = false;
  int64_t count = 0;  ///< in the range, without the limit
};

/// The objects below one prefix ("/registry/pods/"), always in memory, kept current by one watch of
/// the store, with the latest events for watches that resume. Reads and watches of the API come
/// from here. Any thread may call; nothing blocks.
///
/// `makeEntry`, `trigger`, filters and `notify` run on the store's writer thread: short, no
/// blocking.
class WatchCache {
  struct Shared;
  struct WatcherState;

 public:
  struct Options {
    std::string prefix;
    size_t eventsMax = 10'000;       ///< kept for resuming watches
    size_t eventBytesMax = 4 << 20;  ///< of the objects of those events
    size_t watcherEventsMax = 1000;  ///< waiting in one watcher; beyond: it ends with Canceled
    /// Makes an entry, with its header and perhaps a decoded form: the attachment of the operation
    /// where there is one (see Operation; null else). Empty: bare entries.
    std::function<EntryPtr(KeyValuePtr, std::shared_ptr<const void> attachment)> makeEntry;
    /// By which watchers of few entries are found (the node's name of a pod): an event goes to
    /// those with the entry's or the previous entry's value, and those without a trigger. May be
    /// empty.
    std::function<std::string_view(const Entry&)> trigger;
  };

  /// Reads the store first: the answer is a current cache. `store` outlives it. Should the store's
  /// watch fail (its status ends every watcher), the owner makes a new cache.
  static Result<std::unique_ptr<WatchCache>> create(Store& store, Options options);
  /// Watchers end with Canceled, as do waits for a revision.
  ~WatchCache();
  WatchCache(const WatchCache&) = delete;
  WatchCache& operator=(const WatchCache&) = delete;

  /// Everything of the store up to it is in the cache.
  [[nodiscard]] Revision revision() const { return revision_.load(); }

  /// Null: absent.
  [[nodiscard]] EntryPtr get(std::string_view key) const;
  /// Keys that begin with `prefix` (the cache's own or longer) and are not below `startKey`.
  [[nodiscard]] CacheSnapshot list(std::string_view prefix, std::string_view startKey = {},
                                   int64_t limit = 0) const;
  [[nodiscard]] int64_t count(std::string_view prefix) const;

  /// Calls back once the cache has reached `revision` (at once if it has), or with the failure that
  /// ends the cache. The caller keeps the time. The store's current revision is always reached
  /// soon.
  void waitFresh(Revision revision, std::function<void(Status)> done);

  /// A watcher's end of a watch. Belongs to one thread; the cache may go first.
  class Watcher {
   public:
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    /// Takes what has arrived, at most `max`; empty: nothing, `notify` will be called for the next.
    /// After the last event: the failure that ended the watch (Canceled where it was too slow: it
    /// may go on from what it has taken).
    Result<std::vector<CacheEventPtr>> take(size_t max = SIZE_MAX);
    /// All events up to it were taken, so that a watch may resume there: for bookmarks. 0: events
    /// are waiting.
    [[nodiscard]] Revision progress() const;

   private:
    friend class WatchCache;
    explicit Watcher(std::shared_ptr<WatcherState> state) : state_(std::move(state)) {}
    const std::shared_ptr<WatcherState> state_;
  };

  struct WatchOptions {
    std::string prefix;  ///< the cache's own or longer
    Revision after = 0;  ///< events above it; 0: first all entries as Added, then what comes
    bool initialEvents = false;  ///< all entries as Added, a Bookmark, then what comes (WatchList)
    std::string trigger;         ///< only entries with this value (see Options); empty: all
    /// False: the watcher does not want it. Empty: wants all. Also sees initial entries.
    std::function<bool(const CacheEvent&)> filter;
    /// Something to `take`; called again only after `take` has answered empty. Not called after the
    /// watcher's destructor.
    std::function<void()> notify;
  };
  /// Expired where the events after `after` are no longer known; Timeout where it is in the future.
  Result<std::unique_ptr<Watcher>> watch(WatchOptions options);

  struct Stats {
    int64_t entries = 0;
    int64_t bytes = 0;  ///< keys and values
    int64_t watchers = 0;
    int64_t events = 0;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Waiter {
    Revision revision;
    std::function<void(Status)> done;
  };
  /// Keys are views into the entries.
  using Entries = std::map<std::string_view, EntryPtr>;

  /// What one delivery brings one watcher.
  struct Arrival {
    std::shared_ptr<WatcherState> watcher;
    std::vector<CacheEventPtr> events;
  };

  explicit WatchCache(Options options);

  void onDelivery(const WatchDelivery& delivery);
  CacheEventPtr apply(const WatchEvent& event, EntryPtr made);
  EntryPtr makeEntry(KeyValuePtr stored, std::shared_ptr<const void> attachment) const;
  void collect(const CacheEventPtr& event, std::vector<Arrival>& arrivals);
  void pruneWatchers();
  void fail(const Status& status);

  const Options options_;

  mutable std::shared_mutex mutex_;
  Entries entries_;
  std::deque<CacheEventPtr> events_;
  size_t eventBytes_ = 0;  ///< of their entries
  Revision oldest_ = 0;    ///< events above it are in `events_`
  int64_t bytes_ = 0;
  std::atomic<Revision> revision_{0};
  const std::shared_ptr<Shared> shared_;
  /// By trigger; without one under "".
  std::unordered_map<std::string, std::vector<std::shared_ptr<WatcherState>>> watchers_;
  size_t watcherCount_ = 0;
  size_t pruneAt_ = 64;  ///< watchers; then those that ended are thrown out
  std::vector<Waiter> waiters_;
  Status failed_;

  std::unique_ptr<Watch> watch_;
};

}  // namespace coxswain::storage
