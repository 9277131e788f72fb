#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"

namespace coxswain::controllers {

/// What a controller has done and its cache does not show yet. While there is some, the cache is
/// too old to decide by. Forgotten after 5 minutes, should an event have been missed. One executor.
class Expectations {
 public:
  void expectCreations(const std::string& key, int count, MonotonicTime now);
  void expectDeletions(const std::string& key, const std::vector<std::string>& uids,
                       MonotonicTime now);
  /// Both at once.
  void expect(const std::string& key, int creations, const std::vector<std::string>& deletedUids,
              MonotonicTime now);
  void creationObserved(const std::string& key);
  void deletionObserved(const std::string& key, const std::string& uid);
  [[nodiscard]] bool satisfied(const std::string& key, MonotonicTime now) const;
  /// Whether this one was deleted, and the cache may not show it yet.
  [[nodiscard]] bool expectsDeletion(const std::string& key, const std::string& uid,
                                     MonotonicTime now) const;
  /// When to look again although no event has come; zero: nothing is waited for.
  [[nodiscard]] Duration untilForgotten(const std::string& key, MonotonicTime now) const;
  void forget(const std::string& key) { pending_.erase(key); }

 private:
  struct Pending {
    int creations = 0;
    std::set<std::string> deletions;
    MonotonicTime since{};
  };
  std::map<std::string, Pending> pending_;
};

}  // namespace coxswain::controllers
