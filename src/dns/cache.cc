#include "dns/cache.h"

#include <algorithm>

namespace coxswain::dns {
namespace {

/// What an entry costs beside its bytes, about.
constexpr size_t kOverhead = 300;

size_t sizeOf(const std::string& key, const ForwardedAnswer& answer) {
  return kOverhead + 2 * key.size() + answer.bytes.size() + 8 * answer.info.ttlOffsets.size();
}

}  // namespace

Cache::Hit Cache::find(const std::string& key, MonotonicTime now) {
  auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  auto entry = found->second;
  if (entry->expires <= now) {
    drop(entry);
    return {};
  }
  order_.splice(order_.begin(), order_, entry);
  return {entry->answer, static_cast<uint32_t>((now - entry->stored) / 1s)};
}

void Cache::put(const std::string& key, AnswerPointer answer, MonotonicTime now) {
  const auto& info = answer->info;
  if (limits_.entriesMax == 0 || info.ttl == 0 || info.truncated) return;
  if (info.rcode != Rcode::NoError && info.rcode != Rcode::NxDomain) return;
  const bool negative = info.rcode == Rcode::NxDomain || info.answers == 0;
  const auto life = std::min<Duration>(std::chrono::seconds(info.ttl),
                                       negative ? limits_.negativeMax : limits_.positiveMax);
  if (auto found = entries_.find(key); found != entries_.end()) drop(found->second);
  bytes_ += sizeOf(key, *answer);
  order_.push_front({key, std::move(answer), now, now + life});
  entries_[key] = order_.begin();
  while (!order_.empty() && (entries_.size() > limits_.entriesMax || bytes_ > limits_.bytesMax))
    drop(std::prev(order_.end()));
}

void Cache::drop(Order::iterator entry) {
  bytes_ -= sizeOf(entry->key, *entry->answer);
  entries_.erase(entry->key);
  order_.erase(entry);
}

void Cache::clear() {
  entries_.clear();
  order_.clear();
  bytes_ = 0;
}

std::string Cache::keyOf(const Question& question, bool dnssecOk, bool checkingDisabled) {
  std::string key = question.name.key();
  key += '/' + std::to_string(question.type) + '/' + std::to_string(question.klass);
  if (dnssecOk) key += "/do";
  if (checkingDisabled) key += "/cd";
  return key;
}

}  // namespace coxswain::dns
