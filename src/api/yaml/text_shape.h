#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coxswain::api {

struct Rune {
  uint32_t value = 0xfffd;
  size_t length = 1;
  bool valid = false;
};
Rune decodeRune(std::string_view text, size_t at);

/// In which forms a text may be written in YAML without becoming another.
struct TextShape {
  bool validUtf8 = true;
  bool plainAllowed = true;  ///< in block context
  bool singleQuotedAllowed = true;
  bool blockAllowed = true;  ///< as "|"
  bool multiline = false;
};
TextShape shapeOf(std::string_view text);

/// In double quotes.
bool needsEscape(uint32_t rune);

}  // namespace coxswain::api
