#pragma once

#include <cstddef>
#include <utility>

namespace coxswain::apiserver {

/// Bytes that requests may hold together, so that a storm of them is refused before memory runs
/// out. Who holds nothing yet and finds nobody else may always go, whatever it needs: a budget
/// smaller than one request does not lock everybody out. One executor; outlives its claims.
class ByteBudget {
 public:
  explicit ByteBudget(size_t bytesMax) : bytesMax_(bytesMax) {}

  /// What one request holds; given back at its end.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Claim& operator=(Claim&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Claim() { reset(); }
    void reset() {
      if (budget_) budget_->used_ -= bytes_;
      budget_ = nullptr;
      bytes_ = 0;
    }
    /// Holds at least `bytes`. False: there is no room; what was held stays.
    bool raiseTo(ByteBudget& budget, size_t bytes) {
      if (bytes <= bytes_) return true;
      const auto others = budget.used_ - bytes_;
      if (others > 0 && (others >= budget.bytesMax_ || bytes > budget.bytesMax_ - others)) {
        ++budget.refused_;
        return false;
      }
      budget.used_ += bytes - bytes_;
      budget_ = &budget;
      bytes_ = bytes;
      return true;
    }
    /// What it came to in the end, whether there is room or not. Nothing held: no effect.
    void settle(size_t bytes) {
      if (!budget_) return;
      budget_->used_ += bytes - bytes_;
      bytes_ = bytes;
    }
    [[nodiscard]] size_t bytes() const { return bytes_; }

   private:
    ByteBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  [[nodiscard]] size_t bytesMax() const { return bytesMax_; }
  [[nodiscard]] size_t used() const { return used_; }
  [[nodiscard]] size_t refused() const { return refused_; }

 private:
  const size_t bytesMax_;
  size_t used_ = 0;
  size_t refused_ = 0;
};

}  // namespace coxswain::apiserver
