#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coxswain::controllers::job {

/// A set of completion indexes, kept as intervals: status.completedIndexes is "1,3-5,7". Jobs may
/// have 100,000 of them: what is done with a set costs by its intervals.
class IndexSet {
 public:
  /// What is no such list, and what lies beyond `end`, is left out.
  static IndexSet parse(std::string_view text, int32_t end);
  /// In any order.
  static IndexSet of(std::vector<int32_t> indexes);

  void add(int32_t index);
  void add(const IndexSet& other);
  [[nodiscard]] bool contains(int32_t index) const;
  [[nodiscard]] int32_t size() const;
  [[nodiscard]] bool empty() const { return intervals_.empty(); }
  /// How many are in both.
  [[nodiscard]] int32_t common(const IndexSet& other) const;
  /// The first `count` of [0, end) that are not in the set.
  [[nodiscard]] std::vector<int32_t> missing(size_t count, int32_t end) const;
  /// Two neighbours are "3,4", three and more "3-5".
  [[nodiscard]] std::string str() const;

 private:
  void addInterval(int32_t first, int32_t last);
  std::vector<std::pair<int32_t, int32_t>> intervals_;  ///< ascending, apart, ends included
};

}  // namespace coxswain::controllers::job
