#pragma once

#include <memory>

#include "api/reflect/object.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// What was set aside for one write (an address, a port), until the write's outcome is known. A
/// destructor without `finish` gives everything back.
class StorageTransaction {
 public:
  virtual ~StorageTransaction() = default;
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
  /// The object is gone from the store (never called for dry runs).
  virtual void afterDelete(const api::Object& object) = 0;
};

}  // namespace coxswain::apiserver
