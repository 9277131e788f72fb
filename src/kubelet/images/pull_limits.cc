#include "kubelet/images/pull_limits.h"

#include <algorithm>

namespace coxswain::kubelet {

Duration PullBackoff::left(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return 0s;
  return std::max<Duration>(found->second.since + found->second.wait - executor_.now(), 0s);
}

std::string PullBackoff::lastFailure(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? "" : found->second.why;
}

void PullBackoff::failed(const std::string& key, std::string why) {
  dropOld();
  auto [at, fresh] = entries_.try_emplace(key);
  Entry& entry = at->second;
  entry.wait = fresh ? shortest_ : std::min(entry.wait * 2, longest_);
  entry.since = executor_.now();
  entry.why = std::move(why);
}

void PullBackoff::succeeded(const std::string& key) {
  entries_.erase(key);
  dropOld();
}

void PullBackoff::dropOld() {
  const MonotonicTime now = executor_.now();
  std::erase_if(entries_,
                [&](const auto& entry) { return now - entry.second.since > longest_ * 2; });
}

bool PullRate::take() {
  if (perSecond_ <= 0) return true;
  const MonotonicTime now = executor_.now();
  const double seconds = std::chrono::duration<double>(now - at_).count();
  tokens_ = std::min(burst_, tokens_ + seconds * perSecond_);
  at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace coxswain::kubelet
