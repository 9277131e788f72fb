#include "controllers/framework/expectations.h"

namespace coxswain::controllers {

namespace {
constexpr Duration kTimeout = 5min;
}

void Expectations::expectCreations(const std::string& key, int count, MonotonicTime now) {
  Pending pending;
  pending.creations = count;
  pending.since = now;
  pending_[key] = std::move(pending);
}

void Expectations::expectDeletions(const std::string& key, const std::vector<std::string>& uids,
                                   MonotonicTime now) {
  Pending pending;
  pending.deletions.insert(uids.begin(), uids.end());
  pending.since = now;
  pending_[key] = std::move(pending);
}

void Expectations::expect(const std::string& key, int creations,
                          const std::vector<std::string>& deletedUids, MonotonicTime now) {
  expectDeletions(key, deletedUids, now);
  pending_[key].creations = creations;
}

void Expectations::creationObserved(const std::string& key) {
  auto at = pending_.find(key);
  if (at != pending_.end()) --at->second.creations;
}

void Expectations::deletionObserved(const std::string& key, const std::string& uid) {
  auto at = pending_.find(key);
  if (at != pending_.end()) at->second.deletions.erase(uid);
}

bool Expectations::satisfied(const std::string& key, MonotonicTime now) const {
  auto at = pending_.find(key);
  if (at == pending_.end()) return true;
  const auto& pending = at->second;
  return (pending.creations <= 0 && pending.deletions.empty()) || now - pending.since > kTimeout;
}

bool Expectations::expectsDeletion(const std::string& key, const std::string& uid,
                                   MonotonicTime now) const {
  auto at = pending_.find(key);
  return at != pending_.end() && at->second.deletions.contains(uid) &&
         now - at->second.since <= kTimeout;
}

Duration Expectations::untilForgotten(const std::string& key, MonotonicTime now) const {
  if (satisfied(key, now)) return Duration(0);
  return pending_.find(key)->second.since + kTimeout - now + 1s;
}

}  // namespace coxswain::controllers
