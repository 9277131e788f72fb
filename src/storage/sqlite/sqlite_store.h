#pragma once

#include <memory>
#include <string>

#include "storage/store.h"

namespace coxswain::storage {

struct SqliteOptions {
  StoreOptions store;
  std::string
      path;  ///< the database file; "-wal", "-shm" and "-lock" beside it. Its folder exists.
  int64_t walBytesMax = 64 * 1024 * 1024;      ///< the write-ahead log is cut back above this
  int64_t checkpointBytes = 16 * 1024 * 1024;  ///< and copied into the file every so often
  int64_t cacheBytes = 2 * 1024 * 1024;        ///< of each of two connections
  int64_t fileBytesMax = 0;                    ///< refuses writes above this; 0: the disk's end
};

/// The embedded durable engine: SQLite in WAL mode with synchronous=FULL behind one writer thread,
/// which puts all waiting writes in one transaction and answers after its commit. Keys and
/// revisions are indexed in memory, values are read from the file.
///
/// Fails with Conflict where another process has the file open, InternalError where the file is
/// damaged, not ours, or cannot be made.
Result<std::unique_ptr<Store>> openSqliteStore(SqliteOptions options);

}  // namespace coxswain::storage
