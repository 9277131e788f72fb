#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/storage_hooks.h"
#include "apiserver/registry/strategy.h"
#include "base/result.h"
#include "runtime/random.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// What the registry must know of a collection besides its strategy.
struct Collection {
  std::string keyPrefix;   ///< "/registry/pods/", with the slash
  std::string resource;    ///< as errors name it: "pods", "deployments.apps"
  std::string kind;        ///< as Invalid names it: "Pod", "Deployment.apps"
  std::string apiVersion;  ///< "apps/v1": of the stored form
  bool namespaced = true;
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
  int64_t limit = 0;
  std::string continueToken;
  std::string resourceVersion;
  std::string resourceVersionMatch;  ///< "", "Exact", "NotOlderThan"
};

struct ListAnswer {
  std::vector<api::ConstObject> items;
  storage::Revision revision = 0;
  std::string continueToken;              ///< empty: complete
  std::optional<int64_t> remainingItems;  ///< only where no selector hides any
};

struct Deleted {
  api::ConstObject object;
  bool gone = false;  ///< false: marked; finalizers or a grace period keep it
};

/// Create, read, update and delete of one collection on the store, as every kind does it: identity,
/// optimistic concurrency, finalizers, graceful deletion, no write where nothing changes. What is
/// particular to a kind comes from its Strategy. Knows neither HTTP nor users.
///
/// Reads answer at once; writes end on the caller's executor once they are durable. References
/// outlive the registry. Failures carry the Status a client gets.
///
/// Upstream: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.
class GenericRegistry {
 public:
  /// Makes the wanted object from the stored one (null: it is absent, and the kind allows PUT to
  /// create). Called again when somebody else was faster.
  using Transform = std::function<Result<api::Object>(const api::Object* current)>;

  GenericRegistry(storage::Store& store, Collection collection, const Strategy& strategy,
                  Random& random);
  /// Side effects of writes; outlives the registry.
  void setHooks(StorageHooks* hooks) { hooks_ = hooks; }

  /// `object` has its defaults. `ns` empty for cluster-scoped kinds.
  Task<Result<api::ConstObject>> create(std::string ns, api::Object object, bool dryRun,
                                        WriteAdmission* admission = nullptr);
  [[nodiscard]] Result<api::ConstObject> get(std::string_view ns, std::string_view name) const;
  [[nodiscard]] Result<ListAnswer> list(const ListRequest& request) const;

  struct UpdateRequest {
    std::string ns;
    std::string name;
    bool status = false;  ///< through /status
    bool dryRun = false;
    Preconditions preconditions;
  };
  struct Updated {
    api::ConstObject object;
    bool created = false;
  };
  Task<Result<Updated>> update(UpdateRequest request, const Transform& transform,
                               WriteAdmission* admission = nullptr);

  Task<Result<Deleted>> remove(std::string ns, std::string name, DeleteRequest request,
                               WriteAdmission* admission = nullptr);

  /// A stored value as an object with defaults and its resourceVersion.
  [[nodiscard]] Result<api::Object> decode(const storage::KeyValue& stored) const;
  [[nodiscard]] const Collection& collection() const { return collection_; }
  [[nodiscard]] const Strategy& strategy() const { return strategy_; }
  [[nodiscard]] std::string key(std::string_view ns, std::string_view name) const;

 private:
  struct Stored;
  Result<Stored> load(std::string_view ns, std::string_view name) const;
  Task<Result<storage::WriteResult>> write(storage::WriteRequest request) const;
  std::string encode(const api::Object& object) const;
  std::string newUid();
  Status checkPreconditions(const Preconditions& wanted, const api::Object& current) const;
  Status prepareUpdate(const UpdateRequest& request, api::Object& next,
                       const api::Object& current) const;
  Status validateUpdate(const UpdateRequest& request, const api::Object& next,
                        const api::Object& current) const;
  void markForDeletion(api::Object& object, const DeleteRequest& request, int64_t grace) const;

  storage::Store& store_;
  Collection collection_;
  const Strategy& strategy_;
  Random& random_;
  StorageHooks* hooks_ = nullptr;
};

}  // namespace coxswain::apiserver
