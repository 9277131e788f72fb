#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "storage/mvcc_store.h"
#include "storage/sqlite/sqlite_store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace coxswain::storage {

/// Log in one SQLite file:
///     log(id = revision << 10 | sub, key, value, created, version, expires)   created 0: a
///     tombstone meta(name, value)                                                       revision,
///     compacted
/// Two connections: the writer's, and one for values behind a mutex, whose read transactions end
/// with each `read`, so that checkpoints are never held up.
class SqliteLog final : public Log {
 public:
  static Result<std::unique_ptr<SqliteLog>> open(const SqliteOptions& options);
  ~SqliteLog() override;

  Result<State> load(const std::function<void(LogRecord)>& record) override;
  Status append(std::span<const LogRecord> records) override;
  Status compact(Revision compacted, Revision current,
                 std::span<const MvccIndex::Dropped> records) override;
  Result<std::vector<Bytes>> read(std::span<const LogPosition> positions) override;
  bool idle() override;
  [[nodiscard]] int64_t bytesOnDisk() const override;

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Database = std::unique_ptr<sqlite3, CloseDatabase>;
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  explicit SqliteLog(SqliteOptions options) : options_(std::move(options)) {}

  Status init();
  Status lockFile();
  Status openDatabase(Database& db);
  Status prepare(Database& db, std::string_view sql, Statement& statement);
  /// `what` begins the message.
  Status failure(sqlite3* db, int code, std::string_view what) const;
  Status exec(sqlite3* db, const std::string& sql);
  Result<int64_t> queryInt(const std::string& sql);
  /// Runs `body` between BEGIN and COMMIT; rolls back on failure.
  template <typename Body>
  Status transaction(Body&& body);
  Status setMeta(std::string_view name, int64_t value);
  void limitWal();

  const SqliteOptions options_;
  int lockFd_ = -1;
  Database writer_;
  Statement begin_, commit_, rollback_, insert_, erase_, meta_;
  /// Set when the disk broke a promise (a failed fsync): what is durable is unknown until a
  /// restart.
  Status broken_;

  std::mutex readMutex_;
  Database reader_;
  Statement select_;
};

}  // namespace coxswain::storage
