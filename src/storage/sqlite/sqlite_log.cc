#include "storage/sqlite/sqlite_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"

namespace coxswain::storage {
namespace {

const Logger log("storage");

constexpr int kSubBits = 10;
constexpr int kFormat = 1;                  // PRAGMA user_version
constexpr int kApplicationId = 0x43585753;  // "CXWS"
constexpr int kPageBytes = 4096;
constexpr int kVacuumPages = 256;
constexpr size_t kReadChunk = 256;

int64_t idOf(Revision revision, uint32_t sub) {
  return (revision << kSubBits) | sub;
}

int64_t sizeOfFile(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

/// Steps a statement that returns no rows and makes it ready for the next time.
int runOnce(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code;
}

}  // namespace

void SqliteLog::CloseDatabase::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}
void SqliteLog::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteLog::~SqliteLog() {
  select_.reset();
  reader_.reset();
  for (Statement* s : {&begin_, &commit_, &rollback_, &insert_, &erase_, &meta_}) s->reset();
  writer_.reset();
  if (lockFd_ >= 0) ::close(lockFd_);
}

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(const SqliteOptions& options) {
  std::unique_ptr<SqliteLog> opened(new SqliteLog(options));
  TRY_STATUS(opened->init());
  return opened;
}

Status SqliteLog::failure(sqlite3* db, int code, std::string_view what) const {
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  if ((code & 0xff) == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE) {
    return internalError(fmt::format("storage: {} {}: no space left", what, options_.path));
  }
  const int error = db != nullptr ? sqlite3_system_errno(db) : 0;
  return internalError(fmt::format("storage: {} {}: {} ({}{})", what, options_.path,
                                   db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code),
                                   extended, error != 0 ? fmt::format(", errno {}", error) : ""));
}

// --- opening -----------------------------------------------------------------------------------

/// Two writers would each believe their own index.
Status SqliteLog::lockFile() {
  const std::string path = options_.path + "-lock";
  lockFd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lockFd_ < 0) return errnoStatus("open " + path, errno);
  if (::flock(lockFd_, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK) {
    return Status(Reason::Conflict, 409,
                  fmt::format("storage: {} is in use by another process", options_.path));
  }
  return errnoStatus("lock " + path, errno);
}

Status SqliteLog::openDatabase(Database& db) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      options_.path.c_str(), &raw,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
      nullptr);
  db.reset(raw);
  if (code != SQLITE_OK) return failure(raw, code, "opening");
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, 10'000);
  return exec(raw, fmt::format("PRAGMA cache_size=-{}; PRAGMA temp_store=MEMORY",
                               options_.cacheBytes / 1024));
}

Status SqliteLog::exec(sqlite3* db, const std::string& sql) {
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : failure(db, code, "using");
}

Status SqliteLog::prepare(Database& db, std::string_view sql, Statement& statement) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  statement.reset(raw);
  return code == SQLITE_OK ? Status() : failure(db.get(), code, "using");
}

Result<int64_t> SqliteLog::queryInt(const std::string& sql) {
  Statement statement;
  TRY_STATUS(prepare(writer_, sql, statement));
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_ROW) return sqlite3_column_int64(statement.get(), 0);
  if (code == SQLITE_DONE) return int64_t{0};
  return failure(writer_.get(), code, "reading");
}

