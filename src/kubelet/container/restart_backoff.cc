#include "kubelet/container/restart_backoff.h"

#include <algorithm>

namespace coxswain::kubelet {

Duration RestartBackoff::left(const std::string& key, WallTime finished, WallTime now) const {
  auto found = entries_.find(key);
  if (found == entries_.end()) return Duration::zero();
  if (now - found->second.updated > max_ * 2) return Duration::zero();
  return std::max(finished + found->second.delay - now, Duration::zero());
}

Duration RestartBackoff::current(const std::string& key) const {
  auto found = entries_.find(key);
  return found == entries_.end() ? Duration::zero() : found->second.delay;
}

void RestartBackoff::restarted(const std::string& key, WallTime now) {
  auto [at, isNew] = entries_.try_emplace(key);
  auto& entry = at->second;
  bool calm = isNew || now - entry.updated > max_ * 2;
  entry.delay = calm ? std::min(initial_, max_) : std::min(entry.delay * 2, max_);
  entry.updated = now;
}

void RestartBackoff::forgetPod(const std::string& uid) {
  auto from = entries_.lower_bound(uid + "/");
  while (from != entries_.end() && from->first.starts_with(uid + "/")) from = entries_.erase(from);
}

}  // namespace coxswain::kubelet
