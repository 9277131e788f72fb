#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace coxswain {

/// A value that must not be mixed up with others of the same representation:
///     using NodeName = Strong<std::string, struct NodeNameTag>;
template <typename T, typename Tag>
class Strong {
 public:
  Strong() = default;
  explicit Strong(T value) : value_(std::move(value)) {}
  [[nodiscard]] const T& get() const { return value_; }
  auto operator<=>(const Strong&) const = default;

 private:
  T value_{};
};

}  // namespace coxswain

template <typename T, typename Tag>
struct std::hash<coxswain::Strong<T, Tag>> {
  size_t operator()(const coxswain::Strong<T, Tag>& s) const { return std::hash<T>()(s.get()); }
};
