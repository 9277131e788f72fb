#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace coxswain::controllers::garbagecollector {

/// A uid in 16 bytes.
struct Uid {
  std::array<uint64_t, 2> bits{};
  bool operator==(const Uid&) const = default;

  /// Empty: it is not in the form that API servers give ("0123abcd-...", 36 characters).
  static std::optional<Uid> parse(std::string_view text);
};

struct UidHash {
  size_t operator()(const Uid& uid) const { return uid.bits[0] ^ uid.bits[1] * 0x9e3779b97f4a7c15; }
};

/// Uids in little memory. Those of another form are never in it.
class UidSet {
 public:
  void insert(std::string_view uid) {
    if (auto parsed = Uid::parse(uid)) all_.insert(*parsed);
  }
  void erase(std::string_view uid) {
    if (auto parsed = Uid::parse(uid)) all_.erase(*parsed);
  }
  [[nodiscard]] bool contains(std::string_view uid) const {
    auto parsed = Uid::parse(uid);
    return parsed && all_.contains(*parsed);
  }
  [[nodiscard]] size_t size() const { return all_.size(); }

 private:
  std::unordered_set<Uid, UidHash> all_;
};

/// Owners that are known to be gone for good (a uid never comes back): of very many the last ones.
class AbsentOwners {
 public:
  static constexpr size_t kMax = 50'000;

  void remember(std::string_view uid);
  [[nodiscard]] bool contains(std::string_view uid) const {
    auto parsed = Uid::parse(uid);
    return parsed && all_.contains(*parsed);
  }

 private:
  std::unordered_set<Uid, UidHash> all_;
  std::deque<Uid> order_;
};

}  // namespace coxswain::controllers::garbagecollector
