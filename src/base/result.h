#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/status.h"

namespace coxswain {

/// A value, or the Status that says why there is none. `Result<void>` is not used: return Status.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  template <typename U = T>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::decay_t<U>, Status> &&
           !std::is_same_v<std::decay_t<U>, Result>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT
  /// `status` must be a failure.
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT
    assert(!std::get<1>(state_).ok());
  }

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// Success for a value.
  [[nodiscard]] Status status() const& { return ok() ? Status() : std::get<1>(state_); }
  [[nodiscard]] Status status() && { return ok() ? Status() : std::move(std::get<1>(state_)); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::move(std::get<0>(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <typename U>
  T valueOr(U&& other) const& {
    return ok() ? value() : static_cast<T>(std::forward<U>(other));
  }

 private:
  std::variant<T, Status> state_;
};

#define COXSWAIN_CONCAT_(a, b) a##b
#define COXSWAIN_CONCAT(a, b) COXSWAIN_CONCAT_(a, b)

/// TRY(auto pod, parse(text)); declares, or returns the failure from a plain function.
#define TRY(declaration, ...)                                     \
  auto COXSWAIN_CONCAT(tried_, __LINE__) = (__VA_ARGS__);         \
  if (!COXSWAIN_CONCAT(tried_, __LINE__).ok())                    \
    return std::move(COXSWAIN_CONCAT(tried_, __LINE__)).status(); \
  declaration = std::move(COXSWAIN_CONCAT(tried_, __LINE__)).value()

/// The same in a coroutine: CO_TRY(auto pod, co_await get(key));
#define CO_TRY(declaration, ...)                                     \
  auto COXSWAIN_CONCAT(tried_, __LINE__) = (__VA_ARGS__);            \
  if (!COXSWAIN_CONCAT(tried_, __LINE__).ok())                       \
    co_return std::move(COXSWAIN_CONCAT(tried_, __LINE__)).status(); \
  declaration = std::move(COXSWAIN_CONCAT(tried_, __LINE__)).value()

/// For calls that return Status.
#define TRY_STATUS(...)                              \
  do {                                               \
    ::coxswain::Status triedStatus_ = (__VA_ARGS__); \
    if (!triedStatus_.ok()) return triedStatus_;     \
  } while (false)

#define CO_TRY_STATUS(...)                           \
  do {                                               \
    ::coxswain::Status triedStatus_ = (__VA_ARGS__); \
    if (!triedStatus_.ok()) co_return triedStatus_;  \
  } while (false)

}  // namespace coxswain
