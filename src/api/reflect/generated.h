#pragma once

// Only for generated code: what the tables in the .cc files are made of.

#include <optional>
#include <vector>

#include "api/reflect/box.h"
#include "api/reflect/equal.h"
#include "api/reflect/info.h"
#include "api/reflect/map.h"

namespace coxswain::api::generated {

template <typename T>
inline constexpr ContainerOps kVectorOps = {
    sizeof(T),
    [](const void* c) { return static_cast<const std::vector<T>*>(c)->size(); },
    [](const void* c, size_t i) -> const void* {
      return static_cast<const std::vector<T>*>(c)->data() + i;
    },
    [](void* c, size_t i) -> void* { return static_cast<std::vector<T>*>(c)->data() + i; },
    [](void* c) { static_cast<std::vector<T>*>(c)->clear(); },
    [](void* c, size_t count) { static_cast<std::vector<T>*>(c)->reserve(count); },
    [](void* c) -> void* { return &static_cast<std::vector<T>*>(c)->emplace_back(); },
    nullptr,
    nullptr,
};

template <typename T>
inline constexpr ContainerOps kMapOps = {
    sizeof(T),
    [](const void* c) { return static_cast<const Map<T>*>(c)->size(); },
    [](const void* c, size_t i) -> const void* {
      return &(static_cast<const Map<T>*>(c)->begin() + static_cast<ptrdiff_t>(i))->second;
    },
    [](void* c, size_t i) -> void* {
      return &(static_cast<Map<T>*>(c)->begin() + static_cast<ptrdiff_t>(i))->second;
    },
    [](void* c) { static_cast<Map<T>*>(c)->clear(); },
    [](void* c, size_t count) { static_cast<Map<T>*>(c)->reserve(count); },
    nullptr,
    [](const void* c, size_t i) -> std::string_view {
      return (static_cast<const Map<T>*>(c)->begin() + static_cast<ptrdiff_t>(i))->first;
    },
    [](void* c, std::string_view key, bool* added) -> void* {
      auto [at, isNew] = static_cast<Map<T>*>(c)->try_emplace(key);
      if (added) *added = isNew;
      return &at->second;
    },
};

inline constexpr FieldMeta kNoMeta{};

template <typename T>
void* create() {
  return new T();
}
template <typename T>
void destroy(void* object) {
  delete static_cast<T*>(object);
}
template <typename T>
void* clone(const void* object) {
  return new T(*static_cast<const T*>(object));
}
template <typename T>
void assign(void* to, const void* from) {
  *static_cast<T*>(to) = *static_cast<const T*>(from);
}
template <typename T>
void moveAssign(void* to, void* from) {
  *static_cast<T*>(to) = std::move(*static_cast<T*>(from));
}

}  // namespace coxswain::api::generated

/// Special members of a generated struct, out of line.
#define COXSWAIN_MESSAGE_DEFINE(T)                      \
  T::T() = default;                                     \
  T::~T() = default;                                    \
  T::T(const T&) = default;                             \
  T::T(T&&) noexcept = default;                         \
  T& T::operator=(const T&) = default;                  \
  T& T::operator=(T&&) noexcept = default;              \
  bool T::operator==(const T& other) const {            \
    return ::coxswain::api::equal(kInfo, this, &other); \
  }