Status SqliteLog::init() {
  TRY_STATUS(lockFile());
  // The cluster's secrets are in it.
  const int fd = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errnoStatus("open " + options_.path, errno);
  ::close(fd);
  TRY_STATUS(openDatabase(writer_));
  // page_size and auto_vacuum take effect in an empty file only, and before WAL.
  TRY_STATUS(
      exec(writer_.get(),
           fmt::format("PRAGMA page_size={}; PRAGMA auto_vacuum=INCREMENTAL; "
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                       "PRAGMA wal_autocheckpoint={}; PRAGMA journal_size_limit={}",
                       kPageBytes, std::max<int64_t>(1, options_.checkpointBytes / kPageBytes),
                       options_.walBytesMax)));
  if (options_.fileBytesMax > 0) {
    TRY_STATUS(exec(writer_.get(),
                    fmt::format("PRAGMA max_page_count={}", options_.fileBytesMax / kPageBytes)));
  }
  TRY(const int64_t tables, queryInt("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    TRY_STATUS(
        exec(writer_.get(),
             fmt::format("BEGIN IMMEDIATE; PRAGMA application_id={}; PRAGMA user_version={}; "
                         "CREATE TABLE log(id INTEGER PRIMARY KEY, key BLOB NOT NULL, "
                         "created INTEGER NOT NULL, version INTEGER NOT NULL, "
                         "expires INTEGER NOT NULL, value BLOB); "
                         "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) "
                         "WITHOUT ROWID; COMMIT",
                         kApplicationId, kFormat)));
  }
  TRY(const int64_t application, queryInt("PRAGMA application_id"));
  TRY(const int64_t format, queryInt("PRAGMA user_version"));
  if (application != kApplicationId || format != kFormat) {
    return internalError(
        fmt::format("storage: {} is not a store of format {}", options_.path, kFormat));
  }
  TRY_STATUS(prepare(writer_, "BEGIN IMMEDIATE", begin_));
  TRY_STATUS(prepare(writer_, "COMMIT", commit_));
  TRY_STATUS(prepare(writer_, "ROLLBACK", rollback_));
  TRY_STATUS(prepare(writer_,
                     "INSERT INTO log(id,key,created,version,expires,value) VALUES(?,?,?,?,?,?)",
                     insert_));
  TRY_STATUS(prepare(writer_, "DELETE FROM log WHERE id=?", erase_));
  TRY_STATUS(prepare(writer_, "INSERT OR REPLACE INTO meta(name,value) VALUES(?,?)", meta_));
  TRY_STATUS(openDatabase(reader_));
  TRY_STATUS(exec(reader_.get(), "PRAGMA query_only=ON"));
  return prepare(reader_, "SELECT value FROM log WHERE id=?", select_);
}

Result<Log::State> SqliteLog::load(const std::function<void(LogRecord)>& record) {
  State state;
  TRY(state.compacted, queryInt("SELECT value FROM meta WHERE name='compacted'"));
  TRY(const int64_t revision, queryInt("SELECT value FROM meta WHERE name='revision'"));
  state.revision = std::max<Revision>(1, revision);
  Statement all;
  TRY_STATUS(prepare(writer_, "SELECT id,key,created,version,expires FROM log ORDER BY id", all));
  for (;;) {
    const int code = sqlite3_step(all.get());
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return failure(writer_.get(), code, "reading");
    LogRecord r;
    const int64_t id = sqlite3_column_int64(all.get(), 0);
    const auto* key = static_cast<const char*>(sqlite3_column_blob(all.get(), 1));
    r.key.assign(key != nullptr ? key : "", sqlite3_column_bytes(all.get(), 1));
    r.version.modRevision = id >> kSubBits;
    r.version.sub = static_cast<uint32_t>(id & ((1 << kSubBits) - 1));
    r.version.createRevision = sqlite3_column_int64(all.get(), 2);
    r.version.version = sqlite3_column_int64(all.get(), 3);
    r.version.expiresAtMs = sqlite3_column_int64(all.get(), 4);
    if (r.key.empty() || r.version.modRevision < 2 ||
        r.version.createRevision > r.version.modRevision)
      return internalError(fmt::format("storage: {}: damaged record {}", options_.path, id));
    state.revision = std::max(state.revision, r.version.modRevision);
    record(std::move(r));
  }
  return state;
}

// --- writing -----------------------------------------------------------------------------------

template <typename Body>
Status SqliteLog::transaction(Body&& body) {
  if (!broken_.ok()) return broken_;
  sqlite3* db = writer_.get();
  if (int code = runOnce(begin_.get()); code != SQLITE_DONE) return failure(db, code, "writing");
  Status status = body();
  if (status.ok()) {
    const int code = runOnce(commit_.get());
    if (code == SQLITE_DONE) return {};
    status = failure(db, code, "committing");
    const int extended = sqlite3_extended_errcode(db);
    if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) {
      // The kernel may have dropped the pages it could not write: nothing after is certain.
      broken_ = internalError("storage: fsync failed, restart needed: " + status.message());
    }
  }
  // Some failures have rolled back already.
  if (sqlite3_get_autocommit(db) == 0) runOnce(rollback_.get());
  return status;
}

