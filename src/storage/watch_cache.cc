#include "storage/watch_cache.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace coxswain::storage {

namespace {
size_t sizeOf(const Entry& entry) {
  return entry.key().size() + entry.bytes().size();
}
}  // namespace

/// What a cache's watchers have in common: there may be very many, idle, so each is kept small.
struct WatchCache::Shared {
  explicit Shared(size_t max) : watcherEventsMax(max) {}

  const size_t watcherEventsMax;
  std::atomic<Revision> delivered{0};  ///< watchers have been given everything up to it
  /// Held while a notify runs, so that a watcher's destructor can wait for it.
  std::recursive_mutex notifying;
  /// A watcher's is found by its address.
  std::array<std::mutex, 8> mutexes;
};

/// The queue between the store's writer and one watcher.
struct WatchCache::WatcherState {
  /// What it leaves out; most watch a whole collection.
  struct Selection {
    std::string prefix;
    std::function<bool(const CacheEvent&)> filter;
  };

  WatcherState(std::shared_ptr<Shared> s, Revision from, Revision now, std::function<void()> tell)
      : shared(std::move(s)), after(from), start(now), told(std::move(tell)) {}

  const std::shared_ptr<Shared> shared;
  const Revision after;  ///< wants events above it
  const Revision start;  ///< the cache's when the watch began
  std::unique_ptr<const Selection> selection;

  /// During a delivery: where its arrivals are, from 1.
  uint32_t arrival = 0;

  // Below `mutex()`.
  uint32_t next = 0;
  uint32_t history = 0;  ///< of `events`, from before the watch: not counted against the most
  bool armed = true;     ///< the next event calls notify
  bool closed = false;
  bool gone = false;                  ///< below `notifying`
  std::vector<CacheEventPtr> events;  ///< those from `next` on wait; all memory goes when none do
  Status status;
  const std::function<void()> told;

  [[nodiscard]] std::mutex& mutex() const {
    return shared->mutexes[reinterpret_cast<uintptr_t>(this) / 64 % shared->mutexes.size()];
  }
  [[nodiscard]] bool wants(const CacheEvent& event) const {
    if (!selection) return true;
    return event.entry->key().starts_with(selection->prefix) &&
           (!selection->filter || selection->filter(event));
  }

  /// The writer's: hands over what has arrived.
  void push(std::vector<CacheEventPtr> arriving) {
    bool wake = false;
    {
      std::lock_guard lock(mutex());
      if (closed) return;
      if (waiting() - history + arriving.size() > shared->watcherEventsMax) {
        // What waits is of no use without what is lost: free it now.
        drop();
        history = 0;
        status = canceled();
        closed = true;
      } else {
        if (events.empty()) {
          events.swap(arriving);
        } else {
          std::move(arriving.begin(), arriving.end(), std::back_inserter(events));
        }
      }
      wake = std::exchange(armed, false);
    }
    if (wake) notify();
  }
  void end(const Status& why) {
    bool wake = false;
    {
      std::lock_guard lock(mutex());
      if (closed) return;
      closed = true;
      status = why;
      wake = std::exchange(armed, false);
    }
    if (wake) notify();
  }
  void notify() {
    std::lock_guard lock(shared->notifying);
    if (!gone && told) told();
  }
  bool ended() {
    std::lock_guard lock(mutex());
    return closed;
  }
  // With `mutex()` held.
  [[nodiscard]] size_t waiting() const { return events.size() - next; }
  void drop() {
    events = {};
    next = 0;
  }
};

WatchCache::Watcher::~Watcher() {
  {
    std::lock_guard lock(state_->mutex());
    state_->closed = true;
    state_->drop();
  }
  std::lock_guard lock(state_->shared->notifying);
  state_->gone = true;
}

