#include "storage/sqlite/sqlite_store.h"

#include "storage/sqlite/sqlite_log.h"

namespace coxswain::storage {

Result<std::unique_ptr<Store>> openSqliteStore(SqliteOptions options) {
  TRY(std::unique_ptr<Log> log, SqliteLog::open(options));
  TRY(std::unique_ptr<Store> store, MvccStore::create(std::move(options.store), std::move(log)));
  return store;
}

}  // namespace coxswain::storage
