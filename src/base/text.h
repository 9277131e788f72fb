#pragma once

#include <string>
#include <string_view>

namespace coxswain {

/// Letters of ASCII become small; all else stays.
constexpr char lowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lowerCase(c);
  return out;
}

}  // namespace coxswain
