#include "storage/mvcc_index.h"

#include <algorithm>

#include "base/assert.h"

namespace coxswain::storage {

void MvccIndex::apply(std::string_view key, Version version) {
  auto it = keys_.lower_bound(key);
  if (it == keys_.end() || it->first != key)
    it = keys_.emplace_hint(it, key, std::vector<Version>());
  std::vector<Version>& history = it->second;
  if (!history.empty()) {
    const Version& old = history.back();
    COXSWAIN_ASSERT(old.modRevision < version.modRevision);
    if (!old.deleted()) {
      --live_;
      garbage_.push_back({version.modRevision, it});
      if (old.expiresAtMs != 0) {
        auto [begin, end] = expiries_.equal_range(old.expiresAtMs);
        for (auto e = begin; e != end; ++e) {
          if (e->second != key) continue;
          expiries_.erase(e);
          break;
        }
      }
    }
  }
  if (version.deleted()) {
    garbage_.push_back({version.modRevision, it});
  } else {
    ++live_;
    if (version.expiresAtMs != 0) expiries_.emplace(version.expiresAtMs, key);
  }
  ++versions_;
  history.reserve(history.size() + 1);  // most keys keep few versions
  history.push_back(std::move(version));
}

const Version* MvccIndex::visible(const std::vector<Version>& history, Revision revision) {
  auto it = std::upper_bound(history.begin(), history.end(), revision,
                             [](Revision r, const Version& v) { return r < v.modRevision; });
  if (it == history.begin()) return nullptr;
  --it;
  return it->deleted() ? nullptr : &*it;
}

const Version* MvccIndex::latest(std::string_view key) const {
  auto it = keys_.find(key);
  return it == keys_.end() ? nullptr : &it->second.back();
}

const Version* MvccIndex::at(std::string_view key, Revision revision) const {
  auto it = keys_.find(key);
  return it == keys_.end() ? nullptr : visible(it->second, revision);
}

std::vector<MvccIndex::Found> MvccIndex::range(std::string_view prefix, std::string_view startKey,
                                               Revision revision, int64_t limit,
                                               int64_t& count) const {
  std::vector<Found> found;
  count = 0;
  for (auto it = keys_.lower_bound(std::max(prefix, startKey)); it != keys_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    const Version* version = visible(it->second, revision);
    if (version == nullptr) continue;
    ++count;
    if (limit == 0 || count <= limit) found.push_back({&it->first, version});
  }
  return found;
}

int64_t MvccIndex::count(std::string_view prefix) const {
  if (prefix.empty()) return live_;
  int64_t n = 0;
  for (auto it = keys_.lower_bound(prefix); it != keys_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (!it->second.back().deleted()) ++n;
  }
  return n;
}

std::vector<MvccIndex::Change> MvccIndex::changes(std::string_view prefix, Revision start) const {
  std::vector<Change> out;
  for (auto it = keys_.lower_bound(prefix); it != keys_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    const std::vector<Version>& history = it->second;
    for (size_t i = history.size(); i-- > 0 && history[i].modRevision >= start;) {
      const Version* previous = i > 0 && !history[i - 1].deleted() ? &history[i - 1] : nullptr;
      out.push_back({&it->first, &history[i], previous});
    }
  }
  std::sort(out.begin(), out.end(), [](const Change& a, const Change& b) {
    return std::pair(a.version->modRevision, a.version->sub) <
           std::pair(b.version->modRevision, b.version->sub);
  });
  return out;
}

std::vector<MvccIndex::Dropped> MvccIndex::compact(Revision revision, size_t max) {
  std::vector<Dropped> dropped;
  while (!garbage_.empty() && garbage_.front().until <= revision && dropped.size() < max) {
    // Queued in order of revision, so what may go is the oldest version of its key.
    auto key = garbage_.front().key;
    garbage_.pop_front();
    dropped.push_back({key->second.front().modRevision, key->second.front().sub});
    key->second.erase(key->second.begin());
    if (key->second.empty()) keys_.erase(key);
    --versions_;
  }
  return dropped;
}

std::vector<Compare> MvccIndex::due(int64_t nowMs, size_t max) const {
  std::vector<Compare> keys;
  for (auto it = expiries_.begin(); it != expiries_.end() && keys.size() < max; ++it) {
    if (it->first > nowMs) break;
    const Version* version = latest(it->second);
    COXSWAIN_ASSERT(version != nullptr && !version->deleted());
    keys.push_back({it->second, version->modRevision});
  }
  return keys;
}

}  // namespace coxswain::storage
