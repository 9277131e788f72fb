#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "net/signing.h"
#include "runtime/random.h"

namespace coxswain::apiserver {

/// What was found out about secrets (tokens), without keeping them: entries are found by a keyed
/// hash. Bounded: of two generations the older is dropped when the younger is full, so that what is
/// asked for again stays. One executor.
template <typename Value>
class SecretCache {
 public:
  using Key = std::array<uint8_t, 32>;

  /// At most about `max` entries.
  SecretCache(Random& random, size_t max) : half_(max / 2 + 1) { random.fill(salt_); }

  /// `context` is what else the answer depends on.
  [[nodiscard]] Key keyOf(std::string_view secret, std::string_view context = {}) const {
    std::string text(reinterpret_cast<const char*>(salt_.data()), salt_.size());
    text += std::to_string(secret.size());
    text.push_back(':');
    text.append(secret).append(context);
    Key key;
    std::memcpy(key.data(), net::sha256(text).data(), key.size());
    return key;
  }
  /// Null: nothing is known, or no longer. Valid until the next call.
  [[nodiscard]] const Value* find(const Key& key, WallTime now) {
    auto found = young_.find(key);
    if (found == young_.end()) {
      auto old = old_.find(key);
      if (old == old_.end()) return nullptr;
      auto entry = std::move(old->second);
      old_.erase(old);
      found = insert(key, std::move(entry));
    }
    if (found->second.until > now) return &found->second.value;
    young_.erase(found);
    return nullptr;
  }
  const Value& put(const Key& key, Value value, WallTime until) {
    old_.erase(key);
    return insert(key, Entry{std::move(value), until})->second.value;
  }
  void clear() {
    young_.clear();
    old_.clear();
  }
  [[nodiscard]] size_t size() const { return young_.size() + old_.size(); }

 private:
  struct Entry {
    Value value;
    WallTime until;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      size_t hash;
      std::memcpy(&hash, key.data(), sizeof hash);
      return hash;
    }
  };
  using Map = std::unordered_map<Key, Entry, Hash>;

  typename Map::iterator insert(const Key& key, Entry entry) {
    if (young_.size() >= half_ && !young_.contains(key)) {
      old_ = std::move(young_);
      young_.clear();
    }
    return young_.insert_or_assign(key, std::move(entry)).first;
  }

  size_t half_;
  std::array<uint8_t, 32> salt_;
  Map young_;
  Map old_;
};

}  // namespace coxswain::apiserver
