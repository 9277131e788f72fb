#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace coxswain::storage {

/// What the index knows of one version of a key.
struct Version {
  Revision modRevision = 0;
  Revision createRevision = 0;  ///< 0: a tombstone
  int64_t version = 0;
  int64_t expiresAtMs = 0;
  uint32_t sub = 0;  ///< place among the operations of its revision
  Bytes value;       ///< null where the engine keeps values elsewhere

  [[nodiscard]] bool deleted() const { return createRevision == 0; }
};

/// Key → versions, oldest first, since the last compaction. Not thread-safe.
///
/// Compaction costs only what it drops: each superseded version (and each tombstone) is queued with
/// the revision from which nobody can see it. Example: put@3, put@5, delete@8 queue 3 until 5, 5
/// until 8 and the tombstone 8 until 8; compact(5) drops version 3, compact(8) the rest and the
/// key.
class MvccIndex {
 public:
  struct Found {
    const std::string* key;
    const Version* version;
  };
  struct Dropped {
    Revision modRevision;
    uint32_t sub;
  };

  /// Revisions ascend. `version.modRevision` is above the key's latest.
  void apply(std::string_view key, Version version);

  /// Null: never seen. May be a tombstone.
  [[nodiscard]] const Version* latest(std::string_view key) const;
  /// The version visible at `revision`; null: absent then.
  [[nodiscard]] const Version* at(std::string_view key, Revision revision) const;

  /// Live keys visible at `revision`; `count` is the number without the limit.
  std::vector<Found> range(std::string_view prefix, std::string_view startKey, Revision revision,
                           int64_t limit, int64_t& count) const;
  [[nodiscard]] int64_t count(std::string_view prefix) const;

  /// A version with its predecessor (null: absent before).
  struct Change {
    const std::string* key;
    const Version* version;
    const Version* previous;
  };
  /// All versions from `start` on, in order of revision.
  [[nodiscard]] std::vector<Change> changes(std::string_view prefix, Revision start) const;

  /// Drops at most `max` versions that nobody at or after `revision` can see. Empty: done.
  std::vector<Dropped> compact(Revision revision, size_t max);

  [[nodiscard]] int64_t liveKeys() const { return live_; }
  [[nodiscard]] int64_t versions() const { return versions_; }

  /// Earliest time to live; 0: none.
  [[nodiscard]] int64_t nextExpiry() const {
    return expiries_.empty() ? 0 : expiries_.begin()->first;
  }
  /// Keys due at `nowMs`, with their modRevision.
  [[nodiscard]] std::vector<Compare> due(int64_t nowMs, size_t max) const;

 private:
  using Keys = std::map<std::string, std::vector<Version>, std::less<>>;
  struct Garbage {
    Revision until;
    Keys::iterator key;  ///< lives as long as any of its versions
  };

  static const Version* visible(const std::vector<Version>& history, Revision revision);

  Keys keys_;
  std::deque<Garbage> garbage_;  ///< by `until`
  std::multimap<int64_t, std::string> expiries_;
  int64_t live_ = 0;
  int64_t versions_ = 0;
};

}  // namespace coxswain::storage
