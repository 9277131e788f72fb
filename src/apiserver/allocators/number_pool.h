#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/random.h"

namespace coxswain::apiserver {

/// Numbers 0 to size-1, each with at most one owner. Picks among the upper ones first: the lowest
/// `reserved` stay free for those who ask for a certain one, as long as there are others. One
/// executor.
class NumberPool {
 public:
  /// `random` outlives the pool.
  NumberPool(uint64_t size, uint64_t reserved, Random& random)
      : size_(size), reserved_(reserved), random_(random) {}

  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t used() const { return owners_.size(); }
  /// False: it is taken, be it by `owner` (who may have taken it for another write under way).
  bool take(uint64_t number, const std::string& owner);
  /// Nothing: all are taken.
  std::optional<uint64_t> takeAny(const std::string& owner);
  /// No effect where another owner has it.
  void give(uint64_t number, const std::string& owner);
  /// All that are taken, in no order.
  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& [number, owner] : owners_) visit(number);
  }
  /// Empty: free.
  [[nodiscard]] std::string ownerOf(uint64_t number) const;

 private:
  std::optional<uint64_t> freeIn(uint64_t from, uint64_t to);
  uint64_t size_;
  uint64_t reserved_;
  Random& random_;
  std::unordered_map<uint64_t, std::string> owners_;
};

}  // namespace coxswain::apiserver
