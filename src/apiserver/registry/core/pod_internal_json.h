#pragma once

#include <string>
#include <string_view>

#include "api/reflect/info.h"

namespace coxswain::apiserver {

/// A message as upstream's error messages show it: JSON of its internal struct, whose members have
/// Go names ("DNSPolicy"), are all written (null, "") and stand in Go's order. For pod specs,
/// templates and what is in them, and for the kinds of storage, resource and flow control.
std::string internalJson(const api::MessageInfo& info, const void* object);

template <typename T>
requires requires {
  T::kInfo;
}
std::string internalJson(const T& object) {
  return internalJson(T::info(), &object);
}

/// Unified diff (three lines around, no file names) of two texts of JSON, laid out with one space
/// per level; empty where they are equal. Bounded work: texts that differ in very many lines come
/// as one change.
std::string jsonDiff(std::string_view before, std::string_view after);

/// jsonDiff of the internal forms.
template <typename T>
std::string objectDiff(const T& before, const T& after) {
  return jsonDiff(internalJson(before), internalJson(after));
}

}  // namespace coxswain::apiserver
