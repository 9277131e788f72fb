#pragma once

#include <cassert>
#include <cstddef>
#include <utility>

namespace coxswain::api {

struct MessageInfo;

/// What code that walks tables sees of a Box: one owning pointer.
struct BoxBase {
  void* pointer = nullptr;
};

/// Nullable owning pointer with the meaning of a value: copies deeply, compares deeply. For
/// messages that may be absent. T may be incomplete where only the Box is declared.
template <typename T>
class Box : private BoxBase {
 public:
  using value_type = T;

  Box() noexcept = default;
  Box(std::nullptr_t) noexcept {}                        // NOLINT
  Box(const T& value) { pointer = new T(value); }        // NOLINT
  Box(T&& value) { pointer = new T(std::move(value)); }  // NOLINT
  Box(const Box& other) { pointer = other ? new T(*other) : nullptr; }
  Box(Box&& other) noexcept { pointer = std::exchange(other.pointer, nullptr); }
  Box& operator=(const Box& other) {
    if (this != &other) {
      Box copy(other);
      std::swap(pointer, copy.pointer);
    }
    return *this;
  }
  Box& operator=(Box&& other) noexcept {
    if (this != &other) {
      Box moved(std::move(other));
      std::swap(pointer, moved.pointer);
    }
    return *this;
  }
  ~Box() { delete get(); }

  explicit operator bool() const noexcept { return pointer != nullptr; }
  [[nodiscard]] bool has_value() const noexcept { return pointer != nullptr; }
  T* get() noexcept { return static_cast<T*>(pointer); }
  const T* get() const noexcept { return static_cast<const T*>(pointer); }
  T& operator*() noexcept {
    assert(pointer);
    return *get();
  }
  const T& operator*() const noexcept {
    assert(pointer);
    return *get();
  }
  T* operator->() noexcept {
    assert(pointer);
    return get();
  }
  const T* operator->() const noexcept {
    assert(pointer);
    return get();
  }

  /// Replaces what is there.
  template <typename... Args>
  T& emplace(Args&&... args) {
    Box fresh;
    fresh.pointer = new T(std::forward<Args>(args)...);
    std::swap(pointer, fresh.pointer);
    return **this;
  }
  /// What is there, or a new empty T.
  T& getOrCreate() {
    if (!pointer) pointer = new T();
    return **this;
  }
  void reset() noexcept { delete static_cast<T*>(std::exchange(pointer, nullptr)); }

  bool operator==(const Box& other) const {
    if (!pointer || !other.pointer) return pointer == other.pointer;
    return **this == *other;
  }
};

}  // namespace coxswain::api
