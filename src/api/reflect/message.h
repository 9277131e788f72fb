#pragma once

namespace coxswain::api {
struct MessageInfo;
}

/// What every generated struct has: values that copy, move and compare (exactly; see
/// reflect/equal.h for the semantic comparison), and a description.
#define COXSWAIN_MESSAGE(T)                           \
  T();                                                \
  ~T();                                               \
  T(const T&);                                        \
  T(T&&) noexcept;                                    \
  T& operator=(const T&);                             \
  T& operator=(T&&) noexcept;                         \
  bool operator==(const T&) const;                    \
  static const ::coxswain::api::MessageInfo kInfo;    \
  static const ::coxswain::api::MessageInfo& info() { \
    return kInfo;                                     \
  }
