#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coxswain::scheduler {

/// Numbers by a small index, zero where nothing was added: a table of those that are not zero while
/// they are few, else one number for each index. So a tenant with thousands of selectors, each of a
/// few pods, costs what the pods do and not selectors times nodes.
class Counts {
 public:
  void add(uint32_t index, int32_t by);
  [[nodiscard]] int32_t at(uint32_t index) const {
    if (!all_.empty()) return index < all_.size() ? all_[index] : 0;
    if (table_.empty()) return 0;
    for (size_t i = home(index);; i = next(i)) {
      if (table_[i].value == 0) return 0;
      if (table_[i].index == index) return table_[i].value;
    }
  }
  void clear();
  /// Of each that is not zero: visitor(index, value).
  template <typename F>
  void forEach(F&& visitor) const {
    for (uint32_t i = 0; i < all_.size(); ++i)
      if (all_[i] != 0) visitor(i, all_[i]);
    for (const auto& entry : table_)
      if (entry.value != 0) visitor(entry.index, entry.value);
  }
  [[nodiscard]] size_t bytes() const {
    return all_.capacity() * sizeof(int32_t) + table_.capacity() * sizeof(Entry);
  }

 private:
  struct Entry {
    uint32_t index = 0;
    int32_t value = 0;  ///< zero: the entry is free
  };
  [[nodiscard]] size_t home(uint32_t index) const {
    return (index * 0x9E3779B1U >> 7) & (table_.size() - 1);
  }
  [[nodiscard]] size_t next(size_t at) const { return (at + 1) & (table_.size() - 1); }
  void addToTable(uint32_t index, int32_t by);
  void insert(Entry entry);
  void resizeTable(size_t size);
  void toAll();
  void toTable();

  std::vector<int32_t> all_;  ///< empty: `table_` has them
  std::vector<Entry> table_;  ///< open addressing; a power of two
  uint32_t end_ = 0;          ///< above every index there ever was
  uint32_t notZero_ = 0;
};

}  // namespace coxswain::scheduler