Result<std::vector<CacheEventPtr>> WatchCache::Watcher::take(size_t max) {
  std::lock_guard lock(state_->mutex());
  std::vector<CacheEventPtr> taken;
  if (state_->waiting() == 0) {
    if (!state_->status.ok()) return state_->status;
    state_->armed = true;
    return taken;
  }
  const size_t n = std::min(max, state_->waiting());
  if (n == state_->events.size()) {
    taken.swap(state_->events);
  } else {
    auto first = state_->events.begin() + static_cast<ptrdiff_t>(state_->next);
    taken.assign(std::move_iterator(first), std::move_iterator(first + static_cast<ptrdiff_t>(n)));
    state_->next += static_cast<uint32_t>(n);
    if (state_->waiting() == 0) {
      state_->drop();
    } else if (state_->next > state_->events.size() / 2) {
      // A watcher that is never quite done would hold room for all it ever took.
      auto& events = state_->events;
      events.erase(events.begin(), events.begin() + static_cast<ptrdiff_t>(state_->next));
      state_->next = 0;
    }
  }
  state_->history -= std::min(state_->history, static_cast<uint32_t>(n));
  return taken;
}

Revision WatchCache::Watcher::progress() const {
  // In this order: what was handed over until then is either taken or still in the queue.
  const Revision delivered = state_->shared->delivered;
  std::lock_guard lock(state_->mutex());
  return state_->waiting() == 0 ? std::max(state_->start, delivered) : 0;
}

WatchCache::WatchCache(Options options)
    : options_(std::move(options)), shared_(std::make_shared<Shared>(options_.watcherEventsMax)) {}

Result<std::unique_ptr<WatchCache>> WatchCache::create(Store& store, Options options) {
  std::unique_ptr<WatchCache> cache(new WatchCache(std::move(options)));
  RangeRequest all;
  all.prefix = cache->options_.prefix;
  TRY(RangeResult listed, store.range(all));
  for (KeyValuePtr& item : listed.items) {
    EntryPtr entry = cache->makeEntry(std::move(item), nullptr);
    cache->bytes_ += static_cast<int64_t>(sizeOf(*entry));
    const std::string_view key = entry->key();
    cache->entries_.emplace_hint(cache->entries_.end(), key, std::move(entry));
  }
  cache->revision_ = cache->oldest_ = cache->shared_->delivered = listed.revision;
  WatchRequest request;
  request.prefix = cache->options_.prefix;
  request.startRevision = cache->revision_ + 1;
  request.progress = true;
  WatchCache* self = cache.get();
  cache->watch_ =
      store.watch(std::move(request), [self](const WatchDelivery& d) { self->onDelivery(d); });
  return cache;
}

WatchCache::~WatchCache() {
  watch_.reset();
  fail(canceled());
}

EntryPtr WatchCache::makeEntry(KeyValuePtr stored, std::shared_ptr<const void> attachment) const {
  if (options_.makeEntry) return options_.makeEntry(std::move(stored), std::move(attachment));
  return std::make_shared<const Entry>(std::move(stored), nullptr);
}

// --- the store's side --------------------------------------------------------------------------

/// Under the lock. `made` is the new entry of a put.
CacheEventPtr WatchCache::apply(const WatchEvent& event, EntryPtr made) {
  auto out = std::make_shared<CacheEvent>();
  out->revision = event.item->modRevision;
  auto it = entries_.find(event.item->key);
  EntryPtr old = it == entries_.end() ? nullptr : it->second;
  if (old) {
    bytes_ -= static_cast<int64_t>(sizeOf(*old));
    it = entries_.erase(it);  // the map's key is a view into the old entry
  }
  if (event.type == WatchEvent::Type::Delete) {
    if (!old) return nullptr;
    out->type = CacheEvent::Type::Deleted;
    out->entry = std::move(old);
    return out;
  }
  out->type = old ? CacheEvent::Type::Modified : CacheEvent::Type::Added;
  out->previous = std::move(old);
  out->entry = std::move(made);
  bytes_ += static_cast<int64_t>(sizeOf(*out->entry));
  entries_.emplace_hint(it, out->entry->key(), out->entry);
  return out;
}

