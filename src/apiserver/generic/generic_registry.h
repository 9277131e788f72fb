#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "apiserver/field_manager/field_manager.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/item.h"
#include "apiserver/generic/object_cache.h"
#include "apiserver/generic/storage_hooks.h"
#include "apiserver/generic/write_latencies.h"
#include "apiserver/registry/strategy.h"
#include "base/result.h"
#include "runtime/random.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// What the registry must know of a collection besides its strategy.
struct Collection {
  std::string resource;    ///< as errors name it: "pods", "deployments.apps"
  std::string kind;        ///< as Invalid names it: "Pod", "Deployment.apps"
  std::string kindName;    ///< "Deployment"
  std::string apiVersion;  ///< as served: "apps/v1"
  bool namespaced = true;
  Duration ttl{};  ///< objects live so long after their last write; zero: for ever
  /// Between the served and the stored form; null: they are the same.
  void (*toStorage)(const void* served, void* stored) = nullptr;
  void (*fromStorage)(const void* stored, void* served) = nullptr;
};

/// What must hold of the stored object; empty: anything.
struct Preconditions {
  std::string uid;
  std::string resourceVersion;
};

struct DeleteRequest {
  Preconditions preconditions;
  std::optional<int64_t> gracePeriodSeconds;
  std::string propagationPolicy;  ///< "Orphan", "Foreground", "Background"; empty: the kind's
  bool dryRun = false;
};

struct ListRequest {
  std::string ns;  ///< empty: all
  api::LabelSelector labels;
  api::FieldSelector fields;
  int64_t limit = 0;  ///< 0: all
  std::string continueToken;
  std::string resourceVersion;
  std::string resourceVersionMatch;  ///< "", "Exact", "NotOlderThan"
};

struct ListAnswer {
  std::vector<Item> items;
  storage::Revision revision = 0;
  std::string continueToken;              ///< empty: complete
  std::optional<int64_t> remainingItems;  ///< only where no selector hides any
};

struct Deleted {
  api::ConstObject object;
  bool gone = false;  ///< false: marked; finalizers or a grace period keep it
};

struct ObjectEvent {
  using Type = storage::CacheEvent::Type;
  Type type = Type::Added;
  /// A deleted object carries it, an entry that is there has its own.
  storage::Revision revision = 0;
  storage::EntryPtr entry;        ///< Deleted: the last state that was selected; Bookmark: null
  storage::CacheEventPtr source;  ///< shared by all watches of the event
};

/// Events of one collection, seen through selectors: an object that comes into the selection is
/// Added, one that leaves it Deleted. Belongs to the executor that made it.
class ObjectWatch {
 public:
  /// At most `max`; empty: nothing now, `notify` will be called. Failures end the watch.
  Result<std::vector<ObjectEvent>> take(size_t max);
  /// As WatchCache::Watcher::progress.
  [[nodiscard]] storage::Revision progress() const { return watcher_->progress(); }

 private:
  friend class GenericRegistry;
  std::function<bool(const storage::Entry&)> matches_;
  std::unique_ptr<storage::WatchCache::Watcher> watcher_;
};

/// Create, read, update, delete and watch of one collection on the store, as every kind does it:
/// identity, optimistic concurrency, finalizers, graceful deletion, no write where nothing changes.
/// What is particular to a kind comes from its Strategy. Knows neither HTTP nor users.
///
/// Reads answer at once, from the cache, which has all that was ever acknowledged; writes end on
/// the caller's executor once they are durable. References outlive the registry. Failures carry the
/// Status a client gets. One executor.
///
/// Upstream: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.
class GenericRegistry {
 public:
  /// Makes the wanted object from the stored one (null: it is absent, and the kind allows PUT to
  /// create). Called again when somebody else was faster.
  using Transform = std::function<Result<api::Object>(const api::Object* current)>;

  GenericRegistry(storage::Store& store, ObjectCache& cache, Collection collection,
                  const Strategy& strategy, Random& random);
  /// Side effects of writes; outlives the registry.
  void setHooks(StorageHooks* hooks) { hooks_ = hooks; }

  /// `object` has its defaults. `ns` empty for cluster-scoped kinds.
  /// `tracked`: it has its managedFields already.
  Task<Result<api::ConstObject>> create(std::string ns, api::Object object, bool dryRun,
                                        WriteAdmission* admission = nullptr, bool tracked = false);
  [[nodiscard]] Result<api::ConstObject> get(std::string_view ns, std::string_view name) const;
  /// The same, undecoded.
  [[nodiscard]] Result<Item> find(std::string_view ns, std::string_view name) const;
  /// What a write answered: shares the forms of its entry if that is still the latest.
  [[nodiscard]] Item itemOf(const api::ConstObject& object) const;
  [[nodiscard]] Result<ListAnswer> list(const ListRequest& request) const;
  /// Waits until reads show at least `resourceVersion` ("" and "0": at once); Timeout after three
  /// seconds.
  Task<Status> waitFor(std::string resourceVersion, std::stop_token stop) const;

