#pragma once

namespace coxswain::api {

/// A bool in a list: std::vector<bool> has no elements one could point at.
struct BoolItem {
  bool value = false;

  constexpr BoolItem() = default;
  constexpr BoolItem(bool b) : value(b) {}           // NOLINT
  constexpr operator bool() const { return value; }  // NOLINT
  bool operator==(const BoolItem&) const = default;
};

}  // namespace coxswain::api
