#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coxswain::apiserver {

/// Texts kept once, known by a number, for as long as somebody uses them. Comparing texts is
/// comparing numbers. One executor.
class Symbols {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0;  ///< of no text

  /// The text's number, which stays its own until as many `release` have been called.
  Id acquire(std::string_view text);
  void release(Id id);
  /// kNone: nobody uses the text.
  [[nodiscard]] Id find(std::string_view text) const;
  /// Of a number in use.
  [[nodiscard]] std::string_view text(Id id) const { return entries_[id].text; }
  [[nodiscard]] size_t size() const { return ids_.size(); }

 private:
  struct Entry {
    std::string text;
    uint32_t users = 0;
  };
  std::deque<Entry> entries_{1};  // texts do not move
  std::vector<Id> free_;
  std::unordered_map<std::string_view, Id> ids_;
};

}  // namespace coxswain::apiserver
