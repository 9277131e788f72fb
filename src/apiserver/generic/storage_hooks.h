#pragma once

#include <memory>

#include "api/reflect/object.h"
#include "base/result.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// What was set aside for one write (an address, a port), until the write's outcome is known. A
/// destructor without `finish` gives everything back.
class StorageTransaction {
 public:
  virtual ~StorageTransaction() = default;
  /// Right before the write, once it is known that it will be tried: writes what must be there
  /// first. A failure is the client's answer; `finish(false)` undoes it.
  virtual Task<Status> prepare() { co_return Status(); }
  /// Adds what must happen together with the write.
  virtual void contribute(storage::WriteRequest& write) {}
  /// Once. `stored` false: refused, conflicting, failed, or a dry run: give back.
  virtual void finish(bool stored) = 0;
};

/// Side effects of a kind's writes (GenericRegistry::setHooks). Called on the server's executor
/// after validation and admission, before the store; the object may still be changed. A null
/// transaction: nothing to finish. On an update called again where others were faster; the
/// transaction before was finished with false.
class StorageHooks {
 public:
  using Begun = Result<std::unique_ptr<StorageTransaction>>;

  virtual ~StorageHooks() = default;
  virtual Task<Begun> beginCreate(api::Object& object, bool dryRun) = 0;
  virtual Task<Begun> beginUpdate(api::Object& next, const api::Object& current, bool dryRun) = 0;
  /// The object is about to be deleted: adds what must happen together with that.
  virtual void contributeDelete(const api::Object& object, storage::WriteRequest& write) {}
  /// The object is gone from the store (never called for dry runs).
  virtual void afterDelete(const api::Object& object) = 0;
};

}  // namespace coxswain::apiserver
