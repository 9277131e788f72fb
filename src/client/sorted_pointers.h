#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace coxswain::client {

/// A set of pointers in an order, in about eight bytes each (a node of std::set takes 48): lists of
/// some hundreds, in order among themselves and within. Less(a, b) compares pointers; those of
/// equal rank are the same.
template <typename T, typename Less>
class SortedPointers {
 public:
  /// False: it is there already.
  bool insert(const T* one) {
    if (chunks_.empty()) chunks_.emplace_back();
    const size_t at = chunkOf(one);
    auto& chunk = chunks_[at];
    const auto place = std::lower_bound(chunk.begin(), chunk.end(), one, Less());
    if (place != chunk.end() && !Less()(one, *place)) return false;
    ++size_;
    if (chunk.size() < kMax) {
      chunk.insert(place, one);
      return true;
    }
    // What comes in order fills the lists.
    const bool last = place == chunk.end() && at + 1 == chunks_.size();
    const auto middle = last ? chunk.end() : chunk.begin() + kMax / 2;
    std::vector<const T*> upper(middle, chunk.end());
    chunk.erase(middle, chunk.end());
    auto& into = last || Less()(upper.front(), one) ? upper : chunk;
    into.insert(std::lower_bound(into.begin(), into.end(), one, Less()), one);
    chunk.shrink_to_fit();
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(upper));
    return true;
  }

  /// No effect where it is not there.
  void erase(const T* one) {
    if (chunks_.empty()) return;
    const size_t at = chunkOf(one);
    auto& chunk = chunks_[at];
    const auto place = std::lower_bound(chunk.begin(), chunk.end(), one, Less());
    if (place == chunk.end() || Less()(one, *place)) return;
    --size_;
    chunk.erase(place);
    if (chunk.empty()) {
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (at + 1 < chunks_.size() && chunk.size() + chunks_[at + 1].size() <= kMax / 2) {
      merge(at);
    } else if (at > 0 && chunk.size() + chunks_[at - 1].size() <= kMax / 2) {
      merge(at - 1);
    }
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  template <typename Visit>
  void forEach(Visit visit) const {
    for (const auto& chunk : chunks_) {
      for (const T* one : chunk) visit(*one);
    }
  }

 private:
  static constexpr size_t kMax = 256;

  /// The last one that does not begin after it; the first, where all do.
  [[nodiscard]] size_t chunkOf(const T* one) const {
    const auto after = std::upper_bound(
        chunks_.begin(), chunks_.end(), one,
        [](const T* a, const auto& chunk) { return !chunk.empty() && Less()(a, chunk.front()); });
    return after == chunks_.begin() ? 0 : static_cast<size_t>(after - chunks_.begin()) - 1;
  }
  void merge(size_t at) {
    auto& next = chunks_[at + 1];
    chunks_[at].insert(chunks_[at].end(), next.begin(), next.end());
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }

  std::vector<std::vector<const T*>> chunks_;
  size_t size_ = 0;
};

}  // namespace coxswain::client
