#pragma once

namespace coxswain::api {

struct MessageInfo;

/// Member by member. Quantities compare as they are written ("1" is not "1000m").
bool equal(const MessageInfo& info, const void* a, const void* b);

/// As upstream's `equality.Semantic.DeepEqual`: Quantities compare by value, times as instants,
/// unset lists and maps equal empty ones.
bool semanticEqual(const MessageInfo& info, const void* a, const void* b);

template <typename T>
bool semanticEqual(const T& a, const T& b) {
  return semanticEqual(T::info(), &a, &b);
}

}  // namespace coxswain::api