Status SqliteLog::append(std::span<const LogRecord> records) {
  Status status = transaction([&]() -> Status {
    sqlite3_stmt* s = insert_.get();
    for (const LogRecord& r : records) {
      const Version& v = r.version;
      sqlite3_bind_int64(s, 1, idOf(v.modRevision, v.sub));
      sqlite3_bind_blob64(s, 2, r.key.data(), r.key.size(), SQLITE_STATIC);
      sqlite3_bind_int64(s, 3, v.createRevision);
      sqlite3_bind_int64(s, 4, v.version);
      sqlite3_bind_int64(s, 5, v.expiresAtMs);
      if (v.deleted()) {
        sqlite3_bind_null(s, 6);
      } else {
        sqlite3_bind_blob64(s, 6, v.value->data(), v.value->size(), SQLITE_STATIC);
      }
      const int code = runOnce(s);
      sqlite3_clear_bindings(s);
      if (code != SQLITE_DONE) return failure(writer_.get(), code, "writing");
    }
    return {};
  });
  limitWal();
  return status;
}

Status SqliteLog::setMeta(std::string_view name, int64_t value) {
  sqlite3_bind_text(meta_.get(), 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
  sqlite3_bind_int64(meta_.get(), 2, value);
  const int code = runOnce(meta_.get());
  sqlite3_clear_bindings(meta_.get());
  return code == SQLITE_DONE ? Status() : failure(writer_.get(), code, "writing");
}

Status SqliteLog::compact(Revision compacted, Revision current,
                          std::span<const MvccIndex::Dropped> records) {
  Status status = transaction([&]() -> Status {
    // The last revision may be a tombstone's, which is about to go: remember the number.
    TRY_STATUS(setMeta("revision", current));
    TRY_STATUS(setMeta("compacted", compacted));
    for (const MvccIndex::Dropped& r : records) {
      sqlite3_bind_int64(erase_.get(), 1, idOf(r.modRevision, r.sub));
      const int code = runOnce(erase_.get());
      if (code != SQLITE_DONE) return failure(writer_.get(), code, "writing");
    }
    return {};
  });
  limitWal();
  return status;
}

/// The automatic checkpoint does not wait for readers; a reader that is always there would let the
/// write-ahead log grow without end. Ours is kept out for a moment.
void SqliteLog::limitWal() {
  if (sizeOfFile(options_.path + "-wal") <= options_.walBytesMax) return;
  std::lock_guard lock(readMutex_);
  const int code = sqlite3_wal_checkpoint_v2(writer_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK)
    log.warn("checkpoint failed", {{"error", failure(writer_.get(), code, "checkpointing")}});
}

bool SqliteLog::idle() {
  Result<int64_t> free = queryInt("PRAGMA freelist_count");
  // A few free pages are used again soon.
  if (!free.ok() || *free <= kVacuumPages || !broken_.ok()) return false;
  Status status = exec(writer_.get(), fmt::format("PRAGMA incremental_vacuum({})", kVacuumPages));
  limitWal();
  return status.ok();
}

// --- reading -----------------------------------------------------------------------------------

Result<std::vector<Bytes>> SqliteLog::read(std::span<const LogPosition> positions) {
  std::vector<Bytes> values(positions.size());
  sqlite3_stmt* s = select_.get();
  for (size_t begin = 0; begin < positions.size(); begin += kReadChunk) {
    const size_t end = std::min(positions.size(), begin + kReadChunk);
    std::lock_guard lock(readMutex_);
    const bool many = end - begin > 1;
    if (many) TRY_STATUS(exec(reader_.get(), "BEGIN"));
    Status status;
    for (size_t i = begin; i < end && status.ok(); ++i) {
      sqlite3_bind_int64(s, 1, idOf(positions[i].revision, positions[i].sub));
      const int code = sqlite3_step(s);
      if (code == SQLITE_ROW) {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(s, 0));
        const auto size = static_cast<size_t>(sqlite3_column_bytes(s, 0));
        values[i] = makeBytes(data != nullptr ? std::string(data, size) : std::string());
      } else if (code != SQLITE_DONE) {
        status = failure(reader_.get(), code, "reading");
      }
      sqlite3_reset(s);
    }
    if (many) (void)exec(reader_.get(), "COMMIT");
    TRY_STATUS(std::move(status));
  }
  return values;
}

int64_t SqliteLog::bytesOnDisk() const {
  return sizeOfFile(options_.path) + sizeOfFile(options_.path + "-wal");
}

}  // namespace coxswain::storage
