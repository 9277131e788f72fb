#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace coxswain::api {

/// Map from text, kept as a sorted vector: small, compares and iterates in key order, which is the
/// order on the wire. Inserting is linear; these maps are short (labels, resources). Do not change
/// `first` through an iterator. V may be incomplete where the Map is only declared.
template <typename V>
class Map {
 public:
  using key_type = std::string;
  using mapped_type = V;
  using value_type = std::pair<std::string, V>;
  using iterator = typename std::vector<value_type>::iterator;
  using const_iterator = typename std::vector<value_type>::const_iterator;

  Map() = default;
  /// Of equal keys the last one stays.
  Map(std::initializer_list<value_type> entries) {
    reserve(entries.size());
    for (const auto& [key, value] : entries) insert_or_assign(key, value);
  }

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  iterator begin() { return entries_.begin(); }
  iterator end() { return entries_.end(); }
  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }

  iterator lower_bound(std::string_view key) {
    return std::lower_bound(entries_.begin(), entries_.end(), key, Less());
  }
  const_iterator lower_bound(std::string_view key) const {
    return std::lower_bound(entries_.begin(), entries_.end(), key, Less());
  }
  iterator find(std::string_view key) {
    auto at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  const_iterator find(std::string_view key) const {
    auto at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  [[nodiscard]] bool contains(std::string_view key) const { return find(key) != end(); }
  [[nodiscard]] size_t count(std::string_view key) const { return contains(key) ? 1 : 0; }
  /// Null when there is no such key.
  const V* get(std::string_view key) const {
    auto found = find(key);
    return found == end() ? nullptr : &found->second;
  }
  V* get(std::string_view key) {
    auto found = find(key);
    return found == end() ? nullptr : &found->second;
  }
  /// The key must be there.
  const V& at(std::string_view key) const {
    auto found = find(key);
    if (found == end()) throw std::out_of_range("api::Map::at");
    return found->second;
  }
  V& at(std::string_view key) { return const_cast<V&>(std::as_const(*this).at(key)); }
  V& operator[](std::string_view key) { return try_emplace(key).first->second; }

  template <typename... Args>
  std::pair<iterator, bool> try_emplace(std::string_view key, Args&&... args) {
    // Decoders bring keys in order: look at the end first.
    auto where = entries_.empty() || std::string_view(entries_.back().first) < key
                     ? entries_.end()
                     : lower_bound(key);
    if (where != entries_.end() && where->first == key) return {where, false};
    return {entries_.emplace(where, std::piecewise_construct, std::forward_as_tuple(key),
                             std::forward_as_tuple(std::forward<Args>(args)...)),
            true};
  }
  template <typename... Args>
  std::pair<iterator, bool> emplace(std::string_view key, Args&&... args) {
    return try_emplace(key, std::forward<Args>(args)...);
  }
  std::pair<iterator, bool> insert(value_type entry) {
    return try_emplace(entry.first, std::move(entry.second));
  }
  std::pair<iterator, bool> insert_or_assign(std::string_view key, V value) {
    auto [where, added] = try_emplace(key);
    where->second = std::move(value);
    return {where, added};
  }
  size_t erase(std::string_view key) {
    auto found = find(key);
    if (found == end()) return 0;
    entries_.erase(found);
    return 1;
  }
  iterator erase(const_iterator where) { return entries_.erase(where); }
  void clear() { entries_.clear(); }
  void reserve(size_t count) { entries_.reserve(count); }

  bool operator==(const Map& other) const { return entries_ == other.entries_; }

 private:
  struct Less {
    bool operator()(const value_type& entry, std::string_view key) const {
      return std::string_view(entry.first) < key;
    }
  };
  std::vector<value_type> entries_;
};

}  // namespace coxswain::api
