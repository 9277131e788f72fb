#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/reflect/object.h"
#include "apiserver/generic/deflate_piece.h"
#include "apiserver/generic/object_header.h"
#include "apiserver/registry/strategy.h"
#include "base/result.h"
#include "storage/watch_cache.h"

namespace coxswain::apiserver {

/// Bounds the memory of decoded and encoded forms that hang on entries: of those beyond `bytesMax`
/// the ones go first that nobody has asked for lately. Any thread.
class FormBudget {
 public:
  explicit FormBudget(size_t bytesMax) : bytesMax_(bytesMax) {}
  void add(const storage::EntryPtr& entry, size_t bytes);
  [[nodiscard]] size_t bytes() const;

 private:
  struct Held {
    std::weak_ptr<const storage::Entry> entry;
    size_t bytes;
  };
  const size_t bytesMax_;
  mutable std::mutex mutex_;
  std::deque<Held> held_;
  size_t bytes_ = 0;
};

/// The objects below one prefix of the store, shared by every API version that serves them and by
/// all their readers: one entry an object, decoded and encoded once, on first use.
///
/// Any thread; but for `makeEntry`, which runs on the store's writer.
class ObjectCache {
 public:
  struct Kind {
    std::string prefix;      ///< "/registry/pods/"
    std::string apiVersion;  ///< of the stored form: "apps/v1"
    std::string kind;        ///< "Deployment"
    bool namespaced = true;
    const Strategy* strategy = nullptr;  ///< of the stored form
    /// Of the selectable fields: watches that ask for one value of it cost nothing to others.
    /// Empty: none.
    std::string_view triggerField;
    /// Events that watches may resume from; they keep the objects of then in memory.
    size_t eventsKept = 2000;
    size_t watcherEventsMax = 1000;  ///< waiting in one watch; beyond: it ends with Canceled
  };
  /// References outlive the cache.
  static Result<std::unique_ptr<ObjectCache>> create(storage::Store& store, FormBudget& budget,
                                                     Kind kind);

  [[nodiscard]] storage::WatchCache& watches() { return *cache_; }
  [[nodiscard]] const storage::WatchCache& watches() const { return *cache_; }
  [[nodiscard]] const Kind& kind() const { return kind_; }

  /// With defaults and its resourceVersion. Kept on the entry.
  [[nodiscard]] Result<api::ConstObject> object(const storage::EntryPtr& entry) const;
  /// The whole object with kind and apiVersion, without a newline. Kept on the entry.
  [[nodiscard]] Result<std::shared_ptr<const std::string>> json(
      const storage::EntryPtr& entry) const;
  /// The same as an item of a list (without kind and apiVersion), compressed. Kept on the entry.
  [[nodiscard]] Result<std::shared_ptr<const DeflatePiece>> deflatedItem(
      const storage::EntryPtr& entry) const;
  /// Its protobuf message with the resourceVersion in it, without an envelope.
  [[nodiscard]] Status appendProtobuf(const storage::EntryPtr& entry, std::string& out) const;
  /// A stored value that is not in the cache (an older revision).
  [[nodiscard]] storage::EntryPtr entryOf(storage::KeyValuePtr stored) const;

 private:
  ObjectCache(FormBudget& budget, Kind kind) : budget_(budget), kind_(std::move(kind)) {}
  [[nodiscard]] storage::EntryPtr makeEntry(storage::KeyValuePtr stored,
                                            std::shared_ptr<const void> attachment) const;
  [[nodiscard]] Result<api::Object> decode(const storage::KeyValue& stored) const;
  [[nodiscard]] Result<std::string> encodeText(const storage::EntryPtr& entry, bool typeMeta) const;

  FormBudget& budget_;
  const Kind kind_;
  std::unique_ptr<storage::WatchCache> cache_;
};

/// Copies the protobuf message of an object with its metadata.resourceVersion replaced. False:
/// the bytes are not such a message; `out` may then hold part of it.
bool spliceResourceVersion(std::string_view raw, std::string_view resourceVersion,
                           std::string& out);

}  // namespace coxswain::apiserver