/// Puts an event where the watchers that want it find it.
void WatchCache::collect(const CacheEventPtr& event, std::vector<Arrival>& arrivals) {
  auto offer = [&](const std::string& trigger) {
    auto bucket = watchers_.find(trigger);
    if (bucket == watchers_.end()) return;
    for (const auto& watcher : bucket->second) {
      if (event->revision <= watcher->after || !watcher->wants(*event)) continue;
      if (watcher->arrival == 0) {
        arrivals.push_back({watcher, {}});
        watcher->arrival = static_cast<uint32_t>(arrivals.size());
      }
      arrivals[watcher->arrival - 1].events.push_back(event);
    }
  };
  offer("");
  if (!options_.trigger) return;
  const std::string now(options_.trigger(*event->entry));
  if (!now.empty()) offer(now);
  if (!event->previous) return;
  const std::string before(options_.trigger(*event->previous));
  if (!before.empty() && before != now) offer(before);
}

void WatchCache::pruneWatchers() {
  watcherCount_ = 0;
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    std::erase_if(it->second, [](const auto& w) { return w->ended(); });
    watcherCount_ += it->second.size();
    it = it->second.empty() ? watchers_.erase(it) : std::next(it);
  }
  pruneAt_ = std::max<size_t>(64, watcherCount_ * 2);
}

void WatchCache::onDelivery(const WatchDelivery& delivery) {
  if (!delivery.status.ok()) return fail(delivery.status);
  std::vector<EntryPtr> made;
  std::vector<Arrival> arrivals;
  std::vector<Waiter> ready;
  made.reserve(delivery.events.size());
  for (const WatchEvent& event : delivery.events) {
    made.push_back(event.type == WatchEvent::Type::Put ? makeEntry(event.item, event.attachment)
                                                       : nullptr);
  }
  {
    std::unique_lock lock(mutex_);
    for (size_t i = 0; i < made.size(); ++i) {
      CacheEventPtr event = apply(delivery.events[i], std::move(made[i]));
      if (!event) continue;
      collect(event, arrivals);
      eventBytes_ += sizeOf(*event->entry);
      events_.push_back(std::move(event));
    }
    while (events_.size() > options_.eventsMax || eventBytes_ > options_.eventBytesMax) {
      // All of one revision go together.
      oldest_ = events_.front()->revision;
      while (!events_.empty() && events_.front()->revision == oldest_) {
        eventBytes_ -= sizeOf(*events_.front()->entry);
        events_.pop_front();
      }
    }
    for (const auto& arrival : arrivals) arrival.watcher->arrival = 0;
    if (delivery.revision > revision_) revision_ = delivery.revision;
    auto reached = std::partition(waiters_.begin(), waiters_.end(),
                                  [this](const Waiter& w) { return w.revision > revision_; });
    std::move(reached, waiters_.end(), std::back_inserter(ready));
    waiters_.erase(reached, waiters_.end());
  }
  for (auto& arrival : arrivals) arrival.watcher->push(std::move(arrival.events));
  if (delivery.revision > shared_->delivered) shared_->delivered = delivery.revision;
  for (Waiter& waiter : ready) waiter.done({});
}

void WatchCache::fail(const Status& status) {
  decltype(watchers_) watchers;
  std::vector<Waiter> waiters;
  {
    std::unique_lock lock(mutex_);
    failed_ = status;
    watchers.swap(watchers_);
    watcherCount_ = 0;
    waiters.swap(waiters_);
  }
  for (auto& [trigger, bucket] : watchers)
    for (auto& watcher : bucket) watcher->end(status);
  for (Waiter& waiter : waiters) waiter.done(status);
}

// --- the readers' side -------------------------------------------------------------------------

EntryPtr WatchCache::get(std::string_view key) const {
  std::shared_lock lock(mutex_);
  auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : it->second;
}