  struct UpdateRequest {
    std::string ns;
    std::string name;
    bool status = false;  ///< through /status
    /// Of subresources that change a part (finalize, resize...); null: the kind's.
    const Strategy* strategy = nullptr;
    bool dryRun = false;
    Preconditions preconditions;
    /// An absent object is made, whether or not the kind lets PUT do that (server-side apply).
    bool createAlways = false;
    /// What the transform makes has its managedFields already.
    bool tracked = false;
  };
  struct Updated {
    api::ConstObject object;
    bool created = false;
  };
  Task<Result<Updated>> update(UpdateRequest request, const Transform& transform,
                               WriteAdmission* admission = nullptr);

  Task<Result<Deleted>> remove(std::string ns, std::string name, DeleteRequest request,
                               WriteAdmission* admission = nullptr);

  struct WatchRequest {
    std::string ns;
    api::LabelSelector labels;
    api::FieldSelector fields;
    storage::Revision after = 0;   ///< 0: what is there first, as Added
    bool initialEvents = false;    ///< what is there, a Bookmark, then what comes
    std::function<void()> notify;  ///< any thread
  };
  /// Expired where the events after `after` are no longer known.
  [[nodiscard]] Result<std::unique_ptr<ObjectWatch>> watch(WatchRequest request) const;

  /// An entry as this registry serves it.
  [[nodiscard]] Result<api::ConstObject> decode(const storage::EntryPtr& entry) const;
  [[nodiscard]] const Collection& collection() const { return collection_; }
  [[nodiscard]] const WriteLatencies& writeLatencies() const { return writeLatencies_; }
  [[nodiscard]] const Strategy& strategy() const { return strategy_; }
  [[nodiscard]] const ObjectCache& cache() const { return cache_; }
  [[nodiscard]] const FieldManager& fieldManager() const { return fieldManager_; }
  [[nodiscard]] bool converts() const { return collection_.fromStorage != nullptr; }
  [[nodiscard]] std::string key(std::string_view ns, std::string_view name) const;

 private:
  struct Stored;
  struct Encoded;
  using Matcher = std::function<bool(const storage::Entry&)>;
  Result<Stored> load(std::string_view ns, std::string_view name) const;
  Task<Result<storage::WriteResult>> write(storage::WriteRequest request) const;
  [[nodiscard]] Encoded encode(api::Object& object) const;
  [[nodiscard]] storage::Operation put(std::string key, Encoded encoded,
                                       api::ConstObject* object) const;
  std::string newUid();
  Status checkPreconditions(const Preconditions& wanted, const api::Object& current) const;
  Status checkDeletePreconditions(const Preconditions& wanted, const api::Object& current) const;
  Status prepareUpdate(const UpdateRequest& request, api::Object& next,
                       const api::Object& current) const;
  Status validateUpdate(const UpdateRequest& request, const api::Object& next,
                        const api::Object& current) const;
  void stamp(const Strategy& strategy, WriteAdmission* admission, api::Object& next,
             const api::Object* current) const;
  [[nodiscard]] bool mayVanish(const api::Object& object) const;
  void track(WriteAdmission* admission, const api::Object* live, api::Object& next,
             const Strategy& strategy, bool status) const;
  void markForDeletion(api::Object& object, std::optional<int64_t> grace) const;
  [[nodiscard]] std::string prefixOf(std::string_view ns) const;
  [[nodiscard]] Matcher matcher(const api::LabelSelector& labels,
                                const api::FieldSelector& fields) const;
  Result<storage::RangeResult> rangeAt(const storage::RangeRequest& range) const;

  storage::Store& store_;
  ObjectCache& cache_;
  Collection collection_;
  mutable WriteLatencies writeLatencies_;
  const Strategy& strategy_;
  Random& random_;
  FieldManager fieldManager_;
  StorageHooks* hooks_ = nullptr;
};

/// The current time, as objects keep it.
api::Time registryNow();
/// Who a request writes as.
Writer writerOf(const RequestContext& request);
/// What writes of the object, or of its status, leave as it is.
FieldTree resetFieldsOf(const Strategy& strategy, bool status);

/// Of a resourceVersion as clients write it: BadRequest with Go's text.
Result<storage::Revision> parseResourceVersion(std::string_view text);

}  // namespace coxswain::apiserver
