#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace coxswain {

/// Counts values by ranges: two additions a value. `kBounds` is a constexpr std::array of upper
/// bounds, ascending. One thread.
template <const auto& kBounds>
class Histogram {
 public:
  void observe(double value) {
    size_t at = 0;
    while (at < kBounds.size() && value > kBounds[at]) ++at;
    ++counts_[at];
    sum_ += value;
  }

  [[nodiscard]] static const auto& bounds() { return kBounds; }
  /// Values up to bound `i` and above the one before; the last: above all.
  [[nodiscard]] uint64_t countAt(size_t i) const { return counts_[i]; }
  [[nodiscard]] uint64_t count() const {
    uint64_t all = 0;
    for (auto one : counts_) all += one;
    return all;
  }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::array<uint64_t, kBounds.size() + 1> counts_ = {};
  double sum_ = 0;
};

}  // namespace coxswain