CacheSnapshot WatchCache::list(std::string_view prefix, std::string_view startKey,
                               int64_t limit) const {
  CacheSnapshot snapshot;
  std::shared_lock lock(mutex_);
  snapshot.revision = revision_;
  const bool all = prefix == options_.prefix && startKey <= prefix;
  if (all && limit == 0) snapshot.entries.reserve(entries_.size());
  for (auto it = entries_.lower_bound(std::max(prefix, startKey)); it != entries_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    ++snapshot.count;
    if (limit == 0 || snapshot.count <= limit) {
      snapshot.entries.push_back(it->second);
    } else if (all) {
      snapshot.count = static_cast<int64_t>(entries_.size());
      break;
    }
  }
  snapshot.more = std::cmp_less(snapshot.entries.size(), snapshot.count);
  return snapshot;
}

int64_t WatchCache::count(std::string_view prefix) const {
  std::shared_lock lock(mutex_);
  if (prefix == options_.prefix) return static_cast<int64_t>(entries_.size());
  int64_t n = 0;
  for (auto it = entries_.lower_bound(prefix); it != entries_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    ++n;
  }
  return n;
}

void WatchCache::waitFresh(Revision revision, std::function<void(Status)> done) {
  Status status;
  {
    std::unique_lock lock(mutex_);
    if (failed_.ok() && revision_ < revision) {
      waiters_.push_back({revision, std::move(done)});
      return;
    }
    if (revision_ < revision) status = failed_;
  }
  done(std::move(status));
}

Result<std::unique_ptr<WatchCache::Watcher>> WatchCache::watch(WatchOptions options) {
  std::unique_lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  const bool fromState = options.after == 0 || options.initialEvents;
  if (options.after > revision_) return futureRevisionStatus(options.after, revision_);
  if (!fromState && options.after < oldest_) {
    return expired("too old resource version: " + std::to_string(options.after) + " (" +
                   std::to_string(oldest_) + ")");
  }
  const Revision after = fromState ? revision_.load() : options.after;
  const std::string prefix = std::move(options.prefix);
  const std::string trigger = options_.trigger ? std::move(options.trigger) : std::string();
  auto state =
      std::make_shared<WatcherState>(shared_, after, revision_.load(), std::move(options.notify));
  if (options.filter || prefix != options_.prefix) {
    state->selection.reset(new WatcherState::Selection{prefix, std::move(options.filter)});
  }
  auto offer = [&](CacheEventPtr event) {
    // As `collect` does for events to come.
    if (!trigger.empty() && options_.trigger(*event->entry) != trigger &&
        (!event->previous || options_.trigger(*event->previous) != trigger))
      return;
    if (state->wants(*event)) state->events.push_back(std::move(event));
  };
  if (fromState) {
    for (auto it = entries_.lower_bound(prefix); it != entries_.end(); ++it) {
      if (!it->first.starts_with(prefix)) break;
      auto event = std::make_shared<CacheEvent>();
      event->revision = it->second->modRevision();
      event->entry = it->second;
      offer(std::move(event));
    }
    if (options.initialEvents) {
      auto bookmark = std::make_shared<CacheEvent>();
      bookmark->type = CacheEvent::Type::Bookmark;
      bookmark->revision = revision_;
      state->events.push_back(std::move(bookmark));
    }
  } else {
    auto first =
        std::upper_bound(events_.begin(), events_.end(), after,
                         [](Revision r, const CacheEventPtr& e) { return r < e->revision; });
    for (; first != events_.end(); ++first) offer(*first);
  }
  state->history = static_cast<uint32_t>(state->events.size());
  if (++watcherCount_ > pruneAt_) pruneWatchers();
  watchers_[trigger].push_back(state);
  return std::unique_ptr<Watcher>(new Watcher(std::move(state)));
}

WatchCache::Stats WatchCache::stats() const {
  std::shared_lock lock(mutex_);
  return {static_cast<int64_t>(entries_.size()), bytes_, static_cast<int64_t>(watcherCount_),
          static_cast<int64_t>(events_.size())};
}

}  // namespace coxswain::storage
